#!/bin/sh
# The library builds with nothing of the command and the module present, and another product needs only a folder of its own.
# Prints TAP.   lib_alone.sh DIRECTORY
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

mkdir "$copy/client-c/other"
cat >"$copy/client-c/other/other.mk" <<'MAKEFILE'
all: $(OUT)/other
$(OUT)/other: other/other.c $(OUT)/libdjauth.a
	$(CC) $(ALLFLAGS) $(LDFLAGS) -o $@ $< $(OUT)/libdjauth.a $(LIBS)
MAKEFILE
printf '#include <stdio.h>\n#include "djauth.h"\nint main(void) { return puts(djauth_version()) < 0; }\n' >"$copy/client-c/other/other.c"
if make -s -C "$copy/client-c" OUT="$copy/build" && [ -n "$("$copy/build/other")" ]; then
    echo "ok 2 - a makefile in another folder adds a product"
else
    echo "not ok 2 - a makefile in another folder does not add a product"
fi
echo 1..2
