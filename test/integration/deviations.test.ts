import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { startProject } from '../fixtures/django-project.ts';

t.test('custom code that may deny more users', async (t) => {
  const project = startProject(t);
  project.app('people', '');
  writeFileSync(
    join(project.directory, 'people/backends.py'),
    `
from django.contrib.auth.backends import ModelBackend


class Refusing(ModelBackend):
    def has_perm(self, user, perm, obj=None):
        return False


class Directory:
    def authenticate(self, request, username=None, password=None):
        return None
`,
  );
  const models = (manager: string, body: string, base = 'AbstractUser') =>
    project.app(
      'people',
      `
from django.contrib.auth.models import AbstractBaseUser, AbstractUser, BaseUserManager, PermissionsMixin, UserManager
from django.db import models


class Rows(models.QuerySet):
    def get(self, *args, **kwargs):
        return super().get(*args, **kwargs, is_staff=True)


class Filtering(UserManager):
    def get_queryset(self):
        return super().get_queryset().filter(is_staff=True)


class Folding(UserManager):
    def get_by_natural_key(self, name):
        return self.get(username__iexact=name)


class Creating(UserManager):
    def create_everybody(self):
        pass


class Person(${base}):
    objects = ${manager}
${body}
`,
    );
  project.append('mysite/settings.py', "\nINSTALLED_APPS.append('people')\nAUTH_USER_MODEL = 'people.Person'\n");
  const settings = readFileSync(join(project.directory, 'mysite/settings.py'), 'utf8');
  const setting = (text: string) =>
    writeFileSync(join(project.directory, 'mysite/settings.py'), `${settings}${text}\n`);

  const refused = (word: string, sentence: RegExp, message: string) => {
    const first = project.import();
    t.equal(first.status, 1, `${message} is refused`);
    t.equal(first.stdout, '');
    t.match(first.stderr, sentence);
    t.match(first.stderr, `(--accept ${word})`);
    const accepted = project.import('--accept', word);
    t.equal(accepted.status, 0, `${message} can be accepted: ${accepted.stderr}`);
    t.match(accepted.stderr, sentence, 'and is reported');
  };
  const noted = (sentence: RegExp, message: string) => {
    const result = project.import();
    t.equal(result.status, 0, `${message}: ${result.stderr}`);
    t.match(result.stderr, sentence);
  };

  models('Creating()', '    pass');
  const plain = project.import();
  t.equal(plain.status, 0, plain.stderr);
  t.equal(plain.stderr, '', 'a manager that only creates is no deviation');
  t.match(plain.stdout, 'table = "people_person"');

  models('Filtering()', '    pass');
  refused('manager', /people\.models\.Filtering, which has a custom get_queryset/, 'a manager that filters');
  models('Folding()', '    pass');
  refused('manager', /Folding, which has a custom get_by_natural_key/, 'a manager with a custom natural key');
  models('UserManager.from_queryset(Rows)()', '    pass');
  refused('manager', /which has a custom get:/, 'a queryset that filters');
  models('UserManager()', '    def check_password(self, raw):\n        return False');
  refused('check_password', /a custom check_password/, 'check_password');
  models('UserManager()', '    def has_perm(self, perm, obj=None):\n        return False');
  refused('has_perm', /a custom has_perm, which may refuse/, 'has_perm');
  models(
    'BaseUserManager()',
    "    name = models.CharField(max_length=9, unique=True)\n    USERNAME_FIELD = 'name'\n    is_active = False",
    'AbstractBaseUser',
  );
  refused('is_active', /no column is_active, but a constant that is not True/, 'a constant is_active');
  models(
    'BaseUserManager()',
    "    name = models.CharField(max_length=9, unique=True)\n    USERNAME_FIELD = 'name'\n    is_staff = property(lambda self: True)\n    def has_perm(self, perm, obj=None):\n        return True",
    'AbstractBaseUser',
  );
  noted(/has no column is_staff, only an attribute of that name: requiring it is an error/, 'no staff');
  noted(/has no groups and no permissions/, 'no permissions');

  models('UserManager()', '    pass');
  setting("AUTHENTICATION_BACKENDS = ['people.backends.Refusing', 'django.contrib.auth.backends.ModelBackend']");
  refused('backends', /Refusing has a custom has_perm.* precedes ModelBackend/, 'a backend that may refuse');
  setting("AUTHENTICATION_BACKENDS = ['people.backends.Directory']");
  refused('backends', /no backend in AUTHENTICATION_BACKENDS reads permissions/, 'no ModelBackend');
  setting("AUTHENTICATION_BACKENDS = ['django.contrib.auth.backends.ModelBackend', 'people.backends.Refusing']");
  noted(
    /Refusing has a custom has_perm, which is not called: permissions that only it grants are denied/,
    'a backend that may only add permissions',
  );
  setting("AUTHENTICATION_BACKENDS = ['django.contrib.auth.backends.ModelBackend', 'people.backends.Directory']");
  noted(/the backend people\.backends\.Directory is not asked: users without/, 'a directory');

  const router = `
class Router:
    def db_for_read(self, model, **hints):
        return 'replica' if model._meta.app_label in LABELS else None
DATABASES['replica'] = dict(DATABASES['default'], NAME=BASE_DIR / 'replica.sqlite3')
DATABASE_ROUTERS = [Router()]
`;
  setting(`${router}LABELS = ('auth',)`);
  refused('routers', /reads .*Group and .*Permission from another database/, 'permissions in another database');
  setting(`${router}LABELS = ('auth', 'people', 'contenttypes')`);
  noted(/accounts are read from database "replica" and written to "default"/, 'a replica');
  t.match(project.import().stdout, '/replica.sqlite3"');
});
