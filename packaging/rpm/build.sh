#!/bin/sh
# Builds the RPM packages into build/rpm/ on Fedora, RHEL or a relative: sh packaging/rpm/build.sh [RPMBUILD-OPTION...]
#
# Needs git, npm and the network for "npm ci"; rpmbuild itself needs none. The tree is that of the last commit.
set -eu
cd "$(dirname "$0")/../.."
top=$PWD/build/rpm
version=$(node -p 'require("./package.json").version')
name=djauthd-$version
rm -rf "$top"
mkdir -p "$top/SOURCES" "$top/modules"

git archive --prefix="$name/" -o "$top/SOURCES/$name.tar.gz" HEAD
cp package.json package-lock.json "$top/modules/"
npm ci --silent --ignore-scripts --no-audit --no-fund --prefix "$top/modules"
tar -C "$top/modules" -czf "$top/SOURCES/$name-node_modules.tar.gz" node_modules
rm -r "$top/modules"

rpmbuild -bb --define "_topdir $top" "$@" packaging/rpm/djauthd.spec
find "$top/RPMS" -name '*.rpm'
