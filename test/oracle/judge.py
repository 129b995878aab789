"""What is asked, and what Django answers: the handler of Django 1.4 for mod_python, on this Django's own parts."""
import functools
import itertools
import unicodedata

from django.contrib.auth.hashers import check_password
from django.contrib.auth.models import User

PERMISSIONS = ['shop.view_report', 'depot.view_report', 'shop.dotted.code.name', 'shop.no_such', 'shop']
MORE_PERMISSIONS = [
    'shop.View_Report', 'SHOP.view_report', 'Shop.view_report', 'shop.VIEW_REPORT', 'view_report', '.view_report',
    'shop.', '.', '..',
    ' shop.view_report', 'shop.view_report ', 'shop.view_report\n', 'shop. view_report', 'shop..view_report',
    'shop/view_report',
    'shop.view_repor', 'shop.view_reports', 'shop.view%', 'shop.view_repor_', '%', '*', 'shop.*', 'shop.dotted',
    'shop.dotted.code',
    'shop.dotted.code.name.', 'dotted.code.name', 'shop.pr\u00fcfen', 'shop.pru\u0308fen', 'shop.PR\u00dcFEN',
    'shop.prufen', 'shop.haggle',
    'shop.view_bargain', 'shop.add_product', 'depot.add_shelf', 'auth.add_user', 'shop.product.view_report',
    'shop.order.view_report',
    "shop.view_report' OR '1'='1", 'shop.view_report\0', '\0', '0', '1', 'None', 'constructor', '__proto__', 'x' * 300,
]
ANY_OF = [
    ['shop.no_such', 'shop.view_report'], ['shop.view_report', 'shop.no_such'], ['shop.no_such', 'shop.neither'], [''],
    ['', 'shop.haggle'],
    ['depot.view_report', 'shop.dotted.code.name'], ['shop.no_such'] * 64,
]
ANY_GROUP = [
    ['Reporters'], ['reporters'], ['REPORTERS'], ['Pr\u00fcfer'], ['Pru\u0308fer'], ['nobody', 'Reporters'],
    ['nobody'], [''], ['Reporters '],
    ['\u00fcnused, "quoted" group'], ['%'], ['*'], ['1'], ['Reporters\0'], ['nobody', 'nothing'],
]
FLAGS = list(itertools.product((False, True), (False, True)))


def text(octets):
    """What the protocol reads in a name's or a password's octets."""
    try:
        return octets.decode('utf-8')
    except UnicodeDecodeError:
        return octets.decode('latin-1')


@functools.lru_cache(maxsize=None)
def verify(password, encoded):
    """True, False or what Django raised. Without a setter, so that no hash is renewed."""
    try:
        return check_password(password, encoded)
    except Exception as error:  # noqa: BLE001: whatever Django raises is its answer
        return error


@functools.lru_cache(maxsize=None)
def find(username, staff, superuser):
    conditions = {'username': username, 'is_active': True}
    if staff:
        conditions['is_staff'] = True
    if superuser:
        conditions['is_superuser'] = True
    try:
        return User.objects.get(**conditions)
    except Exception as error:  # noqa: BLE001
        return error


@functools.lru_cache(maxsize=None)
def known(username):
    """Whether there is a row of that name at all."""
    try:
        return User.objects.filter(username=username).exists()
    except ValueError:
        return False


def account(user):
    own = user.user_permissions.values_list('content_type__app_label', 'codename')
    of_groups = user.groups.values_list('permissions__content_type__app_label', 'permissions__codename')
    held = {f'{app}.{codename}' for app, codename in [*own, *of_groups] if codename is not None}
    return {
        'id': str(user.pk),
        'username': user.username,
        'email': user.email,
        'first_name': user.first_name,
        'last_name': user.last_name,
        'staff': user.is_staff,
        'superuser': user.is_superuser,
        'groups': sorted((group.name for group in user.groups.all()), key=str.encode),
        'permissions': sorted(held, key=str.encode),
    }


account_of = functools.lru_cache(maxsize=None)(lambda pk: account(User.objects.get(pk=pk)))


def judge(username, password, staff, superuser, permissions, groups):
    """(verdict, why). `password` None: another has authenticated. `permissions`, `groups`: one of them suffices."""
    user = find(username, staff, superuser)
    if isinstance(user, User.DoesNotExist):
        return 'denied', 'no such row'
    if isinstance(user, Exception):
        return 'raises', repr(user)
    if password is not None:
        right = verify(password, user.password)
        if isinstance(right, Exception):
            return 'raises', repr(right)
        if not right:
            return 'denied', 'password'
    if permissions is not None and not any(user.has_perm(each) for each in permissions):
        return 'denied', 'permission'
    if groups is not None and not {group.name for group in user.groups.all()} & set(groups):
        return 'denied', 'group'
    return 'granted', ''


def questions(people):
    """(kind, username, password, staff, superuser, permission, permissions, groups), names and passwords as octets.

    `permission` is the handler's setting, of which both None and '' require nothing; `permissions` what a
    question to the daemon then carries.
    """
    def ask(person, passwords, flags, permissions=(None,), username=None):
        name = person.username.encode() if username is None else username
        for password, (staff, superuser), permission in itertools.product(passwords, flags, permissions):
            octets = password.encode() if isinstance(password, str) else password
            yield person.kind, name, octets, staff, superuser, permission, [permission] if permission else None, None

    for number, person in enumerate(people):
        right = person.password
        other = people[number - 1].password
        tried = [right, 'wrong', '', other, right + '\n', right + ' ', right + '\0']
        if person.kind == 'cross':
            yield from ask(person, [*tried, None], FLAGS, [None, '', *PERMISSIONS])
        elif person.kind == 'hasher':
            yield from ask(person, [*tried, right[:-1], *person.also], FLAGS[:3:2])
        elif person.kind == 'dear':
            yield from ask(person, [right, right + ' '], FLAGS)
        elif person.kind == 'encoding':
            yield from ask(person, [right, 'wrong', '', None], FLAGS[:1])
        elif person.kind == 'password':
            yield from ask(person, [*tried, *person.also, *in_latin1(right)], FLAGS[:1])
        elif person.kind == 'rights':
            yield from ask(person, [right, None], FLAGS, [None, '', *PERMISSIONS, *MORE_PERMISSIONS])
            name = person.username.encode()
            for password in (right.encode(), b'wrong', None):
                for permissions in ANY_OF:
                    yield 'any of', name, password, False, False, None, permissions, None
                for groups in ANY_GROUP:
                    yield 'group', name, password, False, False, None, None, groups
                yield 'group', name, password, True, False, 'shop.haggle', ['shop.haggle'], ['Reporters']
        elif person.kind == 'name':
            neighbours = [each.password for each in people[number - 4:number + 5] if each.kind == 'name']
            yield from ask(person, [*neighbours, 'wrong', None], FLAGS[:1])
            yield from ask(person, [right], FLAGS)
            for name in near(person.username):
                yield from ask(person, [right, 'wrong', None], FLAGS[:1], username=name)
        else:
            raise ValueError(f'nothing is asked about people of the kind {person.kind}')


def in_latin1(said):
    try:
        return [said.encode('latin-1')]
    except UnicodeEncodeError:
        return []


def near(name):
    """Octets that are not this name's own, and ought not to pass for it, save in Latin-1."""
    variants = {
        name + ' ', ' ' + name, name + '\n', name + '\0', name + '\0x', '\0' + name, name.upper(), name.lower(),
        name.title(), name.casefold(),
        name.strip(), name[:-1], name[1:], name + name[-1:], '\ufeff' + name, name + '\u200b', name.replace('_', '%'),
        *(unicodedata.normalize(form, name) for form in ('NFC', 'NFD', 'NFKC', 'NFKD')),
    }
    octets = {each.encode() for each in variants} - {name.encode()}
    octets.update(in_latin1(name))
    malformed = (b'\xff', b'\xc3', b'\xc0\x80', b'\xed\xa0\x80', b'\xf4\x90\x80\x80')
    octets.update(name.encode() + tail for tail in malformed)
    return sorted(octets)


def verdicts(people):
    """One record for each question, as README.md describes it."""
    encoded = dict(User.objects.values_list('username', 'password'))
    seen = set()
    for kind, name, password, staff, superuser, permission, permissions, groups in questions(people):
        key = (name, password, staff, superuser, permission, str(permissions), str(groups))
        if key in seen:
            continue
        seen.add(key)
        username = text(name)
        said = None if password is None else text(password)
        verdict, why = judge(username, said, staff, superuser, permissions, groups)
        stored = encoded.get(username)
        record = {
            'kind': kind,
            'operation': 'authorize' if password is None else 'check',
            'username_hex': name.hex(),
            'password_hex': None if password is None else password.hex(),
            'staff': staff,
            'superuser': superuser,
            'permission': permission,
            'permissions': permissions,
            'groups': groups,
            'verdict': verdict,
            'why': why,
            'known': known(username),
            'encoded': stored if isinstance(stored, str) else None,
        }
        if verdict == 'granted':
            record['account'] = account_of(find(username, False, False).pk)
        yield record
