"""What is asked, and what Django answers: the handler of Django 1.4 for mod_python, on this Django's own parts."""
import functools
import itertools
import unicodedata

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import check_password
from django.core.exceptions import FieldDoesNotExist, FieldError
from django.db import connection

User = get_user_model()

# A manager that finds accounts in its own way: the handler for mod_wsgi asks it.
NATURAL = 'get_by_natural_key' in type(User._default_manager).__dict__

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
def has_field(name):
    try:
        return bool(User._meta.get_field(name))
    except FieldDoesNotExist:
        return False


@functools.lru_cache(maxsize=None)
def find(username, staff, superuser):
    conditions = {User.USERNAME_FIELD: username}
    # Without such a column the handler for mod_python could let nobody in; the one for mod_wsgi looks at the attribute.
    if has_field('is_active'):
        conditions['is_active'] = True
    if staff:
        conditions['is_staff'] = True
    if superuser:
        conditions['is_superuser'] = True
    try:
        if NATURAL:
            del conditions[User.USERNAME_FIELD]
            user = User._default_manager.get_by_natural_key(username)
            return user if all(getattr(user, flag) for flag in conditions) else User.DoesNotExist()
        user = User._default_manager.get(**conditions)
        return user if user.is_active else User.DoesNotExist()
    except Exception as error:  # noqa: BLE001
        return error


def has_natural_key(username):
    try:
        return bool(User._default_manager.get_by_natural_key(username))
    except User.MultipleObjectsReturned:
        return True
    except User.DoesNotExist:
        return False


@functools.lru_cache(maxsize=None)
def known(username):
    """Whether there is a row of that name at all."""
    try:
        if NATURAL and '\0' not in username:
            return not isinstance(find(username, False, False), Exception) or has_natural_key(username)
        return '\0' not in username and User._default_manager.filter(**{User.USERNAME_FIELD: username}).exists()
    except ValueError:
        return False


def account(user):
    mixed = hasattr(user, 'groups')
    own = user.user_permissions.values_list('content_type__app_label', 'codename') if mixed else []
    of_groups = user.groups.values_list('permissions__content_type__app_label', 'permissions__codename') if mixed else []
    held = {f'{app}.{codename}' for app, codename in [*own, *of_groups] if codename is not None}
    return {
        # As it is stored: a UUID has no dashes where the database has no type for it.
        'id': str(User._meta.pk.get_db_prep_value(user.pk, connection)),
        'username': user.get_username(),
        'email': getattr(user, user.get_email_field_name(), ''),
        'first_name': getattr(user, 'first_name', ''),
        'last_name': getattr(user, 'last_name', ''),
        'staff': getattr(user, 'is_staff', False),
        'superuser': getattr(user, 'is_superuser', False),
        'groups': sorted((group.name for group in user.groups.all()), key=str.encode) if mixed else [],
        'permissions': sorted(held, key=str.encode),
    }


account_of = functools.lru_cache(maxsize=None)(lambda pk: account(User._default_manager.get(pk=pk)))


def judge(username, password, staff, superuser, permissions, groups):
    """(verdict, why). `password` None: another has authenticated. `permissions`, `groups`: one of them suffices."""
    if permissions is not None and not hasattr(User, 'has_perm') or groups is not None and not hasattr(User, 'groups'):
        return 'impossible', 'AttributeError'
    user = find(username, staff, superuser)
    # Two accounts of one name are a mistake of the site's, whoever asks.
    if isinstance(user, FieldError) or isinstance(user, User.MultipleObjectsReturned) and '\0' not in username:
        return 'impossible', repr(user)
    # PostgreSQL refuses such a text, SQLite's LIKE reads it up to there, and some of MySQL's collations pass over it.
    if isinstance(user, User.DoesNotExist) or '\0' in username:
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

    # All combinations of what has nothing to do with the database or the model: once.
    thorough = User._meta.label == 'auth.User' and connection.vendor == 'sqlite'
    for number, person in enumerate(people):
        right = person.password
        other = people[number - 1].password
        tried = [right, 'wrong', '', other, right + '\n', right + ' ', right + '\0']
        if person.kind == 'cross':
            if thorough:
                yield from ask(person, [*tried, None], FLAGS, [None, '', *PERMISSIONS])
            else:
                yield from ask(person, [right, 'wrong', None], FLAGS, [None, '', *PERMISSIONS[:4]])
        elif person.kind == 'hasher':
            yield from ask(person, [*tried, right[:-1], *person.also], FLAGS[:3:2])
        elif person.kind == 'dear':
            yield from ask(person, [right, right + ' '] if thorough else [], FLAGS)
        elif person.kind == 'encoding':
            yield from ask(person, [right, 'wrong', '', None], FLAGS[:1])
        elif person.kind == 'password':
            yield from ask(person, [*tried, *person.also, *in_latin1(right)], FLAGS[:1])
        elif person.kind == 'rights':
            yield from ask(
                person, [right, None], FLAGS if thorough else FLAGS[:1], [None, '', *PERMISSIONS, *MORE_PERMISSIONS]
            )
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
                yield from ask(person, [right, 'wrong', None] if thorough else [right], FLAGS[:1], username=name)
        elif person.kind == 'collation':
            yield from ask(person, [right, 'wrong', None], FLAGS[:1])
            for name in alike(person.username):
                yield from ask(person, [right, 'wrong', None], FLAGS[:1], username=name)
        else:
            raise ValueError(f'nothing is asked about people of the kind {person.kind}')


def alike(name):
    """Octets that one collation or another takes for this name."""
    folded = unicodedata.normalize('NFKD', name)
    bare = ''.join(each for each in folded if not unicodedata.combining(each))
    variants = {
        name, name + ' ', name + '   ', name + '\t', ' ' + name, name + '\u00a0', name.upper(), name.lower(),
        name.swapcase(), name.casefold(), bare, bare.upper(), folded, unicodedata.normalize('NFKC', name),
        name.replace('\u00df', 'ss'), name.replace('\u00df', 's'), name.replace('\u0131', 'i'),
        name.replace('\U0001f3f3', '\U0001f3f4'), name.replace('\U0001f3f3', '\ufffd'), name + '\u200d', name + '\u0301',
        name.replace('\u03a9', '\u2126'), name + '\x01', name + '\\', name + "'", name + '%', name[:-1] + '_', name + '\0',
    }
    return sorted(each.encode() for each in variants)


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
    encoded = dict(User._default_manager.values_list(User.USERNAME_FIELD, 'password'))
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
