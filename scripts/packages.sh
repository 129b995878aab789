#!/bin/sh
# Installs the Debian packages that are missing.   scripts/packages.sh build|demo|test|bench
# Says first what it will install; without the right to, prints the one line to run and exits 1.
set -eu

build='gcc libc6-dev make pkg-config apache2-bin apache2-dev libmsgpack-dev'
demo="$build curl"
test="$demo postgresql pgbouncer mariadb-server python3-mysqldb python3-django python3-psycopg2 python3-argon2 python3-bcrypt clang libclang-rt-14-dev
      apache2-utils subversion subversion-tools libapache2-mod-svn libsvn-dev git litmus cadaver systemd g++ python3-prometheus-client chromium groff-base"
bench="$build apache2-utils wrk postgresql python3-django python3-psycopg2 libapache2-mod-wsgi-py3 libaprutil1-dbd-sqlite3
       subversion libapache2-mod-svn libssl-dev"

case "${1:-test}" in
build) wanted=$build ;;
demo) wanted=$demo ;;
test) wanted=$test ;;
bench) wanted=$bench ;;
*) echo "packages.sh: \"$1\" is no set of packages; there are build, demo, test and bench" >&2; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null; then
    echo "packages.sh: this is no Debian; please see to it that these are there: $wanted" >&2
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

install="apt-get install -y --no-install-recommends$missing"
if [ "$(id -u)" = 0 ]; then
    as_root=
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    as_root=sudo
else
    echo "Debian packages are missing, and this user may not install them. Please run:" >&2
    echo "    sudo sh -c 'apt-get update && $install'" >&2
    exit 1
fi
echo "Installing the Debian packages that are missing:$missing" >&2
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get -qq update
# shellcheck disable=SC2086  # the list is words
$as_root env DEBIAN_FRONTEND=noninteractive $install >/dev/null
