#!/bin/sh
# npm test: installs what is missing, builds, checks, and runs every test. TAP output stays in build/test/.
# Prints a line for each test file as it ends; no cursor movements, so the output can go to a file.
# The last line is "N passed, N failed", counted from that output.
#
#   npm test -- FILE...     runs these files only: no types, no lint; no build if all of them are in test/unit/
set -u
cd "$(dirname "$0")/.." || exit 1
results=build/test
node scripts/prerequisites.cjs || exit 1
mkdir -p $results
rm -f $results/*.tap
passed=0
failed=0

# step NAME COMMAND...: must succeed before the tests make sense.
step() {
    name=$1
    shift
    echo "# $name"
    "$@" && return
    echo "# $name: failed"
    echo "0 passed, 1 failed"
    exit 1
}

# A run that fails without a failed test (a crash, a time-out, a missing file) counts as one failure.
count() {
    passed=$((passed + $2))
    failed=$((failed + $3))
    if [ "$1" -ne 0 ] && [ "$3" -eq 0 ]; then failed=$((failed + 1)); fi
}

units_only() {
    for file in "$@"; do
        case $file in test/unit/* | ./test/unit/*) ;; *) return 1 ;; esac
    done
}

# Servers are started as other users and files given to them: everything but the unit tests needs root.
if [ "$(id -u)" -ne 0 ] && { [ $# -eq 0 ] || ! units_only "$@"; }; then
    if ! command -v sudo >/dev/null || ! sudo -n true 2>/dev/null; then
        echo "npm test: run as root, or as a user who may use sudo without a password; npm run unit needs neither" >&2
        exit 1
    fi
    sudo -n -E env PATH="$PATH" HOME=/root sh test/run.sh "$@"
    status=$?
    sudo -n chown -R "$(id -u):$(id -g)" build .tap client-c
    exit $status
fi

if [ $# -eq 0 ]; then
    echo "# every test: a quarter of an hour on an idle machine, and some minutes more the first time, to install packages"
    step "packages" sh scripts/packages.sh test
    step "build" npm run -s build
    step "types" npm run -s check
    step "lint" npm run -s lint

    echo "# C tests of libdjauth and djauth under ASan, UBSan and TSan"
    make -s -C client-c check >$results/c.tap
    status=$?
    grep -aE '^(not ok|Bail)' $results/c.tap
    count $status "$(grep -ac '^ok ' $results/c.tap)" "$(grep -ac '^not ok ' $results/c.tap)"
elif ! units_only "$@"; then
    step "packages" sh scripts/packages.sh test
    step "build" npm run -s build
fi

# tests NAME COMMAND...: runs tap and counts its results.
tests() {
    output=$results/$1.tap
    shift
    # --fail-skip: a missing server or package is a failure.
    "$@" --fail-skip --reporter=test/progress.mjs --reporter-arg="$output"
    status=$?
    summary=$(grep -aE '^# \{ total: ' "$output" | tail -n 1)
    all=$(number total)
    good=$(number pass)
    count $status "${good:-0}" $((${all:-0} - ${good:-0}))
}
number() { echo "$summary" | sed -n "s/.*[{ ]$1: \([0-9]*\).*/\1/p"; }

echo "# TypeScript tests"
tests tap npx tap "$@"

if [ $# -eq 0 ]; then
    for mpm in prefork worker; do
        echo "# Apache tests with MPM $mpm"
        tests apache-$mpm env MPM=$mpm npx tap test/apache/status.test.ts test/apache/require.test.ts \
            test/apache/cached-verdict.test.ts test/apache/environment.test.ts
    done

    # The daemon as built on a machine without a compiler. test/hashers/implementation.test.ts checks that this one runs.
    echo "# tests without the PBKDF2 addon"
    rm -rf build/no-addon && mkdir build/no-addon &&
        cp build/djauthd build/djauthd.cache build/*.js build/package.json build/no-addon/
    tests no-addon env DJAUTH_NO_ADDON=1 npx tap test/hashers/implementation.test.ts test/hashers/accepted.test.ts \
        test/hashers/timing.test.ts test/integration/verdict.test.ts test/fault/secrets.test.ts test/fault/postgres.test.ts

    echo "# the slowest test files"
    sed -n 's/^\(not \)*ok [0-9]* - \(test\/[^ ]*\) # time=\([0-9.]*\)ms.*/\3 \2/p' $results/tap.tap |
        sort -rn | head -n 10 | awk '{ printf "%7.1f s  %s\n", $1 / 1000, $2 }'
fi

# Repeated at the end, where a reader of a long log looks first.
if [ "$failed" -gt 0 ]; then grep -aHE '^ *(not ok|Bail)' $results/*.tap; fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
