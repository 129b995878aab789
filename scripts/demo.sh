#!/bin/sh
# npm run demo: installs what is missing, builds, and runs the main job on embedded SQLite.
set -eu
cd "$(dirname "$0")/.."
node scripts/prerequisites.cjs
sh scripts/packages.sh demo
echo "Building (a minute on a small machine) ..." >&2
npm run -s build
exec node_modules/.bin/tsx test/demo/demo.ts "$@"
