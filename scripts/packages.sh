#!/bin/sh
# Installs the Debian packages that are missing.   scripts/packages.sh [build|demo|test|bench|package]
# Prints what it will install. Without the permission to install, it prints the command to run and exits 1.
set -eu

build='gcc libc6-dev make pkg-config apache2-bin apache2-dev libmsgpack-dev libssl-dev'
demo="$build curl"
test="$demo postgresql pgbouncer redis-server mariadb-server python3-mysqldb python3-django python3-psycopg2 python3-argon2 python3-bcrypt clang libclang-rt-dev
      apache2-utils subversion subversion-tools libapache2-mod-svn libsvn-dev libsqlite3-dev git litmus cadaver systemd g++ python3-prometheus-client chromium groff-base
      fail2ban man-db rpm rpmlint"
bench="$build apache2-utils wrk postgresql python3-django python3-psycopg2 libapache2-mod-wsgi-py3 libaprutil1-dbd-sqlite3
       subversion libapache2-mod-svn openssl strace mariadb-server libapache2-mod-authnz-external sasl2-bin dovecot-core dovecot-sqlite"
package="$build build-essential git debhelper libsqlite3-dev"

case "${1:-test}" in
build) wanted=$build ;;
demo) wanted=$demo ;;
test) wanted=$test ;;
bench) wanted=$bench ;;
package) wanted=$package ;;
*) echo "packages.sh: unknown set of packages \"$1\"; accepted: build, demo, test, bench, package" >&2; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null; then
    echo "packages.sh: this is not Debian; install the equivalents of: $wanted" >&2
    exit 0
fi

missing=
for package in $wanted; do
    case $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || :) in
    installed) ;;
    *) missing="$missing $package" ;;
    esac
done
[ -n "$missing" ] || exit 0

# Another apt may be running, such as unattended-upgrades.
install="apt-get -o DPkg::Lock::Timeout=600 install -y --no-install-recommends$missing"
if [ "$(id -u)" = 0 ]; then
    as_root=
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    as_root=sudo
else
    echo "packages.sh: Debian packages are missing and this user cannot install them; run:" >&2
    echo "    sudo sh -c 'apt-get update && $install'" >&2
    exit 1
fi
echo "Installing Debian packages:$missing" >&2
$as_root apt-get -qq -o DPkg::Lock::Timeout=600 update

# apt prints several lines for each package: a line for each tenth of them is enough to see that it goes on.
failed=$(mktemp)
trap 'rm -f "$failed"' EXIT
# shellcheck disable=SC2086  # the list is words
{ $as_root env LC_ALL=C DEBIAN_FRONTEND=noninteractive $install -o Dpkg::Use-Pty=0 || echo "$?" >"$failed"; } | awk '
    / newly installed/ { total = $1 + $3; print "    " total " packages" }
    /^Need to get/ { print "    " $4 " " $5 " to download" }
    /^(Unpacking|Setting up) / && total > 0 {
        done += 0.5
        if (done >= mark) { printf "    %3d %%  %s\n", 100 * done / total, $1 == "Setting" ? $1 " " $2 " " $3 : $1 " " $2; mark += total / 10 }
    }
    { fflush() }' >&2
[ ! -s "$failed" ] || { echo "packages.sh: apt-get failed; see above" >&2; exit 1; }
