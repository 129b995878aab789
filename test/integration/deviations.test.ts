import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
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
  noted(
    /accounts are read from database "default", to which Django writes them; Django itself reads "replica"/,
    'a replica',
  );
  t.match(project.import().stdout, '/db.sqlite3"', 'the database that accounts are written to');
  const chosen = project.import('--database', 'replica');
  t.equal(chosen.status, 0, chosen.stderr);
  t.match(chosen.stderr, /accounts are read from database "replica" and written to "default"/);
  t.match(chosen.stdout, '/replica.sqlite3"', 'the database of --database');
  const unknown = project.import('--database', 'replic');
  t.equal(unknown.status, 1);
  t.match(unknown.stderr, /no database "replic" in DATABASES, which has default, replica\n$/);

  // The router of Django's documentation.
  setting(`
import random
class PrimaryReplicaRouter:
    def db_for_read(self, model, **hints):
        return random.choice(['replica1', 'replica2'])
    def db_for_write(self, model, **hints):
        return 'primary'
    def allow_relation(self, obj1, obj2, **hints):
        return True
for name in ('primary', 'replica1', 'replica2'):
    DATABASES[name] = dict(DATABASES['default'], NAME=BASE_DIR / (name + '.sqlite3'))
DATABASES['default'] = {}
DATABASE_ROUTERS = [PrimaryReplicaRouter()]
`);
  for (let run = 0; run < 5; run++) {
    const routed = project.import();
    t.equal(routed.status, 0, routed.stderr);
    t.match(routed.stderr, /from database "primary", .* Django itself reads "replica1" and "replica2"/);
    t.match(routed.stdout, '/primary.sqlite3"');
  }
});

/** A project whose models are written again and again. */
function startModels(t: Test) {
  const project = startProject(t);
  project.append('mysite/settings.py', "\nINSTALLED_APPS.append('people')\nAUTH_USER_MODEL = 'people.Person'\n");
  const models = (text: string) =>
    project.app(
      'people',
      `from django.contrib.auth.hashers import PBKDF2PasswordHasher\nfrom django.contrib.auth.models import *\n` +
        `from django.db import models\nfrom django.db.models.signals import post_init\n${text}\n`,
    );
  return { project, models };
}

t.test('custom code that changes values', async (t) => {
  const { project, models } = startModels(t);
  const refused = (word: string, sentence: RegExp, text: string) => {
    models(text);
    const first = project.import();
    t.equal(first.status, 1, `${sentence} is refused`);
    t.equal(first.stdout, '');
    t.match(first.stderr, sentence);
    t.match(first.stderr, `(--accept ${word})`);
    const accepted = project.import('--accept', word);
    t.equal(accepted.status, 0, accepted.stderr);
    t.match(accepted.stderr, sentence);
  };
  refused(
    'fields',
    /people\.Person\.is_active \(people\.models\.Inverted\) has a custom from_db_value and get_prep_value/,
    `class Inverted(models.BooleanField):
    def from_db_value(self, value, *rest): return not value
    def get_prep_value(self, value): return not value
class Person(AbstractUser):
    is_active = Inverted(db_column='disabled', default=False)`,
  );
  refused(
    'fields',
    /people\.Person\.password \(people\.models\.Encrypted\) has a custom from_db_value:/,
    `class Encrypted(models.CharField):
    def from_db_value(self, value, *rest): return value[::-1]
    def get_prep_value(self, value): return value[::-1]
class Person(AbstractUser):
    password = Encrypted(max_length=128)`,
  );
  refused(
    'fields',
    /people\.Person\.username \(people\.models\.Stripped\) has a custom to_python:/,
    `class Stripped(models.CharField):
    def to_python(self, value): return value.strip()
class Person(AbstractUser):
    username = Stripped(max_length=150, unique=True)`,
  );
  refused(
    'fields',
    /people\.Person\.is_staff \(people\.models\.Shadowed\) has a custom Descriptor is_staff:/,
    `class Descriptor(models.query_utils.DeferredAttribute):
    def __get__(self, instance, cls=None): return True
class Shadowed(models.BooleanField):
    def contribute_to_class(self, cls, name, **rest):
        super().contribute_to_class(cls, name, **rest)
        setattr(cls, name, Descriptor(self))
class Person(AbstractUser):
    is_staff = Shadowed(default=False)`,
  );
  refused(
    'loading',
    /runs when people\.Person is loaded and may change its values: people\.models\.Person\.__init__/,
    `class Person(AbstractUser):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.is_active = False`,
  );
  refused(
    'loading',
    /people\.models\.Person\.from_db/,
    `class Person(AbstractUser):
    @classmethod
    def from_db(cls, *args): return super().from_db(*args)`,
  );
  refused(
    'loading',
    /people\.models\.block \(post_init\)/,
    `class Person(AbstractUser): pass
def block(sender, instance, **rest): instance.is_active = False
post_init.connect(block, sender=Person)`,
  );
  refused(
    'loading',
    /django\.contrib\.auth\.models\.AbstractUser\.__getattribute__/,
    `AbstractUser.__getattribute__ = lambda self, name: object.__getattribute__(self, name)
class Person(AbstractUser): pass`,
  );
  refused(
    'check_password',
    /people\.Person has a custom check_password/,
    `class Person(AbstractUser): pass
from django.contrib.auth import base_user
base_user.check_password = lambda *args, **rest: False`,
  );
  refused(
    'has_perm',
    /people\.Person has a custom has_perm/,
    `class Person(AbstractUser): pass
from django.contrib.auth import models as auth
auth._user_has_perm = lambda *args: False`,
  );
  refused(
    'manager',
    /the default manager of people\.models\.Team has a custom get_queryset/,
    `class Teams(GroupManager):
    def get_queryset(self): return super().get_queryset().exclude(name='secret')
class Team(Group):
    objects = Teams()
    class Meta: proxy = True
class Person(AbstractUser):
    groups = models.ManyToManyField(Team, related_name='user_set', related_query_name='user')`,
  );

  models(`class Team(Group): pass
class Person(AbstractUser):
    groups = models.ManyToManyField(Team, related_name='user_set', related_query_name='user')`);
  const child = project.import();
  t.equal(child.status, 0, child.stderr);
  t.match(child.stderr, /people\.Person\.groups refers to people\.models\.Team, which djauthd does not read/);
  t.match(child.stderr, /requiring a permission is an error, as in Django/);
  t.notMatch(child.stdout, /user_groups/);

  models(`class Encrypted(models.EmailField):
    def from_db_value(self, value, *rest): return value[::-1]
class Person(AbstractUser):
    email = Encrypted()
    is_active = True`);
  const email = project.import();
  t.equal(email.status, 0, email.stderr);
  t.match(email.stderr, /people\.Person\.email \(people\.models\.Encrypted\) .* djauthd does not report it/);
  t.notMatch(email.stdout, /^email/m);
  t.match(email.stdout, /^active = false$/m, 'a model without the column says so');

  // What touches no value is no deviation.
  models(`class Person(AbstractUser):
    def save(self, *args, **rest): super().save(*args, **rest)
    def natural_key(self): return (self.username.lower(),)
class Phone(models.CharField): pass
class Slow(PBKDF2PasswordHasher):
    iterations = 10
    def must_update(self, encoded): return True
    def harden_runtime(self, password, encoded): pass
class Decoding(PBKDF2PasswordHasher):
    algorithm = 'pbkdf2_sha1'
    def decode(self, encoded): return super().decode(encoded)`);
  project.append(
    'mysite/settings.py',
    "\nPASSWORD_HASHERS = ['people.models.Slow', 'django.contrib.auth.hashers.ScryptPasswordHasher'][:1]\n",
  );
  const harmless = project.import();
  t.equal(harmless.status, 0, harmless.stderr);
  t.equal(harmless.stderr, '');
  project.append('mysite/settings.py', "\nPASSWORD_HASHERS += ['people.models.Decoding']\n");
  t.match(project.import().stdout, /^hashers = \["pbkdf2_sha256"\]\nforeign_hashers = \["pbkdf2_sha1"\]$/m);
});

t.test('how usernames are compared', async (t) => {
  const { project, models } = startModels(t);
  const found = (text: string) => {
    models(text);
    const { status, stdout, stderr } = project.import();
    return { status, stderr, match: /^username_match = "(.*)"$/m.exec(stdout)?.[1] };
  };
  const manager = (body: string) =>
    found(`class Manager(UserManager):
    def get_by_natural_key(self, name):
        ${body}
class Person(AbstractUser):
    objects = Manager()`);
  t.same(manager('return self.get(username=name)'), { status: 0, stderr: '', match: undefined });
  t.same(manager("return self.get(**{self.model.USERNAME_FIELD + '__iexact': name})").match, 'iexact');
  t.same(manager('return self.get_queryset().filter(models.Q(username__iexact=name)).get()').match, 'iexact');
  t.same(manager('return self.get(username=name.lower())').match, 'lower');
  for (const body of [
    'return self.get(models.Q(username__iexact=name) | models.Q(email__iexact=name))',
    'return self.get(username__iexact=name, is_staff=True)',
    'return self.filter(username__iexact=name).first()',
    'return self.get(username__istartswith=name)',
    'return self.get(email__iexact=name)',
    'return self.exclude(username__iexact=name).get()',
    'return self.get(username=name.strip())',
    "return self.get(**{'email' if '@' in name else 'username': name})",
    'return self.get(username__iexact=name.strip())',
    'return self.get(groups__name=name)',
    'return self.annotate(n=models.Value(1)).get(username=name)',
    'return self.model(username=name)',
    'raise ValueError(name)',
    "list(self.raw('select 1')); return self.get(username=name)",
  ]) {
    const { status, stderr, match } = manager(body);
    t.equal(status, 1, body);
    t.equal(match, undefined);
    t.match(stderr, /Manager\.get_by_natural_key does not simply compare username.*\(--accept manager\)/, body);
  }
  const field = (body: string) =>
    found(`class Login(models.EmailField):
${body}
class Person(AbstractUser):
    email = Login(unique=True)
    USERNAME_FIELD = 'email'
    REQUIRED_FIELDS = ['username']`);
  for (const body of [
    '    def get_prep_value(self, value): return value.lower()',
    '    def to_python(self, value): return value.lower()',
    '    def get_db_prep_value(self, value, connection, prepared=False): return value.lower()',
  ]) {
    const { stderr, match } = field(body);
    t.equal(match, 'lower', body);
    t.match(stderr, /people\.Person\.email \(people\.models\.Login\) lower-cases usernames/);
  }
  const inherited = found(`class Base(AbstractUser):
    class Meta: default_manager_name = 'people'
    people = UserManager()
class Manager(UserManager):
    def get_by_natural_key(self, name): return self.get(username__iexact=name)
class Person(Base):
    others = Manager()
    class Meta: default_manager_name = 'others'`);
  t.equal(inherited.match, 'iexact', 'the default manager counts, also over a parent table');
});

t.test('applications that ask for more than a password', async (t) => {
  const project = startProject(t);
  const package_ = (name: string) => {
    project.app(name, '');
    project.append('mysite/settings.py', `\nINSTALLED_APPS.append('${name.replaceAll('/', '.')}')\n`);
  };
  project.app('allauth', '');
  package_('otp_reports');
  t.equal(project.import().stderr, '', 'a name alone that is like theirs is no deviation');
  for (const [name, sentence] of [
    ['django_otp', /the site uses django-otp: HTTP Basic has no second factor.*\(--accept second-factor\)/],
    ['allauth/mfa', /the site uses allauth\.mfa: .*\(--accept second-factor\)/],
    ['axes', /the site uses django-axes: its lockouts do not count.*\(--accept second-factor\)/],
  ] as const) {
    package_(name);
    const refused = project.import();
    t.equal(refused.status, 1, `${name} is refused`);
    t.equal(refused.stdout, '', 'nothing is written');
    t.match(refused.stderr, sentence);
  }
  const accepted = project.import('--accept', 'second-factor');
  t.equal(accepted.status, 0, accepted.stderr);
  t.match(accepted.stderr, /django-otp.*\n.*allauth\.mfa.*\n.*django-axes/, 'and is reported');
});
