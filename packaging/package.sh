#!/bin/sh
# npm run package: builds the Debian packages into build/packages/, for the release of Debian that it runs on.
#
#   SOURCE_DATE_EPOCH=...    the time of the packages' files; default: that of the last commit
#
# Two runs give the same octets, wherever the clone is. Needs git, npm ci, and the packages of "npm run setup package".
set -eu
cd "$(dirname "$0")/.."
out=build/packages
work=$out/work
tree=$work/djauthd

command -v dpkg-buildpackage >/dev/null && command -v dh >/dev/null || {
    echo 'package: debhelper not found; run "npm run setup package" to install the packages that the build needs' >&2
    exit 1
}
[ "$(dpkg --print-architecture)" = amd64 ] || {
    echo "package: this machine is $(dpkg --print-architecture); the packages are built on amd64, for which Node.js is pinned in packaging/node" >&2
    exit 1
}
[ -d node_modules ] || npm ci --no-audit --no-fund
npm ci --silent --ignore-scripts --no-audit --no-fund --prefix packaging/node

. /etc/os-release
version=$(node -p 'require("./package.json").version')+$(echo "$ID" | cut -c1-3)$VERSION_ID
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH LC_ALL=C.UTF-8 TZ=UTC
umask 022

# The tree as git knows it, changes included.
rm -rf "$work"
mkdir -p "$tree"
git ls-files -z --cached --others --exclude-standard | tar -c --null -T - | tar -x -C "$tree"
mv "$tree/packaging/debian" "$tree/debian"
cp -al node_modules "$tree/node_modules"
ln -s "$PWD/packaging/node/node_modules" "$tree/packaging/node/node_modules"
maintainer=$(sed -n 's/^Maintainer: //p' "$tree/debian/control")
cat >"$tree/debian/changelog" <<CHANGELOG
djauthd ($version) ${VERSION_CODENAME:-unstable}; urgency=medium

  * Version ${version%+*}; see /usr/share/doc/djauthd/releases.md.gz.

 -- $maintainer  $(date -R -d "@$SOURCE_DATE_EPOCH")
CHANGELOG

(
    cd "$tree"
    dpkg-checkbuilddeps || { echo 'package: packages are missing; run "npm run setup package"' >&2; exit 1; }
    # No packages of debugging symbols: "apt install ./*.deb" would install them.
    DEB_BUILD_OPTIONS="noautodbgsym ${DEB_BUILD_OPTIONS:-}" dpkg-buildpackage --build=binary --unsigned-changes --no-check-builddeps
) >"$out/build.log" 2>&1 || {
    tail -n 30 "$out/build.log" >&2
    echo "package: the build failed; all of it is in $out/build.log" >&2
    exit 1
}
rm -f "$out"/*.deb "$out"/*.changes "$out"/*.buildinfo
mv "$work"/*.deb "$work"/*.changes "$work"/*.buildinfo "$out/"
rm -rf "$work"
ls -l "$out"/*.deb | awk '{ printf "%11d octets  %s\n", $5, $NF }'
