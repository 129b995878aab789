"""A small real site. DATABASE names its database, by the same urls as the daemon's configuration; USER_MODEL, if there
is one, the application and the class of its users."""
import os
from urllib.parse import parse_qs, unquote, urlsplit


def database(url):
    parts = urlsplit(url)
    query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    name = unquote(parts.path)
    if parts.scheme == 'sqlite':
        return {'ENGINE': 'django.db.backends.sqlite3', 'NAME': name}
    server = {
        'NAME': name.lstrip('/'),
        'USER': unquote(parts.username or ''),
        'PASSWORD': unquote(parts.password or ''),
        'HOST': query.get('host') or query.get('socket') or parts.hostname or '',
        'PORT': query.get('port') or parts.port or '',
    }
    if parts.scheme in ('postgres', 'postgresql'):
        return {'ENGINE': 'django.db.backends.postgresql', **server}
    if parts.scheme == 'mysql':
        return {'ENGINE': 'django.db.backends.mysql', 'OPTIONS': {'charset': 'utf8mb4'}, **server}
    raise SystemExit(f'DATABASE: sqlite:///path, postgres://… or mysql://…, not {parts.scheme}:')


DATABASES = {'default': database(os.environ['DATABASE'])}
SECRET_KEY = 'nothing here is secret'
DEFAULT_AUTO_FIELD = 'django.db.models.AutoField'
USE_TZ = True
INSTALLED_APPS = ['django.contrib.contenttypes', 'django.contrib.auth', 'shop', 'depot']
AUTH_USER_MODEL = os.environ.get('USER_MODEL') or 'auth.User'
if AUTH_USER_MODEL != 'auth.User':
    INSTALLED_APPS.append(AUTH_USER_MODEL.split('.')[0])
    # An application without migrations cannot refer to one with: all are made at once.
    MIGRATION_MODULES = {'auth': None, 'contenttypes': None}

# The first is what Django takes for new passwords; each accepts any cost that the stored hash names.
PASSWORD_HASHERS = [
    'project.hashers.CheapPbkdf2',
    'django.contrib.auth.hashers.PBKDF2SHA1PasswordHasher',
    'django.contrib.auth.hashers.Argon2PasswordHasher',
    'django.contrib.auth.hashers.BCryptSHA256PasswordHasher',
    'django.contrib.auth.hashers.BCryptPasswordHasher',
    'project.hashers.Scrypt',
    'django.contrib.auth.hashers.SHA1PasswordHasher',
    'django.contrib.auth.hashers.MD5PasswordHasher',
    'django.contrib.auth.hashers.UnsaltedSHA1PasswordHasher',
    'django.contrib.auth.hashers.UnsaltedMD5PasswordHasher',
]
