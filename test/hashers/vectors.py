"""Makes vectors.json: encoded hashes, passwords, and whether real Django lets them in.

usage: /usr/bin/python3 vectors.py > vectors.json     (Debian's python3-django, python3-argon2, python3-bcrypt)

expected: true, false, or "raises" where Django raises, which must not let anybody in either. scrypt came with Django
4.0; where this Django is older its encodings are made and judged by hashlib, in Django 4's format.
"""
import base64
import hashlib
import json
import random
import sys
import warnings

import django
from django.conf import settings

HASHERS = ["PBKDF2", "PBKDF2SHA1", "Argon2", "BCryptSHA256", "BCrypt", "SHA1", "MD5", "UnsaltedSHA1", "UnsaltedMD5", "Crypt"]
warnings.simplefilter("ignore")
settings.configure(PASSWORD_HASHERS=["django.contrib.auth.hashers.%sPasswordHasher" % name for name in HASHERS])
django.setup()
from django.contrib.auth import hashers  # noqa: E402

random.seed(20261123)
PASSWORDS = [
    "", "a", "secret", "correct horse battery staple", "p" * 7, "p" * 8, "p" * 9, "x" * 63, "x" * 64, "x" * 65, "y" * 71,
    "y" * 72, "y" * 73, "z" * 128, "l" * 4097, "caf\u00e9", "cafe\u0301", "\u043f\u0430\u0440\u043e\u043b\u044c",
    "\U0001f600 emoji", " leading and trailing ", "tab\tand\nnewline", "nul\0inside", "quote'\"$", "l\u00f6tet\u00f6et",
]


class FastBCrypt(hashers.BCryptPasswordHasher):
    rounds = 4


class FastBCryptSHA256(hashers.BCryptSHA256PasswordHasher):
    rounds = 4


class FastArgon2(hashers.Argon2PasswordHasher):
    time_cost, memory_cost, parallelism = 1, 64, 2


def scrypt(password, salt, n, r, p):
    key = hashlib.scrypt(password.encode(), salt=salt.encode(), n=n, r=r, p=p, dklen=64, maxmem=0)
    return "scrypt$%d$%s$%d$%d$%s" % (n, salt, r, p, base64.b64encode(key).decode())


def salt():
    return "".join(random.choice("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") for _ in range(12))


def encode(algorithm, password):
    if algorithm == "scrypt":
        return scrypt(password, salt(), 16, 8, random.choice([1, 5]))
    if algorithm in ("bcrypt", "bcrypt_sha256"):
        hasher = FastBCrypt() if algorithm == "bcrypt" else FastBCryptSHA256()
        return hasher.encode(password, hasher.salt())
    if algorithm == "argon2":
        return FastArgon2().encode(password, salt())
    hasher = hashers.get_hasher(algorithm)
    if algorithm.startswith("pbkdf2"):
        return hasher.encode(password, salt(), random.choice([1, 2, 1000]))
    if algorithm == "crypt":
        return hasher.encode(password, hasher.salt())
    return hasher.encode(password, "" if algorithm.startswith("unsalted") else salt())


def judge(encoded, password):
    if encoded.startswith("scrypt$"):
        fields = encoded.split("$")
        if len(fields) != 6:
            return "raises"
        try:
            return scrypt(password, fields[2], int(fields[1]), int(fields[3]), int(fields[4])) == encoded
        except Exception:
            return "raises"
    try:
        return bool(hashers.check_password(password, encoded, preferred="md5"))
    except Exception:
        return "raises"


def main():
    vectors = {}

    def add(encoded, password):
        vectors[encoded, password] = judge(encoded, password)

    algorithms = [h.algorithm for h in hashers.get_hashers()] + ["scrypt"]
    for algorithm in algorithms:
        for password in PASSWORDS:
            try:
                encoded = encode(algorithm, password)
            except Exception:
                continue  # a NUL in bcrypt and crypt
            add(encoded, password)
            add(encoded, password + "x")
            add(encoded, password[:-1])
        for password in ("secret", ""):
            encoded = encode(algorithm, password)
            for mangled in mangle(encoded):
                add(mangled, password)
    for encoded, password in KNOWN:
        add(encoded, password)
        add(encoded, password + "!")
    rows = [
        {"encoded": encoded, "password_hex": password.encode().hex(), "expected": expected}
        for (encoded, password), expected in vectors.items()
    ]
    json.dump({"django": django.get_version(), "vectors": rows}, sys.stdout, indent=0, ensure_ascii=True)
    print()


def mangle(encoded):
    """What somebody might have done to a column, or try to get past a check with."""
    yield encoded + "\n"
    yield encoded + "$"
    yield encoded + "="
    yield encoded[:-1]
    yield " " + encoded
    yield encoded.upper()
    yield encoded.swapcase()
    yield encoded.rstrip("=")
    yield "!" + encoded
    yield encoded.replace("$", "$$", 1)
    yield encoded.replace("$1000$", "$01000$").replace("$1$", "$+1$").replace("$2$", "$0002$").replace("$16$", "$016$")
    yield encoded.replace("$1000$", "$1_000$").replace("$1$", "$\u0661$").replace("$2$", "$-2$").replace("$16$", "$0$")
    yield encoded.replace("m=64,t=1,p=2", "t=1,m=64,p=2")
    yield encoded.replace("m=64,t=1,p=2", "m=064,t=1,p=2")
    yield encoded.replace("$v=19", "")
    yield encoded.replace("$v=19", "$v=16")
    yield encoded.replace("argon2id", "argon2i")
    yield encoded.replace("argon2id", "argon2x")
    for variant in ("$2a$", "$2y$", "$2$", "$2c$"):
        yield encoded.replace("$2b$", variant)
    yield encoded.replace("$04$", "$4$")
    yield encoded.replace("$04$", "$03$")
    fields = encoded.split("$")
    yield "$".join(fields[:-1])
    yield "$".join(fields[:-1] + [""])
    if len(fields) > 2:
        yield "$".join(fields[:1] + [""] + fields[2:])
    yield "unknown$" + "$".join(fields[1:])


# Encodings that stand in tests and documents all over, and in old databases.
KNOWN = [
    ("88a434c88cca4e900f7874cd98123f43", "l\u00e8tmein"),
    ("md5$$88a434c88cca4e900f7874cd98123f43", "l\u00e8tmein"),
    ("md5$seasalt$3f86d0d3d465b7b458c231bf3555c0e3", "l\u00e8tmein"),
    ("sha1$seasalt$cff36ea83f5706ce9aa7454e63e431fc726b2dc8", "l\u00e8tmein"),
    ("sha1$$6d138ca3ae545631b3abd71a4f076ce759c5700b", "l\u00e8tmein"),
    ("6d138ca3ae545631b3abd71a4f076ce759c5700b", "l\u00e8tmein"),
    ("crypt$$ab1Hv2Lg7ltQo", "lètmei"),
    ("crypt$ab$ab1Hv2Lg7ltQo", "lètmei"),
    ("crypt$$ab1Hv2Lg7ltQo", "lètmeiNOBODY LOOKS"),
    ("pbkdf2_sha256$10000$seasalt$CWWFdHOWwPnki7HvkcqN9iA2T3KLW1cf2uZ5kvArtVY=", "l\u00e8tmein"),
    ("pbkdf2_sha1$10000$seasalt2$yCPPVR/2DT7pgiW7V+Er7V9T4/8=", "l\u00e8tmein"),
    ("argon2$argon2i$v=19$m=8,t=1,p=1$c29tZXNhbHQ$gwQOXSNhxiOxPOA0+PY10P9QFO4NAYysnqRt1GSQLE55m+2GYDt9FEjPMHhP2Cuf0nOEXXMocVrsJAtNSsKyfg", "secret"),
    ("argon2$argon2i$m=8,t=1,p=1$c29tZXNhbHQ$gwQOXSNhxiOxPOA0+PY10P9QFO4NAYysnqRt1GSQLE55m+2GYDt9FEjPMHhP2Cuf0nOEXXMocVrsJAtNSsKyfg", "secret"),
    ("argon2$argon2i$m=8,t=1,p=1$c29tZXNhbHQ$f5nV0QvbMGTHv8lZUWl1QAPkw8iS7A7BZPCQvcKKDvQ", "secret"),
    ("pbkdf2_sha256$20000$seasalt$oBSd886ysm3AqYun62DOdin8YcfbU1z9cksZSuLP9r0=", "l\u00e8tmein"),
    ("pbkdf2_sha256$24000$seasalt$V9DfCAVoweeLwxC/L2mb+7swhzF0XYdyQMqmusZqiTc=", "l\u00e8tmein"),
    ("pbkdf2_sha256$36000$seasalt$mEUPPFJkT/xtwDU8rB7Q+puHRZnR07WRjerTkt/3HI0=", "l\u00e8tmein"),
    ("pbkdf2_sha256$100000$seasalt$BNZ6eyaNc8qFTJPjrAq99hSYb73EgAdytAtdBg2Sdcc=", "l\u00e8tmein"),
    ("pbkdf2_sha256$120000$seasalt$fsgWMpOXin7ZAmi4j+7XjKCZ4JCvxJTGiwwDrawRqSc=", "l\u00e8tmein"),
    ("pbkdf2_sha256$216000$seasalt$youGZxOw6ZOcfrXv2i8/AhrnpZflJJ9EshS9XmUJTUg=", "l\u00e8tmein"),
    ("pbkdf2_sha256$260000$seasalt$YlZ2Vggtqdc61YjArZuoApoBh9JNGYoDRBUGu6tcJQo=", "l\u00e8tmein"),
    ("pbkdf2_sha256$390000$seasalt$8xBlGd3jVgvJ+92hWPxi5ww0uuAuAnKgC45eudxro7c=", "l\u00e8tmein"),
    ("pbkdf2_sha256$12000$seasalt2$hlDLKsxgkgb1aeOppkM5atCYw5rPzAjCNQZ4NYyUROw=", "l\u00e8tmein"),
    ("pbkdf2_sha256$20000$seasalt2$Flpve/uAcyo6+IFI6YAhjeABGPVbRQjzHDxRhqxewgw=", "l\u00e8tmein"),
    ("pbkdf2_sha256$30000$seasalt2$a75qzbogeVhNFeMqhdgyyoqGKpIzYUo651sq57RERew=", "l\u00e8tmein"),
    ("pbkdf2_sha256$36000$seasalt2$QkIBVCvGmTmyjPJ5yox2y/jQB8isvgUNK98FxOU1UYo=", "l\u00e8tmein"),
    ("pbkdf2_sha256$100000$seasalt2$Tl4GMr+Yt1zzO1sbKoUaDBdds5NkR3RxaDWuQsliFrI=", "l\u00e8tmein"),
    ("pbkdf2_sha256$216000$seasalt2$gHyszNJ9lwTG5y3MQUjZe+OJmYVTBPl/y7bYq9dtk8M=", "l\u00e8tmein"),
    ("pbkdf2_sha256$260000$seasalt2$UCGMhrOoaq1ghQPArIBK5RkI6IZLRxlIwHWA1dMy7y8=", "l\u00e8tmein"),
    ("pbkdf2_sha256$720000$seasalt2$e8hbsPnTo9qWhT3xYfKWoRth0h0J3360yb/tipPhPtY=", "l\u00e8tmein"),
    ("pbkdf2_sha256$870000$seasalt2$nxgnNHRsZWSmi4hRSKq2MRigfaRmjDhH1NH4g2sQRbU=", "l\u00e8tmein"),
    ("pbkdf2_sha1$36000$seasalt2$GoU+9AubJ/xRkO0WD1Xf3WPxWfE=", "l\u00e8tmein"),
    ("pbkdf2_sha1$216000$seasalt2$E1KH89wMKuPXrrQzifVcG4cBtiA=", "l\u00e8tmein"),
    ("pbkdf2_sha1$1500000$seasalt2$ep4Ou2hnt2mlvMRsIjUln0Z5MYY=", "l\u00e8tmein"),
    ("argon2$argon2i$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$YC9+jJCrQhs5R6db7LlN8Q", "secret"),
    ("argon2$argon2id$v=19$m=102400,t=2,p=8$Y041dExhNkljRUUy$TMa6A8fPJhCAUXRhJXCXdw", "secret"),
    ("scrypt$16384$seasalt$8$1$Qj3+9PPyRjSJIebHnG81TMjsqtaIGxNQG/aEB/NYafTJ7tibgfYz71m0ldQESkXFRkdVCBhhY8mx7rQwite/Pw==", "l\u00e8tmein"),
    ("", ""), ("!", ""), ("!" * 32, ""), ("letmein", "letmein"), ("pbkdf2_sha256", ""), ("$", ""), ("$$$", ""),
    ("md5$", ""), ("sha1$$", ""), ("crypt$$", ""), ("crypt$$ab", ""), ("crypt$$a", ""), ("crypt$$_", ""),
    ("bcrypt$", ""), ("bcrypt", ""), ("argon2$", ""), ("scrypt$$$$$", ""),
    ("d41d8cd98f00b204e9800998ecf8427e", ""), ("D41D8CD98F00B204E9800998ECF8427E", ""), ("z" * 32, "z"),
    ("sha1$$da39a3ee5e6b4b0d3255bfef95601890afd80709", ""), ("pbkdf2_sha256$2147483648$s$x", "x"),
    ("pbkdf2_sha256$0$salt$AAAA", "x"), ("pbkdf2_sha256$-1$salt$AAAA", "x"), ("pbkdf2_sha256$1$$AAAA", "x"),
]

main()
