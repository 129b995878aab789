#!/bin/sh
# npm test: sets up, builds, checks and runs every test; what the tests said stays in build/test/.
# The last line is "N passed, N failed", counted from what the tests wrote. Arguments: test files to run instead of all.
set -u
cd "$(dirname "$0")/.." || exit 1
results=build/test
mkdir -p $results
rm -f $results/*.tap
passed=0
failed=0

# step NAME COMMAND...: something that must succeed before tests make sense.
step() {
    name=$1
    shift
    echo "# $name"
    "$@" && return
    echo "# $name: failed"
    echo "0 passed, 1 failed"
    exit 1
}

# A run that fails without a failed test (a crash, a time-out, a missing file) is one failure of its own.
count() {
    passed=$((passed + $2))
    failed=$((failed + $3))
    if [ "$1" -ne 0 ] && [ "$3" -eq 0 ]; then failed=$((failed + 1)); fi
}

step "packages" sh scripts/packages.sh test
step "build" npm run -s build
step "types" npm run -s check
step "style" npm run -s lint

if [ $# -eq 0 ]; then
    echo "# C: libdjauth and djauth under ASan, UBSan and TSan"
    make -s -C client-c check >$results/c.tap
    status=$?
    grep -E '^(not ok|Bail)' $results/c.tap
    count $status "$(grep -c '^ok ' $results/c.tap)" "$(grep -c '^not ok ' $results/c.tap)"
fi

# tests NAME COMMAND...: a run of tap, and what it counted.
tests() {
    output=$results/$1.tap
    shift
    # --fail-skip: what is tested here may not be missing on the machine.
    "$@" --fail-skip --reporter=terse --output-file="$output"
    status=$?
    summary=$(grep -E '^# \{ total: ' "$output" | tail -n 1)
    all=$(number total)
    good=$(number pass)
    count $status "${good:-0}" $((${all:-0} - ${good:-0}))
}
number() { echo "$summary" | sed -n "s/.*[{ ]$1: \([0-9]*\).*/\1/p"; }

echo "# TypeScript, live Apache, Django"
tests tap npx tap "$@"

if [ $# -eq 0 ]; then
    for mpm in prefork worker; do
        echo "# live Apache with MPM $mpm"
        tests apache-$mpm env MPM=$mpm npx tap test/apache/status.test.ts test/apache/require.test.ts \
            test/apache/once.test.ts test/apache/environment.test.ts
    done

    # What a machine without a compiler has. test/hashers/implementation.test.ts sees to it that this is what runs.
    echo "# the daemon without its addon for PBKDF2"
    rm -rf build/no-addon && mkdir build/no-addon &&
        cp build/djauthd build/djauthd.cache build/*.js build/package.json build/no-addon/
    tests no-addon env DJAUTH_NO_ADDON=1 npx tap test/hashers/implementation.test.ts test/hashers/accepted.test.ts \
        test/hashers/timing.test.ts test/integration/verdict.test.ts test/fault/secrets.test.ts test/fault/postgres.test.ts
fi

# Where there is much to read, what failed stands at the end of it.
if [ "$failed" -gt 0 ]; then grep -HE '^ *(not ok|Bail)' $results/*.tap; fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
