#!/bin/sh
# npm run test:packages: builds the Debian packages in new Debian roots and tries them there, under systemd. As root, with
# debootstrap, on a kernel with cgroup2. Prints TAP, and what lintian says.
#
#   sh test/packages/packages.sh [SUITE...]      default: bookworm trixie
#
#   ROOTS=/opt/djauthd-packages    where the roots are; those of an earlier run are used again (rm -r: nothing is mounted there)
#   NODE=...                       a Node.js for the clone in the root: a directory with bin/node and lib/node_modules/npm.
#                                  Default: Node.js 24 of packaging/node, and this machine's npm
#   MIRROR=...                     of Debian
#   STEPS="build try walk plain"   some of them alone: build the packages; install, upgrade, remove; follow docs/walkthrough.md;
#                                  follow docs/without-systemd.md
#
# Three roots for each suite: BASE, which the others are copied from; BUILD, with a compiler; RUN, which is booted with a
# network of its own: the packages that it needs are downloaded before.
set -eu
cd "$(dirname "$0")/../.."
here=$PWD
roots=${ROOTS:-/opt/djauthd-packages}
mirror=${MIRROR:-http://deb.debian.org/debian}
steps=${STEPS:-build try walk plain}
[ $# -gt 0 ] || set -- bookworm trixie
mkdir -p "$roots"
failed=0

# inside ROOT COMMAND: runs a shell command in the root, in namespaces of its own.
inside() {
    unshare --mount --pid --fork --kill-child sh -ceu '
        mount --make-rprivate /
        mount -t proc proc "$1/proc"
        for directory in /dev /dev/pts /dev/shm /sys; do mount --bind $directory "$1$directory"; done
        exec chroot "$1" /usr/bin/env -i HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
            PATH=/opt/node/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
            NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt sh -ceu "$2"' sh "$1" "$2"
}

# boot ROOT: starts systemd in the root; its process is the child of $booted. No network but its own lo.
boot() {
    unshare --mount --pid --uts --ipc --cgroup --net --fork --kill-child sh -ceu '
        mount --make-rprivate /
        mount --bind "$1" "$1"
        mount -t proc proc "$1/proc"
        mount -t sysfs sysfs "$1/sys"
        mount -t cgroup2 cgroup2 "$1/sys/fs/cgroup" 2>/dev/null || {
            mount -t tmpfs tmpfs "$1/sys/fs/cgroup" && mount -t cgroup2 cgroup2 "$1/sys/fs/cgroup"; }
        mount -t tmpfs -o mode=755 tmpfs "$1/run"
        mount -t tmpfs -o mode=755 tmpfs "$1/dev"
        mkdir "$1/dev/pts" "$1/dev/shm"
        for name in null zero full random urandom tty; do touch "$1/dev/$name"; mount --bind /dev/$name "$1/dev/$name"; done
        mount -t devpts -o newinstance,ptmxmode=0666 devpts "$1/dev/pts"
        mount -t tmpfs -o mode=1777 tmpfs "$1/dev/shm"
        ln -s pts/ptmx "$1/dev/ptmx"
        ln -s /proc/self/fd "$1/dev/fd"
        cd "$1"
        pivot_root . . # not chroot, in which there are no user namespaces (PrivateUsers=)
        umount --lazy .
        exec /usr/bin/env -i container=lxc PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd' sh "$1" </dev/null >/dev/null 2>&1 &
    booted=$!
    for try in $(seq 60); do
        sleep 1
        init=$(cat "/proc/$booted/task/$booted/children" 2>/dev/null) || break
        case $(booted "systemctl is-system-running 2>/dev/null || :") in running | degraded) return ;; esac
    done
    echo "packages.sh: systemd does not start in $1" >&2
    exit 1
}
# booted COMMAND: runs a shell command in the booted root.
booted() {
    nsenter -t $init --mount --pid --uts --ipc --cgroup --net --root --wd \
        /usr/bin/env -i HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        sh -ceu "cd /root; $1"
}
halt() { kill -KILL "$booted" 2>/dev/null || :; wait "$booted" 2>/dev/null || :; }
trap 'halt' EXIT
booted=

base() {
    [ ! -e "$roots/base-$1/ready" ] || return 0
    rm -rf "$roots/base-$1"
    debootstrap --variant=minbase "$1" "$roots/base-$1" "$mirror" >"$roots/base-$1.log"
    cp -L /etc/resolv.conf /etc/hosts "$roots/base-$1/etc/"
    printf 'APT::Install-Recommends "false";\nAcquire::Check-Valid-Until "false";\nAcquire::Check-Date "false";\n' >"$roots/base-$1/etc/apt/apt.conf.d/99fresh"
    inside "$roots/base-$1" "apt-get -qq update && touch /ready"
}

# The packages of the commit that is checked out here, built in two folders: the octets must be the same.
build() {
    root=$roots/build-$1
    if [ ! -e "$root/built-in" ]; then
        rm -rf "$root"
        cp -a "$roots/base-$1" "$root"
        inside "$root" 'apt-get -qq install -y ca-certificates git lintian' >"$root.log" 2>&1
        cp /usr/local/share/ca-certificates/*.crt "$root/usr/local/share/ca-certificates/" 2>/dev/null || :
        inside "$root" update-ca-certificates >>"$root.log" 2>&1
        for file in /etc/npmrc /usr/etc/npmrc /opt/node/etc/npmrc; do
            [ ! -e "$(npm config get globalconfig)" ] || { mkdir -p "$root${file%/*}" && cp "$(npm config get globalconfig)" "$root$file"; }
        done
        if [ -n "${NODE:-}" ]; then
            cp -a "$NODE/." "$root/opt/node"
        else
            npm ci --silent --ignore-scripts --prefix packaging/node
            mkdir -p "$root/opt/node/bin" "$root/opt/node/lib/node_modules"
            cp packaging/node/node_modules/node24/bin/node "$root/opt/node/bin/"
            cp -a "$(npm root -g)/npm" "$root/opt/node/lib/node_modules/"
            ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/opt/node/bin/npm"
            ln -s ../lib/node_modules/npm/bin/npx-cli.js "$root/opt/node/bin/npx"
        fi
        touch "$root/built-in"
    fi
    for place in root/one srv/another/place; do
        rm -rf "${root:?}/$place"
        mkdir -p "$root/$place"
        git clone -q "file://$PWD" "$root/$place/djauthd"
        # shellcheck disable=SC2016
        inside "$root" "cd /$place/djauthd && sh scripts/packages.sh package && npm ci --silent && npm run package" >"$roots/build-$1-${place%%/*}.log" 2>&1 || {
            tail -n 20 "$roots/build-$1-${place%%/*}.log"
            return 1
        }
    done
    rm -rf "$roots/debs-$1"
    mkdir -p "$roots/debs-$1"
    cp "$root"/root/one/djauthd/build/packages/* "$roots/debs-$1/"
    check "$1: built twice in different folders, the packages are the same octets" \
        sh -c 'cd "$1" && sha256sum *.deb >"$3" && cd "$2" && sha256sum --check --quiet "$3"' sh \
        "$root/root/one/djauthd/build/packages" "$root/srv/another/place/djauthd/build/packages" "$roots/debs-$1/SHA256"
    echo "# lintian of $1:"
    inside "$root" 'lintian --version; cd /root/one/djauthd/build/packages; lintian --info --display-info --show-overrides *.changes' >"$roots/lintian-$1.log" 2>&1 || :
    grep -vE '^N:' "$roots/lintian-$1.log" | sed 's/^/#   /'
    # Not its exit status, which counts overridden tags that are shown.
    check "$1: lintian finds no error and no warning" \
        sh -c 'grep -q "^N: \|^[IO]: " "$1" && ! grep "^[EW]: " "$1"' sh "$roots/lintian-$1.log"
    inside "$root" 'cd /root/one/djauthd/build/packages && dpkg -i libdjauth0_*.deb libdjauth-dev_*.deb >/dev/null &&
        zcat -f /usr/share/doc/libdjauth-dev/examples/login.c* >/tmp/login.c && cc -o /tmp/login /tmp/login.c $(pkg-config --cflags --libs djauth) && ldd /tmp/login' >"$roots/dev-$1.log" 2>&1 || :
    check "$1: the example compiles with libdjauth-dev and uses libdjauth0" grep -q 'libdjauth.so.0 => /' "$roots/dev-$1.log"
}

# The version before, of which no package exists: the same with a lower number, other defaults, and a file that is gone since.
before() {
    rm -rf "$roots/work"
    mkdir -p "$roots/before-$1"
    rm -f "$roots/before-$1"/*
    for deb in "$roots/debs-$1"/*.deb; do
        dpkg-deb -R "$deb" "$roots/work"
        sed -i -E 's/\b0\.1\.0\+/0.0.9+/' "$roots/work/DEBIAN/control"
        case ${deb##*/} in
        djauthd_*)
            echo '// gone since' >"$roots/work/usr/lib/djauthd/gone.js"
            echo '# before' >>"$roots/work/etc/djauthd/djauthd.toml"
            ;;
        libapache2*) echo '# before' >>"$roots/work/etc/apache2/mods-available/authnz_django.conf" ;;
        esac
        (cd "$roots/work" && find . -type f ! -path './DEBIAN/*' ! -path './etc/*' -printf '%P\0' | xargs -0 md5sum >DEBIAN/md5sums)
        name=${deb##*/}
        dpkg-deb --root-owner-group -Znone -b "$roots/work" "$roots/before-$1/$(echo "$name" | sed 's/_0\.1\.0+/_0.0.9+/')" >/dev/null
        rm -rf "$roots/work"
    done
}

try() {
    root=$roots/run-$1
    rm -rf "$root"
    cp -a "$roots/base-$1" "$root"
    mkdir "$root/root/now" "$root/root/before" "$root/root/nodes"
    before "$1"
    cp "$roots/debs-$1"/*.deb "$root/root/now/"
    cp "$roots/before-$1"/*.deb "$root/root/before/"
    # Debian 13's own nodejs is new enough: there the daemon runs with it.
    [ "$1" = bookworm ] || rm "$root"/root/*/djauthd-node_*.deb
    for node in node20 node22 node24; do cp "packaging/node/node_modules/$node/bin/node" "$root/root/nodes/$node"; done
    cp test/packages/inside.sh test/packages/load.py test/fixtures/schema/auth.sql "$root/root/"
    inside "$root" 'apt-get -qq install -y systemd systemd-sysv dbus apache2 curl python3 sqlite3 iproute2 man-db' >"$root.log" 2>&1
    inside "$root" 'apt-get -qq install -y --download-only /root/now/*.deb' >>"$root.log" 2>&1
    boot "$root"
    booted "ip link set lo up; systemctl restart apache2; sh inside.sh $1" && status=0 || status=$?
    halt
    check "$1: all tests in the booted root" test $status -eq 0
}

# blocks DOCUMENT DIRECTORY: the commands of the document's sections, each as N.sh.
blocks() {
    mkdir -p "$2"
    awk -v out="$2" '/^## / { n++ } /^```$/ { on = 0 } on { print >(out "/" n ".sh") } /^```sh$/ { on = 1 }' "$1"
}

# now SUITE ROOT: the packages in the root.
now() {
    mkdir "$2/root/now"
    cp "$roots/debs-$1"/*.deb "$2/root/now/"
    [ "$1" = bookworm ] || rm "$2"/root/now/djauthd-node_*.deb
}

walk() {
    root=$roots/walk-$1
    rm -rf "$root"
    cp -a "$roots/base-$1" "$root"
    now "$1" "$root"
    cp test/packages/walkthrough.sh "$root/root/"
    blocks docs/walkthrough.md "$root/root/walkthrough"
    # As the document says.
    [ "$1" != bookworm ] || sed -i '/^apt install/s|\./djauth_|./djauthd-node_*.deb &|' "$root/root/walkthrough/1.sh"
    inside "$root" 'apt-get -qq install -y systemd systemd-sysv dbus apache2 curl python3-django iproute2 subversion libapache2-mod-svn cadaver' >"$root.log" 2>&1
    inside "$root" 'apt-get -qq install -y --download-only /root/now/*.deb' >>"$root.log" 2>&1
    boot "$root"
    booted "ip link set lo up; systemctl restart apache2; sh walkthrough.sh $1" && status=0 || status=$?
    halt
    check "$1: docs/walkthrough.md" test $status -eq 0
}

plain() {
    root=$roots/plain-$1
    rm -rf "$root"
    cp -a "$roots/base-$1" "$root"
    now "$1" "$root"
    cp test/packages/plain.sh test/fixtures/schema/auth.sql "$root/root/"
    blocks docs/without-systemd.md "$root/root/recipe"
    inside "$root" 'apt-get -qq install -y systemd-standalone-sysusers systemd-standalone-tmpfiles runit apache2 curl python3 procps' >"$root.log" 2>&1
    inside "$root" "cd /root; sh plain.sh $1" && status=0 || status=$?
    check "$1: docs/without-systemd.md" test $status -eq 0
}

check() {
    name=$1
    shift
    if "$@"; then echo "ok - $name"; else echo "not ok - $name"; failed=$((failed + 1)); fi
}

for suite; do
    base "$suite"
    case $steps in *build*) build "$suite" || { echo "not ok - $suite: build"; failed=$((failed + 1)); continue; } ;; esac
    case $steps in *try*) try "$suite" ;; esac
    case $steps in *walk*) walk "$suite" ;; esac
    case $steps in *plain*) plain "$suite" ;; esac
done
echo "# $failed failed"
[ "$failed" -eq 0 ]
