"""Who there is: the cross product of all that decides, and all oddities we know of.

Nothing is random: salts come from names, so a difference found once is found again.
"""
import base64
import hashlib
import itertools
from dataclasses import dataclass, field

import argon2
import bcrypt
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import get_hasher
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError, connection, transaction


@dataclass
class Person:
    username: str
    password: str  # what they would type; for an unusable one, what they once typed
    encoded: str
    active: bool = True
    staff: bool = True
    superuser: bool = False
    permissions: list = field(default_factory=list)  # 'app.codename' or (app, model, codename)
    groups: list = field(default_factory=list)
    email: str = ''
    first_name: str = ''
    last_name: str = ''
    kind: str = 'special'  # how much is asked about them: see judge.py
    also: list = field(default_factory=list)  # further passwords to ask with


GROUPS = {
    'Reporters': ['shop.view_report', 'shop.haggle'],
    'Prüfer': ['shop.prüfen', 'depot.view_report'],
    'reporters': ['depot.add_shelf'],
    'ünused, "quoted" group': [],
}


def salt_of(name, length=22):
    return hashlib.sha256(name.encode()).hexdigest()[:length]


# One function for each algorithm: (password, salt text) -> encoded.


def pbkdf2(password, salt, iterations=1000, algorithm='pbkdf2_sha256', said=None):
    """`said`: the iterations as the stored hash spells them, where that differs from the number."""
    digest = {'pbkdf2_sha256': 'sha256', 'pbkdf2_sha1': 'sha1'}[algorithm]
    key = hashlib.pbkdf2_hmac(digest, password.encode(), salt.encode(), iterations)
    return f'{algorithm}${iterations if said is None else said}${salt}${base64.b64encode(key).decode()}'


def argon(password, salt, kind=argon2.low_level.Type.ID, version=19, memory=64, time=1, lanes=1, length=32):
    data = argon2.low_level.hash_secret(
        password.encode(), salt.encode(), time_cost=time, memory_cost=memory, parallelism=lanes,
        hash_len=length, type=kind, version=version,
    )
    return 'argon2' + data.decode()


def bcrypt_setting(salt, rounds=4, prefix='2b'):
    sixteen = hashlib.md5(salt.encode()).digest()
    standard = base64.b64encode(sixteen).decode().rstrip('=')
    ordinary = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
    own = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
    return f'${prefix}${rounds:02d}$' + standard.translate(str.maketrans(ordinary, own))


def plain_bcrypt(password, salt, rounds=4, prefix='2b'):
    return 'bcrypt$' + bcrypt.hashpw(password.encode(), bcrypt_setting(salt, rounds, prefix).encode()).decode()


def bcrypt_sha256(password, salt, rounds=4, prefix='2b'):
    digest = hashlib.sha256(password.encode()).hexdigest()
    return 'bcrypt_sha256$' + bcrypt.hashpw(digest.encode(), bcrypt_setting(salt, rounds, prefix).encode()).decode()


def scrypt(password, salt, n=16, r=8, p=1):
    return get_hasher('scrypt').encode(password, salt, n, r, p)


def salted(algorithm):
    return lambda password, salt: (
        f'{algorithm}${salt}$' + hashlib.new(algorithm, (salt + password).encode()).hexdigest()
    )


def bare_md5(password, salt=''):
    return hashlib.md5(password.encode()).hexdigest()


def bare_sha1(password, salt=''):
    return 'sha1$$' + hashlib.sha1(password.encode()).hexdigest()


HASHERS = {
    'pbkdf2_sha256': pbkdf2,
    'pbkdf2_sha1': lambda password, salt: pbkdf2(password, salt, algorithm='pbkdf2_sha1'),
    'argon2id': argon,
    'argon2i': lambda password, salt: argon(
        password, salt, argon2.low_level.Type.I, memory=512, time=2, lanes=2, length=16
    ),
    'bcrypt': plain_bcrypt,
    'bcrypt_sha256': bcrypt_sha256,
    'scrypt': scrypt,
    'md5': salted('md5'),
    'sha1': salted('sha1'),
    'unsalted_md5': bare_md5,
    'unsalted_sha1': bare_sha1,
}

# What Django's releases wrote when nobody had set anything.
AT_DEFAULT_COST = {
    'pbkdf2_sha256': lambda password, salt: pbkdf2(password, salt, 260000),
    'pbkdf2_sha256 of 1.4': lambda password, salt: pbkdf2(password, salt[:12], 10000),
    'pbkdf2_sha1': lambda password, salt: pbkdf2(password, salt, 260000, 'pbkdf2_sha1'),
    'argon2': lambda password, salt: argon(password, salt, memory=102400, time=2, lanes=8),
    'bcrypt': lambda password, salt: plain_bcrypt(password, salt, 12),
    'bcrypt_sha256': lambda password, salt: bcrypt_sha256(password, salt, 12),
    'scrypt of 4.0': lambda password, salt: scrypt(password, salt, 2**14),
    'scrypt of 5.1': lambda password, salt: scrypt(password, salt, 2**14, 8, 5),
    'sha1 of 1.3': lambda password, salt: salted('sha1')(password, salt[:5]),
}


def is_stock():
    return get_user_model()._meta.label == 'auth.User'


def cross():
    """Every combination of what the handler looks at; the hashers take turns."""
    # What a hash is has nothing to do with the model: elsewhere the cheapest will do.
    turn = itertools.cycle(HASHERS.items() if is_stock() else [('pbkdf2_sha256', pbkdf2), ('md5', salted('md5'))])
    combinations = itertools.product(
        (True, False), (True, False), (True, False), ('none', 'direct', 'group'), (True, False)
    )
    for number, (active, staff, superuser, way, usable) in enumerate(combinations):
        words = [
            'active' if active else 'inactive',
            'staff' if staff else 'nostaff',
            'super' if superuser else 'nosuper',
            way,
            'usable' if usable else 'unusable',
        ]
        name = '-'.join(words)
        password = f'{name[:3]} pässword {number}' if number % 3 == 0 else f'pw-{number}-{salt_of(name, 6)}'
        if usable:
            _, encode = next(turn)
            encoded = encode(password, salt_of(name))
        else:
            encoded = ['!', '!' + salt_of(name, 40), '!' + pbkdf2(password, salt_of(name))][number // 2 % 3]
        yield Person(
            name, password, encoded, active, staff, superuser,
            permissions=['shop.view_report', 'shop.dotted.code.name'] if way == 'direct' else [],
            groups=['Reporters'] if way == 'group' else [],
            email=f'{number}@example.org', first_name=f'First {number}', last_name='Lästname', kind='cross',
        )


def of_each_hasher():
    long_one = 'ä72 and more: ' + 'x' * 70
    for name, encode in HASHERS.items():
        yield Person(f'hasher {name}', f'pw {name}', encode(f'pw {name}', salt_of(name)), kind='hasher')
        # Salts need not be ASCII, and a password may be anything but NUL here.
        odd = 'pässwörd \U0001f511 \t"\'\\$'
        yield Person(f'odd {name}', odd, encode(odd, salt_of('odd ' + name)), kind='hasher')
        # bcrypt alone reads no more than 72 octets.
        yield Person(
            f'long {name}', long_one, encode(long_one, salt_of('long ' + name)), kind='hasher',
            also=[long_one.encode()[:72].decode(), long_one.encode()[:71].decode(), long_one + 'y'],
        )
        yield Person(f'empty {name}', '', encode('', salt_of('empty ' + name)), kind='hasher', also=['x'])
        if name != 'bcrypt':
            nul = 'before\0after'
            yield Person(
                f'nul {name}', nul, encode(nul, salt_of('nul ' + name)), kind='hasher', also=['before', 'before\0']
            )
    for name, encode in AT_DEFAULT_COST.items():
        yield Person(f'dear {name}', 'correct horse', encode('correct horse', salt_of(name)), kind='dear')
    huge = 'long ' * 1600
    yield Person('huge', huge, pbkdf2(huge, salt_of('huge')), kind='hasher', also=[huge[:4096], huge[:-1]])
    huge = 'l' * 4097
    yield Person('huge bcrypt_sha256', huge, bcrypt_sha256(huge, salt_of('huge')), kind='hasher', also=[huge[:4096]])


PASSWORD = 'correct horse'


def encodings():
    """What a password column may hold, mostly made of the right hash for PASSWORD: (name, encoded)."""
    salt = salt_of('encodings')
    good = pbkdf2(PASSWORD, salt)
    head, digest = good.rsplit('$', 1)
    yield 'pbkdf2 good', good
    for said in ('01000', '+1000', ' 1000', '1000 ', '1_000', '１０００', '١٠٠٠', '1000.0', '1e3', '0x3e8', '1000\n'):
        yield f'pbkdf2 iterations {said!r}', pbkdf2(PASSWORD, salt, said=said)
    for said in ('0', '-1', '-1000', '', 'abc', '2147483648', '4294968296', '99999999999999999999', '+', '-0'):
        yield f'pbkdf2 iterations {said!r}', pbkdf2(PASSWORD, salt, said=said)
    yield 'pbkdf2 one iteration', pbkdf2(PASSWORD, salt, 1)
    yield 'pbkdf2 sha1 good', pbkdf2(PASSWORD, salt, algorithm='pbkdf2_sha1')
    yield 'pbkdf2 salt of one', pbkdf2(PASSWORD, 's')
    yield 'pbkdf2 salt of 50', pbkdf2(PASSWORD, 's' * 50)
    yield 'pbkdf2 salt not ASCII', pbkdf2(PASSWORD, 'sälz \U0001f9c2')
    yield 'pbkdf2 salt of blanks', pbkdf2(PASSWORD, ' \t ')
    yield 'pbkdf2 salt with quote', pbkdf2(PASSWORD, '\'";--\\')
    yield 'pbkdf2 salt empty', pbkdf2(PASSWORD, '')
    yield 'pbkdf2 salt with $', pbkdf2(PASSWORD, 'sa$lt')
    yield 'pbkdf2 salt NFC', pbkdf2(PASSWORD, 'sal\u00e9')
    yield 'pbkdf2 salt NFD', pbkdf2(PASSWORD, 'sale\u0301')
    for name, tail in {
        'cut': digest[:-4], 'unpadded': digest.rstrip('='), 'padded': digest + '=', 'newline': digest + '\n',
        'blank': digest + ' ', 'field': digest + '$', 'fields': digest + '$x', 'lower': digest.lower(), 'none': '',
        'not ASCII': digest[:-2] + 'é=', 'before': ' ' + digest,
        'other last bits': digest[:-2] + chr(ord(digest[-2]) + 1) + '=',
        'urlsafe': digest.replace('+', '-').replace('/', '_') if set('+/') & set(digest) else digest[:-1] + '-',
    }.items():
        yield f'pbkdf2 digest {name}', f'{head}${tail}'
    yield 'pbkdf2 digest of sha1', head + '$' + pbkdf2(PASSWORD, salt, algorithm='pbkdf2_sha1').rsplit('$', 1)[1]
    yield 'pbkdf2 sha1 digest of sha256', 'pbkdf2_sha1' + good[len('pbkdf2_sha256'):]
    yield 'pbkdf2 hex digest', head + '$' + base64.b64decode(digest).hex()
    for cut in ('pbkdf2_sha256', 'pbkdf2_sha256$', 'pbkdf2_sha256$1000', 'pbkdf2_sha256$1000$',
    f'pbkdf2_sha256$1000${salt}'):
        yield f'pbkdf2 only {cut}', cut
    yield 'pbkdf2 upper', 'PBKDF2_SHA256' + good[len('pbkdf2_sha256'):]
    yield 'pbkdf2 blank before', ' ' + good
    yield 'pbkdf2 sha512', 'pbkdf2_sha512' + good[len('pbkdf2_sha256'):]
    yield 'pbkdf2 fewer letters', good[1:]
    yield 'pbkdf2 dollar before', '$' + good
    yield 'unusable and good', '!' + good
    yield 'unusable alone', '!'
    yield 'unusable 40', '!' + 'a' * 40
    yield 'unusable 32 in all', '!' + 'a' * 31
    yield 'unusable md5', '!' + bare_md5(PASSWORD)
    yield 'unusable second', ' !' + 'a' * 30
    yield 'empty column', ''
    yield 'blank column', ' '
    yield 'dollar', '$'
    yield 'dollars', '$$$$$$'
    yield 'the password itself', PASSWORD
    yield 'star', '*'
    yield 'x', 'x'
    yield 'crypt', 'crypt$$' + 'ab0fuoJV3Zd6Q'
    yield 'unix', '$6$salt$' + 'a' * 86
    yield 'ldap', '{SHA}' + base64.b64encode(hashlib.sha1(PASSWORD.encode()).digest()).decode()
    yield 'bare bcrypt', bcrypt.hashpw(PASSWORD.encode(), bcrypt_setting(salt).encode()).decode()

    plain = bare_md5(PASSWORD)
    yield 'bare md5', plain
    yield 'bare md5 upper', plain.upper()
    yield 'bare md5 33', plain + '0'
    yield 'bare md5 31', plain[:-1]
    yield 'bare md5 newline', plain[:-1] + '\n'
    yield 'bare md5 not ASCII', plain[:-1] + 'é'
    yield 'bare 32 not hex', 'z' * 32
    yield 'bare 32 wide', 'é' * 32
    yield 'bare 16 wide', 'é' * 16
    yield 'md5$$', 'md5$$' + plain
    yield 'md5$$ upper', 'md5$$' + plain.upper()
    yield 'md5$$ 31', 'md5$$' + plain[:-1]
    yield 'md5$$ 33', 'md5$$' + plain + '0'
    yield 'md5$$ not ASCII', 'md5$$' + plain[:-1] + 'é'
    yield 'MD5$$', 'MD5$$' + plain
    bare = bare_sha1(PASSWORD)
    yield 'bare 40', bare[6:]
    yield 'sha1$$', bare
    yield 'sha1$$ upper', 'sha1$$' + bare[6:].upper()
    yield 'sha1$$ 39', bare[:-1]
    yield 'sha1$$ 41', bare + '0'
    for algorithm in ('md5', 'sha1'):
        one = salted(algorithm)(PASSWORD, 'abcde')
        yield f'{algorithm} good', one
        yield f'{algorithm} upper', f'{algorithm}$abcde$' + one.rsplit('$', 1)[1].upper()
        yield f'{algorithm} newline', one + '\n'
        yield f'{algorithm} blank', one + ' '
        yield f'{algorithm} field', one + '$'
        yield f'{algorithm} cut', one[:-1]
        yield f'{algorithm} no digest', f'{algorithm}$abcde$'
        yield f'{algorithm} no field', f'{algorithm}$abcde'
        yield f'{algorithm} alone', algorithm
        yield f'{algorithm} one dollar', f'{algorithm}$'
        yield f'{algorithm} salt not ASCII', salted(algorithm)(PASSWORD, 'sälz')
        yield f'{algorithm} salt with $', salted(algorithm)(PASSWORD, 'ab$cd')
        yield f'{algorithm} upper name', algorithm.upper() + one[len(algorithm):]
        yield f'{algorithm} name capital', algorithm.title() + one[len(algorithm):]
        # A salt so long or short that the whole has the length of the unsalted kinds, yet is not one.
        yield f'{algorithm} salt of 37 in all', salted(algorithm)(PASSWORD, 's')
    yield 'sha1 of 32 in all', ('sha1$' + 'a' * 40)[:32]
    yield 'sha256', 'sha256$abcde$' + hashlib.sha256(('abcde' + PASSWORD).encode()).hexdigest()

    for prefix in ('2a', '2b', '2y'):
        yield f'bcrypt {prefix}', plain_bcrypt(PASSWORD, salt, prefix=prefix)
        yield f'bcrypt_sha256 {prefix}', bcrypt_sha256(PASSWORD, salt, prefix=prefix)
    for label, made in (('bcrypt', plain_bcrypt(PASSWORD, salt)), ('bcrypt_sha256', bcrypt_sha256(PASSWORD, salt))):
        for prefix in ('2x', '2c', '2', '2B', '3b', ''):
            yield f'{label} prefix {prefix}', made.replace('$2b$', f'${prefix}$')
        for rounds in ('4', '+4', '004', '03', '00', '32', '99', ' 4', '0x', '', '-4', '４'):
            yield f'{label} rounds {rounds!r}', made.replace('$04$', f'${rounds}$')
        at = made.index('$04$') + 4
        setting, checksum = made[at:at + 22], made[at + 22:]
        yield f'{label} salt of 21', made[:at] + setting[:21]
        yield f'{label} salt cut', made[:at] + setting[:21] + checksum
        yield f'{label} no checksum', made[:at] + setting
        yield f'{label} no salt', made[:at]
        own = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
        yield f'{label} stray bits', made[:at] + setting[:21] + own[own.index(setting[21]) | 1] + checksum
        yield f'{label} stray last bits', made[:-1] + own[own.index(made[-1]) ^ 1]
        yield f'{label} salt not base64', made[:at] + '!' + setting[1:] + checksum
        yield f'{label} salt not ASCII', made[:at] + 'é' + setting[1:] + checksum
        yield f'{label} checksum not ASCII', made[:-1] + 'é'
        yield f'{label} cut', made[:-1]
        yield f'{label} longer', made + 'a'
        yield f'{label} newline', made + '\n'
        yield f'{label} field', made + '$'
        yield f'{label} one dollar', made.replace('$$', '$')
        yield f'{label} three dollars', made.replace('$$', '$$$')
        yield f'{label} alone', label
        yield f'{label} with dollar', label + '$'
        yield f'{label} with dollars', label + '$$'
        yield f'{label} upper', made.upper()
    yield 'bcrypt as bcrypt_sha256', 'bcrypt_sha256' + plain_bcrypt(PASSWORD, salt)[6:]
    yield 'bcrypt_sha256 as bcrypt', 'bcrypt' + bcrypt_sha256(PASSWORD, salt)[13:]

    kinds = argon2.low_level.Type
    for kind in (kinds.I, kinds.D, kinds.ID):
        for version in (16, 19):
            made = argon(PASSWORD, salt, kind, version)
            yield f'argon2 {kind.name} {version}', made
        yield f'argon2 {kind.name} without version', argon(PASSWORD, salt, kind, 16).replace('v=16$', '')
        yield f'argon2 {kind.name} 19 without version', argon(PASSWORD, salt, kind, 19).replace('v=19$', '')
    made = argon(PASSWORD, salt)
    yield 'argon2 of 16', argon(PASSWORD, salt, length=16)
    yield 'argon2 of 4', argon(PASSWORD, salt, length=4)
    yield 'argon2 of 64', argon(PASSWORD, salt, length=64)[:128]
    yield 'argon2 two lanes', argon(PASSWORD, salt, lanes=2)
    yield 'argon2 odd memory', argon(PASSWORD, salt, memory=77, lanes=3)
    yield 'argon2 salt of 8', argon(PASSWORD, 'saltsalt')
    for name, (old, new) in {
        'as i': ('argon2id', 'argon2i'), 'as d': ('argon2id', 'argon2d'), 'as x': ('argon2id', 'argon2x'),
        'as Id': ('$argon2id', '$Argon2id'), 'no kind': ('$argon2id', '$'), 'no dollar': ('$argon2id', ''),
        'version 16': ('v=19', 'v=16'), 'version 20': ('v=19', 'v=20'), 'version 019': ('v=19', 'v=019'),
        'version +19': ('v=19', 'v=+19'), 'version none': ('v=19', 'v='), 'V': ('v=19', 'V=19'),
        'm=064': ('m=64', 'm=064'), 'm=7': ('m=64', 'm=7'), 'm=8': ('m=64', 'm=8'), 'm=0': ('m=64', 'm=0'),
        'm=-1': ('m=64', 'm=-1'), 'm huge': ('m=64', 'm=4294967296'), 't=0': ('t=1', 't=0'), 't=2': ('t=1', 't=2'),
        'p=0': ('p=1', 'p=0'), 'p=2': ('p=1', 'p=2'), 'p=9': ('p=1', 'p=9'), 't=01': ('t=1', 't=01'),
        'p= 1': ('p=1', 'p= 1'),
        'reordered': ('m=64,t=1,p=1', 't=1,m=64,p=1'), 'extra': ('p=1', 'p=1,x=1'), 'keyid': ('p=1', 'p=1,keyid=AAAA'),
        'data': ('p=1', 'p=1,data=AAAA'), 'missing p': (',p=1', ''), 'missing m': ('m=64,', ''),
        'no parameters': ('m=64,t=1,p=1', ''),
        'blank': ('m=64,', 'm=64, '), 'double dollar': ('$m=', '$$m='),
    }.items():
        yield f'argon2 {name}', made.replace(old, new)
    parts = made.split('$')
    for name, (setting, checksum) in {
        'salt padded': (parts[-2] + '==', parts[-1]), 'hash padded': (parts[-2], parts[-1] + '='),
        'salt empty': ('', parts[-1]), 'hash empty': (parts[-2], ''), 'salt of 7': ('c2FsdHNhbA', parts[-1]),
        'hash cut': (parts[-2], parts[-1][:-4]), 'hash longer': (parts[-2], parts[-1] + 'AAAA'),
        'salt not base64': ('*' + parts[-2][1:], parts[-1]), 'salt not ASCII': ('é' + parts[-2][1:], parts[-1]),
        'hash not ASCII': (parts[-2], parts[-1][:-1] + 'é'), 'newline': (parts[-2], parts[-1] + '\n'),
        'blank after': (parts[-2], parts[-1] + ' '), 'field after': (parts[-2], parts[-1] + '$'),
        'urlsafe': (parts[-2], '-' + parts[-1][1:]),
        'stray last bits': (parts[-2], parts[-1][:-1] + chr(ord(parts[-1][-1]) + 1)),
    }.items():
        yield f'argon2 {name}', '$'.join([*parts[:-2], setting, checksum])
    yield 'argon2 alone', 'argon2'
    yield 'argon2 dollar', 'argon2$'
    yield 'argon2 dollars', 'argon2$$'
    yield 'argon2 kind alone', 'argon2$argon2id'
    yield 'argon2 bare', made[len('argon2'):]

    made = scrypt(PASSWORD, salt)
    key = made.rsplit('$', 1)[1]
    yield 'scrypt good', made
    yield 'scrypt r=1 p=3', scrypt(PASSWORD, salt, 16, 1, 3)
    yield 'scrypt n=2', scrypt(PASSWORD, salt, 2, 8, 1)
    yield 'scrypt at the limit', f'scrypt$32768${salt}$8$1${key}'
    yield 'scrypt r over the limit', f'scrypt$16384${salt}$16$1${key}'
    for said in ('0', '1', '3', '15', '-16', '', 'x', '016', '+16', '1_6', '１６', ' 16', '18446744073709551616'):
        yield f'scrypt n {said!r}', f'scrypt${said}${salt}$8$1${key}'
    for said in ('0', '-8', '', '08', '+8', 'x', '8 ', '1099511627776'):
        yield f'scrypt r {said!r}', f'scrypt$16${salt}${said}$1${key}'
    for said in ('0', '-1', '', '01', '+1', 'x', '1099511627776'):
        yield f'scrypt p {said!r}', f'scrypt$16${salt}$8${said}${key}'
    for name, tail in {
        'cut': key[:-4], 'unpadded': key.rstrip('='), 'padded': key + '=', 'newline': key + '\n', 'field': key + '$',
        'fields': key + '$x', 'empty': '', 'not ASCII': key[:-3] + 'é==',
        'half': base64.b64encode(base64.b64decode(key)[:32]).decode(),
    }.items():
        yield f'scrypt digest {name}', f'scrypt$16${salt}$8$1${tail}'[:128]
    yield 'scrypt salt empty', f'scrypt$16$$8$1${key}'
    yield 'scrypt salt not ASCII', scrypt(PASSWORD, 'sälz')
    yield 'scrypt four fields', f'scrypt$16${salt}$8$1'
    yield 'scrypt in another order', f'scrypt${salt}$16$8$1${key}'
    yield 'scrypt alone', 'scrypt'
    yield 'scrypt upper', 'SCRYPT' + made[6:]


def names():
    """Usernames that a careless look-up would mistake for one another, each with a password of its own."""
    for name in (
        'Alice', 'alice', 'ALICE', 'alice ', ' alice', 'alice bob', 'alice\t', 'alice\n',
        'jos\u00e9', 'jose\u0301', 'jose', 'JOS\u00c9', '\u00e4\u00f6\u00fc\u00df', '\u00e4\u00f6\u00fcss',
        'stra\u00dfe', 'strasse',
        '\u0130stanbul', 'istanbul', 'i\u0307stanbul', '\u212aelvin', 'Kelvin', '\uff41lice', '\u0430lice', '\ufb01sh',
        'fish',
        '\ufeffalice', 'al\u200bice', 'al\u00adice', '\U0001f511', '\U0001f512', '漢字', 'ali%', 'ali_e', '%', '_', '*',
        '0', '1', '00', '01', '1.0', '1e0', '-1', '+1', 'true', 'null', 'NULL', 'None', "o'brien", "' OR '1'='1",
        '" OR ""="', '\\', '\\0',
        'alice; DROP TABLE auth_user', '$1', '?', ':username', 'a@b.example', 'a:b', 'x' * 150, 'x' * 149, '漢' * 150,
        '\U0001f511' * 150,
        '\ufffd', '\u0080', 'jos\u00c3\u00a9', '!', '', ' ', '\x7f', '\x01', 'constructor', '__proto__', 'toString',
    ):
        password = f'password of {name[:20]}'
        yield Person(name, password, pbkdf2(password, salt_of(name)), email='a@b.example', kind='name')


def passwords():
    """Passwords that only a change of their octets would make equal."""
    for number, (right, others) in enumerate((
        ('caf\u00e9', ['cafe\u0301', 'cafe', 'CAF\u00c9', 'caf\u00c3\u00a9']),
        ('cafe\u0301', ['caf\u00e9']),
        ('\ufeffbom', ['bom']),
        ('bom', ['\ufeffbom']),
        (' blanks ', ['blanks', ' blanks', 'blanks ']),
        ('line\n', ['line', 'line\r\n', 'line\r']),
        ('line\r\n', ['line\n', 'line']),
        ('co:lon:', ['co', 'co:lon', 'lon:']),
        ('\ufb01', ['fi']),
        ('\u212b', ['\u00c5', 'A\u030a']),
        ('\U0001f511', ['\ufffd', '\ufffd\ufffd']),
        ('\ufffd', ['\U0001f511']),
        ('\u00c3\u00a9', ['\u00e9']),
        ('0', ['', '00', '0.0']),
        ('\0', ['', '\0\0']),
        ('\0\0', ['\0', '']),
        ('!', ['']),
        ('x' * 64, ['x' * 63, 'x' * 65, hashlib.sha256(b'x' * 64).hexdigest()]),
        # HMAC fills a key up with NULs to one block of 64, so NULs at the end of a shorter one change nothing.
        ('nul', ['nul\0', 'nul\0\0', 'nul' + '\0' * 61, 'nul' + '\0' * 62, '\0nul']),
        ('y' * 64, ['y' * 63, 'y' * 65, 'y' * 64 + '\0']),
        ('y' * 65, ['y' * 64, 'y' * 65 + '\0']),
        ('%41', ['A']),
        ('a+b', ['a b']),
    )):
        yield Person(f'password {number}', right, pbkdf2(right, salt_of(str(number))), kind='password', also=others)


def rights():
    """Permissions and groups in every way they come about."""
    def person(name, **more):
        return Person(name, 'pw', bare_md5('pw'), kind='rights', **more)

    yield person('of order', permissions=[('shop', 'order', 'view_report')])
    yield person('of both models', permissions=[('shop', 'order', 'view_report'), ('shop', 'product', 'view_report')])
    yield person('of depot', permissions=['depot.view_report'])
    yield person('of other case', permissions=['shop.View_Report'])
    yield person('of proxy', permissions=['shop.haggle', ('shop', 'bargain', 'view_bargain')])
    yield person('of dots', permissions=['shop.dotted.code.name'])
    yield person('of prüfen', permissions=['shop.prüfen'])
    yield person('of two groups', groups=['Prüfer', 'Reporters', 'reporters'])
    yield person('of empty group', groups=['ünused, "quoted" group'])
    yield person('of both ways', permissions=['shop.view_report', 'shop.add_product'], groups=['Reporters', 'Prüfer'])
    yield person('of everything', permissions=['*'], groups=list(GROUPS))
    yield person('super of nothing', superuser=True)
    yield person('super of something', superuser=True, permissions=['shop.haggle'], groups=['Prüfer'])
    yield person('inactive super of everything', active=False, superuser=True, permissions=['*'], groups=list(GROUPS))


def collated():
    """One spelling each of what a database may take for one name: its collation says, here Django's answer."""
    for name in ('Zoë Käse', 'groß', 'ıi', 'ﬃx', 'naïve\u0301', '\U0001f3f3 flag', 'Ω ohm', 'pad', 'ｗｉｄｅ', 'ПРИВЕТ'):
        yield Person(name, f'password of {name}', pbkdf2(f'password of {name}', salt_of(name)), kind='collation')


def folded():
    """Names that differ in case alone, in one database's opinion or another's, and the wildcards of LIKE."""
    for name in (
        'bob', 'BOB', 'Carol', 'İzmir', 'ızmir', 'IZMIR', 'Straße 1', 'STRASSE 1', 'Σίσυφος', 'ΣΊΣΥΦΟΣ', 'Åse', 'åSE', 'K',
        '100% a_b', '100x aXb', 'back\\slash', 'BACK\\SLASH', 'ǅ',
    ):
        yield Person(name, f'password of {name}', pbkdf2(f'password of {name}', salt_of(name)), kind='collation')


def everybody():
    model = get_user_model()._meta.label
    if model in ('inn.Guest', 'lodge.Lodger'):
        yield from folded()
    if model == 'lodge.Lodger':
        yield from names()
        yield from collated()
        return
    yield from cross()
    if is_stock():
        yield from of_each_hasher()
        for name, encoded in encodings():
            yield Person(f'encoding: {name}', PASSWORD, encoded, kind='encoding')
        yield from passwords()
    yield from names()
    yield from collated()
    yield from rights()


def user_of(person):
    """The person as a row that is not stored yet, in whatever model the site has."""
    model = get_user_model()
    if hasattr(model, 'of'):
        return model.of(person)
    return model(
        username=person.username, password=person.encoded, is_active=person.active, is_staff=person.staff,
        is_superuser=person.superuser, email=person.email, first_name=person.first_name,
        last_name=person.last_name,
    )


def save(user):
    user.save(force_insert=True)
    return user


def permission(name):
    if isinstance(name, tuple):
        app, model, codename = name
        return Permission.objects.get(content_type__app_label=app, content_type__model=model, codename=codename)
    app, codename = name.split('.', 1)
    return Permission.objects.filter(content_type__app_label=app, codename=codename).order_by('pk')[0]


def stored(make):
    """What `make` stored, or None where this database cannot tell it from what it holds: MySQL, by its collation."""
    try:
        with transaction.atomic():
            return make()
    except IntegrityError:
        # A field that lower-cases makes equals too.
        if connection.vendor != 'mysql' and get_user_model()._meta.label != 'lodge.Lodger':
            raise
        return None


def create():
    """Fills a migrated database. Returns the people it holds: all but those whom it cannot store."""
    people = []
    with transaction.atomic():
        product = ContentType.objects.get(app_label='shop', model='product')
        stored(lambda: Permission.objects.create(content_type=product, codename='View_Report', name='Other case'))
        groups = {}
        for name, held in GROUPS.items():
            groups[name] = stored(lambda: Group.objects.create(name=name))
            if groups[name]:
                groups[name].permissions.set([permission(each) for each in held])
        for person in everybody():
            # SQLite alone takes more than the column's 128 characters.
            if len(person.encoded) > 128 and connection.vendor != 'sqlite':
                continue
            user = stored(lambda: save(user_of(person)))
            if user is None:
                continue
            people.append(person)
            if not hasattr(user, 'user_permissions'):
                continue
            everything = person.permissions == ['*']
            user.user_permissions.set(
                Permission.objects.all() if everything else [permission(each) for each in person.permissions]
            )
            user.groups.set([groups[each] for each in person.groups if groups[each]])
        if connection.vendor == 'sqlite' and is_stock():
            people += create_what_sqlite_alone_stores(product)
    return people


def create_what_sqlite_alone_stores(product):
    """NULs in texts, and octets in a text column: whoever cuts or converts there reads a right that is not held."""
    cut = Permission.objects.create(content_type=product, codename='view_report\0', name='NUL')
    group = Group.objects.create(name='Reporters\0')
    good = pbkdf2(PASSWORD, 'salt')
    people = [
        Person('of NUL', 'pw', bare_md5('pw'), kind='rights', email='a\0b', first_name='\0', last_name='x\0'),
        Person('encoding: NUL at end', PASSWORD, good + '\0', kind='encoding'),
        Person('encoding: NUL and more', PASSWORD, good + '\0more', kind='encoding'),
        Person('encoding: NUL before', PASSWORD, '\0' + good, kind='encoding'),
        Person('encoding: NUL in salt', PASSWORD, pbkdf2(PASSWORD, 'sa\0lt'), kind='encoding'),
        Person('encoding: NUL for unusable', PASSWORD, '\0!' + good, kind='encoding'),
        Person('encoding: NUL in bcrypt', PASSWORD, plain_bcrypt(PASSWORD, 'salt') + '\0', kind='encoding'),
        Person('encoding: NUL in md5', PASSWORD, bare_md5(PASSWORD)[:31] + '\0', kind='encoding'),
    ]
    for person in people:
        user = save(user_of(person))
        if person.kind == 'rights':
            user.user_permissions.add(cut)
            user.groups.add(group)
    # Django gets bytes and raises.
    for name, encoded in {'pbkdf2': good, 'md5': bare_md5(PASSWORD), 'unusable': '!'}.items():
        person = Person(f'encoding: octets {name}', PASSWORD, encoded, kind='encoding')
        save(user_of(person))
        with connection.cursor() as cursor:
            cursor.execute(
                'UPDATE auth_user SET password = %s WHERE username = %s',
                [memoryview(encoded.encode()), person.username],
            )
        people.append(person)
    return people
