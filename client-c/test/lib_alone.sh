#!/bin/sh
# The library builds with nothing of the command and the module present. Prints TAP.   lib_alone.sh DIRECTORY
set -u
copy=$(cd "$1" && pwd)/lib-alone
rm -rf "$copy"
mkdir -p "$copy/client-c"
cp -r djauth.h lib Makefile install.mk "$copy/client-c"
cp ../package.json "$copy"
if make -s -C "$copy/client-c" OUT="$copy/build" library && [ -s "$copy/build/libdjauth.so" ] && [ -s "$copy/build/libdjauth.a" ]; then
    echo "ok 1 - lib/ and djauth.h suffice to build the library"
else
    echo "not ok 1 - lib/ and djauth.h do not suffice to build the library"
fi
echo 1..1
