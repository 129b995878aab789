#!/bin/sh
# Tries README's commands in a new Debian root with nothing but what README names. As root; needs debootstrap.
#
#   sh test/fresh-root.sh SUITE DIRECTORY [COMMAND]     COMMAND in the clone; default: npm run demo -- --check && npm test
#
#   NODE=/opt/node24     a Node.js to copy into the root: a directory with bin/node and lib/node_modules/npm.
#                        Default: Debian's nodejs and npm, which are too old in bookworm.
#   MIRROR=...           of Debian
#
# The registries are reached as on this machine: its certificates and npm configuration are copied. An existing root is
# used again. Nothing is mounted outside the namespace of a command, so `rm -r DIRECTORY` is safe afterwards.
set -eu
suite=$1
root=$2
command=${3:-npm run demo -- --check && npm test}
mirror=${MIRROR:-http://deb.debian.org/debian}
cd "$(dirname "$0")/.."

# inside COMMAND: runs a shell command in the root, in namespaces of its own.
inside() {
    unshare --mount --pid --fork --kill-child sh -ceu '
        mount --make-rprivate /
        mount -t proc proc "$1/proc"
        for directory in /dev /dev/pts /dev/shm /sys; do mount --bind $directory "$1$directory"; done
        exec chroot "$1" /usr/bin/env -i HOME=/root LC_ALL=C.UTF-8 \
            PATH=/opt/node/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
            NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt ${npm_config_nodedir:+npm_config_nodedir=$npm_config_nodedir} \
            sh -ceu "$2"' sh "$root" "$1"
}

if [ ! -e "$root/root/djauthd" ]; then
    debootstrap --variant=minbase "$suite" "$root" "$mirror"
    cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
    printf 'APT::Install-Recommends "false";\nAcquire::Check-Valid-Until "false";\nAcquire::Check-Date "false";\n' >"$root/etc/apt/apt.conf.d/99fresh"
    inside "apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install ca-certificates g++ make python3 git $([ -n "${NODE:-}" ] || echo nodejs npm)" >/dev/null
    cp /usr/local/share/ca-certificates/*.crt "$root/usr/local/share/ca-certificates/" 2>/dev/null || :
    inside update-ca-certificates
    for file in /etc/npmrc /usr/etc/npmrc; do
        [ ! -e "$(npm config get globalconfig)" ] || { mkdir -p "$root${file%/*}" && cp "$(npm config get globalconfig)" "$root$file"; }
    done
    [ -z "${NODE:-}" ] || cp -a "$NODE" "$root/opt/node"
    git clone -q "file://$PWD" "$root/root/djauthd"
fi
inside "cd /root/djauthd && node --version && npm --version && npm ci && { $command; }"
