import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { withPassword } from '../../daemon/config/password-file.ts';
import type { DatabaseFacts } from '../../daemon/import/introspection.ts';
import { mysqlUrl } from '../../daemon/import/mysql-url.ts';
import { postgresUrl } from '../../daemon/import/postgres-url.ts';
import { splice } from '../../daemon/import/splice.ts';
import { sqliteUrl } from '../../daemon/import/sqlite-url.ts';
import { settingsOf } from '../../daemon/store/postgres/url.ts';
import { type Client, connect } from '../fixtures/client.ts';
import { PROGRAM, waitFor } from '../fixtures/daemon.ts';
import { startPostgres } from '../fixtures/postgres.ts';

/** The Python that has Django; another `python3` may go before it on the path. */
const PYTHON = '/usr/bin/python3';

const GRANTED = 0;
const DENIED = 1;
const ERROR = 4;

interface Outcome {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** A Django project in a directory of its own. */
interface Project {
  readonly directory: string;
  /** Runs manage.py; its standard output. */
  manage(...args: string[]): string;
  /** Runs statements in the project's own Python. */
  python(statements: string): string;
  append(file: string, text: string): void;
  run(...args: string[]): Outcome;
  import(...args: string[]): Outcome;
}

function startProject(t: Test): Project {
  const directory = mkdtempSync(join(tmpdir(), 'djauthd-i-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  execFileSync(PYTHON, ['-m', 'django', 'startproject', 'mysite', directory]);
  const project: Project = {
    directory,
    manage: (...args) => execFileSync(PYTHON, ['manage.py', ...args], { cwd: directory, encoding: 'utf8' }),
    python: (statements) =>
      execFileSync(PYTHON, ['manage.py', 'shell'], { cwd: directory, input: statements, encoding: 'utf8' }),
    append: (file, text) => writeFileSync(join(directory, file), text, { flag: 'a' }),
    run: (...args) => spawnSync(PROGRAM, args, { cwd: directory, encoding: 'utf8', timeout: 60_000 }),
    import: (...args) => project.run('import', '--settings', 'mysite.settings', '--python', PYTHON, ...args),
  };
  return project;
}

/** Runs a daemon with a configuration as it stands in a file. */
async function serve(
  t: Test,
  args: string[],
  socketOf: (stdout: string) => string,
): Promise<{ client: Client; log(): string }> {
  const child = spawn(PROGRAM, ['serve', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  const exited = new Promise((resolve) => child.once('close', resolve));
  t.teardown(async () => {
    child.kill('SIGTERM');
    await exited;
  });
  await waitFor(() => log.includes('is ready') || child.exitCode !== null, 20_000);
  const client = await connect(socketOf(stdout)).catch((error) => {
    throw new Error(`${error}: ${log}`);
  });
  t.teardown(() => client.close());
  return { client, log: () => log };
}

t.test('a fresh project with SQLite', async (t) => {
  const project = startProject(t);
  project.manage('migrate', '-v', '0');
  project.python(`
from django.contrib.auth.models import Group, Permission, User
User.objects.create_superuser('root', password='over all')
alice = User.objects.create_user('alice', password='secret', is_staff=True)
alice.groups.add(Group.objects.create(name='editors'))
Group.objects.get().permissions.add(Permission.objects.get(codename='add_logentry'))
User.objects.create_user('gone', password='secret', is_active=False)
`);
  const printed = project.import();
  t.equal(printed.status, 0, printed.stderr);
  t.equal(printed.stderr, '', 'nothing to be said of it');
  t.notMatch(printed.stdout, /schema/, 'the stock user model is not spelled out');

  const file = join(project.directory, 'djauthd.toml');
  const written = project.import('--write', file);
  t.equal(written.status, 0, written.stderr);
  t.equal(written.stdout, '');
  const config = readFileSync(file, 'utf8');
  t.match(config, /^\[listen\]\nsocket = "\/run\/djauthd\/auth\.sock"\n/, 'a complete configuration');
  t.ok(config.endsWith(printed.stdout), 'with what was printed');
  t.same(readdirSync(project.directory).sort(), ['db.sqlite3', 'djauthd.toml', 'manage.py', 'mysite'], 'and no more');
  const doctor = project.run('doctor', '--config', file);
  t.equal(doctor.status, 0, doctor.stdout + doctor.stderr);
  t.match(doctor.stdout, /accounts +3: 3 pbkdf2_sha256\$260000\n/);
  t.match(doctor.stdout, /\ngood\n$/, 'without a warning');

  t.test('the daemon answers as Django does', async (t) => {
    const socket = join(project.directory, 'a.sock');
    // As somebody has written it before: all of it has to stay.
    const mine = `# mine\r\n[listen] # here\r\nsocket = "${socket}"\r\n\r\n[log]\r\nlevel = 'info'   # and   so\r\n`;
    const other = join(project.directory, 'other.toml');
    writeFileSync(other, mine);
    chmodSync(other, 0o640);
    t.equal(project.import('--write', other, '--site', 'it').status, 0);
    t.ok(readFileSync(other, 'utf8').startsWith(mine), 'octet for octet');
    t.equal(statSync(other).mode & 0o777, 0o640, 'the mode stays');
    const { client } = await serve(t, ['--config', other], () => socket);
    const ask = async (name: string, password: string, require = {}) =>
      (await client.check(name, password, { site: 'it', require })).status;
    t.equal(await ask('alice', 'secret'), GRANTED);
    t.equal(await ask('alice', 'secret', { staff: true, groups: ['editors'] }), GRANTED);
    t.equal(await ask('alice', 'secret', { permissions: ['admin.add_logentry'] }), GRANTED);
    t.equal(await ask('alice', 'secret', { permissions: ['admin.view_logentry'] }), DENIED);
    t.equal(await ask('root', 'over all', { superuser: true, permissions: ['no.such'] }), GRANTED);
    t.not(await ask('alice', 'Secret'), GRANTED);
    t.not(await ask('gone', 'secret'), GRANTED);
    t.not(await ask('nobody', 'secret'), GRANTED);
  });

  t.test('serve --django', async (t) => {
    const args = ['--django', 'mysite.settings', '--python', PYTHON, '--path', project.directory];
    const { client } = await serve(t, args, (stdout) => {
      t.match(stdout, /^site {3}mysite\.settings\n/);
      return /^socket (.*)$/m.exec(stdout)?.[1] ?? '';
    });
    t.equal((await client.check('alice', 'secret')).status, GRANTED);
    t.not((await client.check('alice', 'wrong')).status, GRANTED);
    const both = project.run('serve', ...args, '--config', file);
    t.equal(both.status, 2, 'not both a configuration and a site');
  });
});

t.test('PostgreSQL, a password and a user model of its own', async (t) => {
  const postgres = await startPostgres({ tcp: true });
  t.teardown(() => postgres.stop());
  const hba = join(postgres.socketDirectory, 'data/pg_hba.conf');
  writeFileSync(hba, 'local all postgres trust\nhost all all 127.0.0.1/32 scram-sha-256\n');
  await postgres.execute('postgres', 'SELECT pg_reload_conf()');
  await postgres.createDatabase('crew db');
  const password = `odd: "pa'ss/@#%?\\ é`;
  const quoted = password.replaceAll("'", "''");
  await postgres.execute(
    'crew db',
    `CREATE ROLE site LOGIN PASSWORD '${quoted}'; CREATE SCHEMA ship AUTHORIZATION site`,
  );

  const project = startProject(t);
  mkdirSync(join(project.directory, 'crew'));
  writeFileSync(join(project.directory, 'crew/__init__.py'), '');
  writeFileSync(
    join(project.directory, 'crew/models.py'),
    `
import uuid
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models


class Manager(BaseUserManager):
    def create_user(self, email, password, **rest):
        user = self.model(email=email, **rest)
        user.set_password(password)
        user.save()
        return user


class Sailor(AbstractBaseUser, PermissionsMixin):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    email = models.EmailField(unique=True, db_column='mail')
    is_active = models.BooleanField(default=True, db_column='Aboard')
    is_staff = models.BooleanField(default=False)
    objects = Manager()
    USERNAME_FIELD = 'email'

    class Meta:
        db_table = 'the "crew'.replace('"', '')
`,
  );
  project.append(
    'mysite/settings.py',
    `
INSTALLED_APPS.append('crew')
AUTH_USER_MODEL = 'crew.Sailor'
AUTH_PASSWORD_VALIDATORS = []
DATABASES = {'default': {
    'ENGINE': 'django.db.backends.postgresql', 'NAME': 'crew db', 'USER': 'site', 'PASSWORD': ${JSON.stringify(password)},
    'HOST': '127.0.0.1', 'PORT': ${postgres.port}, 'OPTIONS': {'options': '-c search_path=ship'},
}}
PASSWORD_HASHERS = [
    'django.contrib.auth.hashers.BCryptSHA256PasswordHasher',
    'mysite.hashers.Cheap',
    'mysite.hashers.Peppered',
]
import os, sys
print('settings say a lot')
os.write(1, b'{"django": "lies"}\\n')
print('and here', file=sys.stderr)
`,
  );
  writeFileSync(
    join(project.directory, 'mysite/hashers.py'),
    `
from django.contrib.auth.hashers import PBKDF2PasswordHasher


class Cheap(PBKDF2PasswordHasher):
    iterations = 1000


class Peppered(PBKDF2PasswordHasher):
    algorithm = 'peppered'

    def encode(self, password, salt, iterations=None):
        return super().encode(password + 'pepper', salt, 10)
`,
  );
  project.manage('makemigrations', 'crew', '-v', '0');
  project.manage('migrate', '-v', '0');
  project.python(`
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, Permission
from crew.models import Sailor
anna = Sailor.objects.create_user('Anna@ship.example', 'ahoy', is_staff=True)
anna.user_permissions.add(Permission.objects.get(codename='add_sailor'))
anna.groups.add(Group.objects.create(name='mates'))
Sailor.objects.create_user('off@ship.example', 'ahoy', is_active=False)
Sailor.objects.create_user('boss@ship.example', 'ahoy', is_superuser=True)
for name, algorithm in (('cheap', 'pbkdf2_sha256'), ('odd', 'peppered')):
    Sailor.objects.create(email=name + '@ship.example', password=make_password('ahoy', hasher=algorithm))
Sailor.objects.create(email='old@ship.example', password='sha1$salt$' + __import__('hashlib').sha1(b'saltahoy').hexdigest())
`);

  const socket = join(project.directory, 'a.sock');
  const file = join(project.directory, 'djauthd.toml');
  writeFileSync(file, `[listen]\nsocket = "${socket}"\n`);
  const secret = join(project.directory, 'mysite.settings.password');
  const written = project.import('--write', file);
  t.equal(written.status, 0, written.stderr);
  t.match(written.stderr, /mysite\.hashers\.Peppered computes "peppered" in a way of its own/);
  const config = readFileSync(file, 'utf8');
  t.match(config, `password_file = "${secret}"`);
  t.match(config, 'hashers = ["bcrypt_sha256", "pbkdf2_sha256"]\nforeign_hashers = ["peppered"]\n');
  t.match(config, 'table = "the crew"');
  t.match(config, 'username = "mail"');
  t.match(config, 'active = "Aboard"');
  t.match(config, 'user = "sailor_id"');
  t.equal(statSync(secret).mode & 0o777, 0o600);
  t.equal(readFileSync(secret, 'utf8'), `${password}\n`);

  const printed = project.import();
  t.equal(printed.status, 0);
  t.match(printed.stderr, /the database's password is not printed/);
  const doctor = project.run('doctor', '--config', file);
  t.equal(doctor.status, 0, doctor.stdout + doctor.stderr);
  t.match(doctor.stdout, /bcrypt_sha256\$12/);
  t.match(doctor.stdout, /site may change all tables that are read here/);
  t.match(
    doctor.stdout,
    /a hash of "peppered", an algorithm of the site's own, and answer "error": "odd@ship\.example"/,
  );
  t.match(doctor.stdout, /a hash of "sha1", which the site does not accept: "old@ship\.example"/);

  const { client, log } = await serve(t, ['--config', file], () => socket);
  const ask = async (name: string, typed: string, require = {}) =>
    (await client.check(name, typed, { require })).status;
  t.equal(await ask('Anna@ship.example', 'ahoy', { staff: true, groups: ['mates'] }), GRANTED);
  t.equal(await ask('Anna@ship.example', 'ahoy', { permissions: ['crew.add_sailor'] }), GRANTED);
  t.equal(await ask('Anna@ship.example', 'ahoy', { permissions: ['crew.view_sailor'] }), DENIED);
  t.equal(await ask('boss@ship.example', 'ahoy', { superuser: true }), GRANTED);
  t.equal(await ask('cheap@ship.example', 'ahoy'), GRANTED);
  t.equal(await ask('odd@ship.example', 'ahoy'), ERROR, 'its algorithm is known to the site alone');
  for (const [name, typed] of [
    ['anna@ship.example', 'ahoy'],
    ['Anna@ship.example', 'Ahoy'],
    ['off@ship.example', 'ahoy'],
    ['old@ship.example', 'ahoy'],
  ] as const) {
    t.not(await ask(name, typed), GRANTED, name);
    t.not(await ask(name, typed), ERROR, name);
  }

  t.test('the password stands in its file alone', async (t) => {
    const json = project.run('doctor', '--config', file, '--json');
    const texts = { config, printed, written, doctor, json, log: log() };
    const spellings = [
      password,
      encodeURIComponent(password),
      JSON.stringify(password).slice(1, -1),
      'pa%27ss',
      "pa'ss",
    ];
    for (const [name, text] of Object.entries(texts)) {
      const all = JSON.stringify(text) + (typeof text === 'string' ? text : `${text.stdout}${text.stderr}`);
      for (const spelling of spellings) t.notOk(all.includes(spelling), `${name} does not have ${spelling}`);
    }
    const holders = readdirSync(project.directory, { recursive: true, encoding: 'utf8' })
      .map((name) => join(project.directory, name))
      .filter((path) => statSync(path).isFile() && readFileSync(path, 'utf8').includes(password.slice(0, 5)));
    t.same(
      holders.filter((path) => !path.includes('/mysite/')),
      [secret],
    );
  });

  t.test('import again: what was chosen stays, what others could read is closed', async (t) => {
    writeFileSync(file, `${config.replace('hashers =', 'timeout = "3s"\nhashers =')}\n# the end\n`);
    chmodSync(secret, 0o644);
    const open = project.run('check-config', '--config', file);
    t.equal(open.status, 2);
    t.match(open.stderr, /sites\."mysite\.settings"\.password_file: ".*": its mode is 0644: it must be 0600/);
    t.equal(project.import('--write', file).status, 0);
    t.equal(statSync(secret).mode & 0o777, 0o600);
    const again = readFileSync(file, 'utf8');
    t.match(again, 'timeout = "3s"');
    t.match(again, /# the end\n$/);
    t.equal(project.import('--write', file).status, 0);
    t.equal(readFileSync(file, 'utf8'), again, 'and once more changes nothing');
    rmSync(secret);
    const missing = project.run('check-config', '--config', file);
    t.equal(missing.status, 2);
    t.match(missing.stderr, /password_file: "\/.*mysite\.settings\.password": ENOENT/);

    // A credential, as systemd provides it.
    const credentials = mkdtempSync(join(tmpdir(), 'djauthd-c-'));
    t.teardown(() => rmSync(credentials, { recursive: true, force: true }));
    writeFileSync(join(credentials, 'db'), password, { mode: 0o400 });
    writeFileSync(file, again.replace(/password_file = .*/, 'password_file = "$CREDENTIALS_DIRECTORY/db"'));
    const outside = project.run('check-config', '--config', file);
    t.equal(outside.status, 2);
    t.match(outside.stderr, /CREDENTIALS_DIRECTORY is not set/);
    const environment = { ...process.env, CREDENTIALS_DIRECTORY: credentials };
    const inside = spawnSync(PROGRAM, ['doctor', '--config', file], { env: environment, encoding: 'utf8' });
    t.equal(inside.status, 0, inside.stdout + inside.stderr);
    t.equal(project.import('--write', file).status, 0);
    t.match(readFileSync(file, 'utf8'), 'password_file = "$CREDENTIALS_DIRECTORY/db"');
    t.equal(readFileSync(secret, 'utf8'), `${password}\n`, 'its source is the file beside the configuration');
  });

  t.test('serve --django', async (t) => {
    const args = ['--django', 'mysite.settings', '--python', PYTHON, '--path', project.directory];
    const { client, log } = await serve(t, args, (stdout) => /^socket (.*)$/m.exec(stdout)?.[1] ?? '');
    t.equal((await client.check('Anna@ship.example', 'ahoy')).status, GRANTED);
    t.notOk(log().includes(password));
  });
});

t.test('settings that fail', async (t) => {
  const project = startProject(t);
  const settings = join(project.directory, 'mysite/settings.py');
  const source = readFileSync(settings, 'utf8');
  const outcome = (text: string, ...args: string[]) => {
    writeFileSync(settings, source + text);
    const result = project.import('--write', join(project.directory, 'new.toml'), ...args);
    t.notOk(existsSync(join(project.directory, 'new.toml')), 'nothing is written');
    t.equal(result.status, 1);
    return result.stderr;
  };
  const broken = outcome("\nraise RuntimeError('no SECRET_KEY today')\n");
  t.match(broken, /RuntimeError: no SECRET_KEY today/, "Python's own words");
  t.match(broken, /\ndjauthd: mysite\.settings: \/usr\/bin\/python3 could not load the settings: exit status 1\n$/);
  for (const line of [
    "PASSWORD = 'hunter2' + os.environ['NO_SUCH']",
    "PASSWORD = 'hunter2' + + ''",
    "PASSWORD = 'hunter2",
    "import warnings; warnings.warn('hm'); PASSWORD = 'hunter2' + 1",
    "raise ValueError('postgres://user:hun@ter2hunter2@host/db is no URL')",
    "try:\n    int('x'); P = 'hunter2'\nexcept ValueError as error:\n    raise KeyError('P') from error; P = 'hunter2'",
  ]) {
    const told = outcome(`\nimport os\n${line}\n`);
    t.match(told, /settings\.py", line \d+/, `${line}: where`);
    t.match(told, /\n\w*Error: /, `${line}: what`);
    t.notMatch(told, /hunter2/, `${line}: without the line itself`);
  }
  t.match(outcome('\nimport os\nos._exit(0)\n'), /said nothing that can be understood/);
  t.match(outcome('\nimport os\nos.write(3, b"{}")\nos._exit(0)\n'), /what cannot be understood: django, model/);
  t.match(
    outcome('\nimport time\ntime.sleep(60)\n', '--timeout', '500ms'),
    /took longer than 0\.5 s .* and was stopped/,
  );
  t.match(
    outcome("\nDATABASES['default']['NAME'] = ':memory:'\n"),
    /database "default" is in the memory of the site's own process/,
  );
  t.match(
    outcome(
      "\nPASSWORD_HASHERS = ['mysite.h.H']\nimport sys, types\nfrom django.contrib.auth.hashers import PBKDF2PasswordHasher as P\nm = types.ModuleType('mysite.h')\nm.H = type('H', (P,), {'algorithm': 'mine', '__module__': 'mysite.h'})\nsys.modules['mysite.h'] = m\n",
    ),
    /no algorithm of PASSWORD_HASHERS can be verified here/,
  );
  const nowhere = project.run('import', '--settings', 'mysite.settings', '--python', '/nowhere/python');
  t.equal(nowhere.status, 1);
  t.match(nowhere.stderr, /^djauthd: mysite\.settings: cannot run \/nowhere\/python in .*ENOENT\n$/);
  const elsewhere = project.run('import', '--settings', 'mysite.settings', '--python', PYTHON, '--path', '/');
  t.match(elsewhere.stderr, /No module named 'mysite'/);
  t.equal(project.run('import').status, 2);
  t.equal(project.import('--accept', 'everything').status, 2);
});

t.test('code of the site that may let in fewer', async (t) => {
  const project = startProject(t);
  mkdirSync(join(project.directory, 'people'));
  writeFileSync(join(project.directory, 'people/__init__.py'), '');
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
    writeFileSync(
      join(project.directory, 'people/models.py'),
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
    t.match(accepted.stderr, sentence, 'and is told of');
  };
  const noted = (sentence: RegExp, message: string) => {
    const result = project.import();
    t.equal(result.status, 0, `${message}: ${result.stderr}`);
    t.match(result.stderr, sentence);
  };

  models('Creating()', '    pass');
  const plain = project.import();
  t.equal(plain.status, 0, plain.stderr);
  t.equal(plain.stderr, '', 'a manager that only creates is none to be told of');
  t.match(plain.stdout, 'table = "people_person"');

  models('Filtering()', '    pass');
  refused('manager', /people\.models\.Filtering, which has get_queryset of its own/, 'a manager that filters');
  models('Folding()', '    pass');
  refused('manager', /Folding, which has get_by_natural_key of its own/, 'a manager with a natural key of its own');
  models('UserManager.from_queryset(Rows)()', '    pass');
  refused('manager', /which has get of its own/, 'a queryset that filters');
  models('UserManager()', '    def check_password(self, raw):\n        return False');
  refused('check_password', /a check_password of its own/, 'check_password');
  models('UserManager()', '    def has_perm(self, perm, obj=None):\n        return False');
  refused('has_perm', /a has_perm of its own, which may refuse/, 'has_perm');
  models(
    'BaseUserManager()',
    "    name = models.CharField(max_length=9, unique=True)\n    USERNAME_FIELD = 'name'\n    is_active = False",
    'AbstractBaseUser',
  );
  refused('is_active', /no column is_active, but a constant that is not True/, 'nobody being active');
  models(
    'BaseUserManager()',
    "    name = models.CharField(max_length=9, unique=True)\n    USERNAME_FIELD = 'name'\n    is_staff = property(lambda self: True)\n    def has_perm(self, perm, obj=None):\n        return True",
    'AbstractBaseUser',
  );
  noted(
    /has no column is_staff, only an attribute of that name: where it is required the answer is an error/,
    'no staff',
  );
  noted(/has no groups and no permissions/, 'no permissions');

  models('UserManager()', '    pass');
  setting("AUTHENTICATION_BACKENDS = ['people.backends.Refusing', 'django.contrib.auth.backends.ModelBackend']");
  refused('backends', /Refusing has has_perm of its own.* goes before ModelBackend/, 'a backend that may refuse');
  setting("AUTHENTICATION_BACKENDS = ['people.backends.Directory']");
  refused('backends', /no backend of AUTHENTICATION_BACKENDS reads permissions/, 'no ModelBackend');
  setting("AUTHENTICATION_BACKENDS = ['django.contrib.auth.backends.ModelBackend', 'people.backends.Refusing']");
  noted(/Refusing has has_perm of its own, which is not asked: what only it grants is denied/, 'one that may only add');
  setting("AUTHENTICATION_BACKENDS = ['django.contrib.auth.backends.ModelBackend', 'people.backends.Directory']");
  noted(/people\.backends\.Directory, a backend, is not asked: whom only it knows/, 'a directory');

  const router = `
class Router:
    def db_for_read(self, model, **hints):
        return 'replica' if model._meta.app_label in LABELS else None
DATABASES['replica'] = dict(DATABASES['default'], NAME=BASE_DIR / 'replica.sqlite3')
DATABASE_ROUTERS = [Router()]
`;
  setting(`${router}LABELS = ('auth',)`);
  refused('routers', /looks for .*Group and .*Permission in another database/, 'permissions elsewhere');
  setting(`${router}LABELS = ('auth', 'people', 'contenttypes')`);
  noted(/accounts are read from database "replica" and written to "default"/, 'a replica');
  t.match(project.import().stdout, '/replica.sqlite3"');
});

t.test('multi-table inheritance', async (t) => {
  const project = startProject(t);
  mkdirSync(join(project.directory, 'people'));
  writeFileSync(join(project.directory, 'people/__init__.py'), '');
  project.append('mysite/settings.py', "\nINSTALLED_APPS.append('people')\nAUTH_USER_MODEL = 'people.Patron'\n");
  writeFileSync(
    join(project.directory, 'people/models.py'),
    `
from django.contrib.auth.models import AbstractUser
from django.db import models


class Base(AbstractUser):
    pass


class Patron(Base):
    nick = models.CharField(max_length=30, unique=True)
    USERNAME_FIELD = 'nick'
    REQUIRED_FIELDS = ['username']
`,
  );
  project.manage('makemigrations', 'people', '-v', '0');
  project.manage('migrate', '-v', '0');
  project.python(`
from people.models import Patron
patron = Patron(nick='pat', username='patricia', is_staff=True)
patron.set_password('secret')
patron.save()
`);
  const socket = join(project.directory, 'a.sock');
  const file = join(project.directory, 'djauthd.toml');
  writeFileSync(file, `[listen]\nsocket = "${socket}"\n`);
  const written = project.import('--write', file);
  t.equal(written.status, 0, written.stderr);
  t.match(readFileSync(file, 'utf8'), 'parents = [{ table = "people_base", id = "id", link = "base_ptr_id" }]');
  const doctor = project.run('doctor', '--config', file);
  t.equal(doctor.status, 0, doctor.stdout);
  const { client } = await serve(t, ['--config', file], () => socket);
  t.equal((await client.check('pat', 'secret', { require: { staff: true } })).status, GRANTED);
  t.not((await client.check('patricia', 'secret')).status, GRANTED, 'that is not the USERNAME_FIELD');
});

const FACTS: DatabaseFacts = {
  alias: 'default',
  write_alias: 'default',
  routers: [],
  elsewhere: [],
  vendor: 'postgresql',
  engine: '',
  parameters: {},
  role: null,
  directory: '/srv/site',
  user: 'www',
  home: '/nowhere',
  environment: {},
};

t.test('URLs of PostgreSQL', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'djauthd-u-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  writeFileSync(
    join(directory, 'services'),
    '# all\n[other]\nhost=/x\n[crew]\nhost=/run/pg\nport=5433\ndbname=crew\nuser=mate\n',
  );
  writeFileSync(join(directory, 'pass'), '# of us\nlocalhost:*:*:mate:no\n*:5433:crew:mate:a\\:b\\\\c\n*:*:*:*:last\n');
  const of = async (parameters: object, rest: Partial<DatabaseFacts> = {}) => {
    const { url, password } = await postgresUrl({ ...FACTS, parameters: { ...parameters }, ...rest });
    return password === undefined ? url : [url, password];
  };
  t.equal(await of({}), 'postgres://www@/www?host=/var/run/postgresql', "libpq's own defaults");
  t.equal(await of({ dbname: 'a b', user: 'x@y', host: '/run/pg dir' }), 'postgres://x%40y@/a%20b?host=/run/pg%20dir');
  t.equal(
    await of({ dbname: 'd', host: 'h', port: 5433, sslmode: 'disable' }),
    'postgres://www@h:5433/d?sslmode=disable',
  );
  t.equal(
    await of({ database: 'd', host: '::1', sslmode: 'disable' }),
    'postgres://www@[::1]/d?sslmode=disable',
    'psycopg2',
  );
  t.equal(
    await of({ dbname: 'd', host: 'h', sslmode: 'verify-full', sslrootcert: '/ca', sslcert: '/c', sslkey: '/k' }),
    'postgres://www@h/d?uselibpqcompat=true&sslmode=verify-full&sslrootcert=/ca&sslcert=/c&sslkey=/k',
  );
  t.equal(
    await of({ dbname: 'd', host: '/s', options: '-c search_path=a,b' }, { role: 'a role' }),
    'postgres://www@/d?host=/s&options=-c%20search_path%3Da%2Cb%20-c%20role%3Da%5C%20role',
  );
  // Read again by the driver, with a password put in.
  for (const odd of [
    { dbname: 'a@b/c %;=', user: 'x:y@z' },
    { dbname: 'd', user: 'é', host: 'h', port: 1, sslmode: 'disable' },
  ]) {
    const { url } = await postgresUrl({ ...FACTS, parameters: odd });
    const { database, user, password } = settingsOf(withPassword(url, "p@/:?#%'é"));
    t.same({ database, user, password }, { database: odd.dbname, user: odd.user, password: "p@/:?#%'é" });
  }
  await t.rejects(of({ dbname: 'a?b' }), /no URL can have/);
  const environment = {
    PGSERVICEFILE: join(directory, 'services'),
    PGPASSFILE: join(directory, 'pass'),
    PGHOST: '/env',
  };
  t.same(await of({ service: 'crew' }, { environment }), ['postgres://mate@/crew?host=/run/pg&port=5433', 'a:b\\c']);
  t.same(await of({ service: 'crew', user: 'me' }, { environment }), [
    'postgres://me@/crew?host=/run/pg&port=5433',
    'last',
  ]);
  t.same(await of({ password: 'p', dbname: 'd' }, { environment }), ['postgres://www@/d?host=/env', 'p']);
  await t.rejects(of({ service: 'none' }, { environment }), /there is no service "none"/);
  await t.rejects(of({ host: 'a,b' }), /several hosts/);
  await t.rejects(of({ host: 'a', sslmode: 'verify-ca' }), /needs sslrootcert/);
  await t.rejects(of({ host: 'a', sslcrl: '/crl' }), /revoked/);
});

t.test('URLs of MySQL and SQLite', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'djauthd-u-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  writeFileSync(
    join(directory, 'my.cnf'),
    '[mysqld]\nuser=no\n[client]\nuser = site\npassword = "p#w"\nhost=db\nport=3307\ndatabase=crew\nssl-ca=/ca\n',
  );
  const of = (parameters: object) => {
    const { url, password } = mysqlUrl({ ...FACTS, parameters: { ...parameters }, directory });
    return password === undefined ? url : [url, password];
  };
  t.same(of({ user: 'u', passwd: 'p', db: 'd', host: 'h', port: 3307 }), ['mysql://u@h:3307/d', 'p']);
  t.equal(
    of({ user: 'u', database: 'd', unix_socket: '/s k', charset: 'utf8mb4' }),
    'mysql://u@localhost/d?socket=/s%20k',
  );
  t.equal(of({ database: 'd', host: 'localhost', port: 3306 }), 'mysql://www@localhost/d', 'localhost is the socket');
  t.equal(of({ database: 'd', host: 'h', charset: 'latin1' }), 'mysql://www@h/d?charset=latin1');
  t.equal(of({ database: 'd', host: 'h', ssl: { ca: '/ca' } }), 'mysql://www@h/d?ssl_mode=verify_ca&ssl_ca=/ca');
  t.equal(of({ database: 'd', host: 'h', ssl_mode: 'REQUIRED' }), 'mysql://www@h/d?ssl_mode=required');
  t.same(of({ read_default_file: 'my.cnf' }), ['mysql://site@db:3307/crew?ssl_mode=verify_ca&ssl_ca=/ca', 'p#w']);
  t.same(
    of({ read_default_file: 'my.cnf', db: 'other', user: 'x' })[0],
    'mysql://x@db:3307/other?ssl_mode=verify_ca&ssl_ca=/ca',
  );
  t.throws(() => of({ user: 'u' }), /has no NAME/);
  t.throws(
    () => of({ read_default_file: '/nowhere', db: 'd' }),
    /\/nowhere, which read_default_file names, cannot be read/,
  );

  const sqlite = (database: string) => sqliteUrl({ ...FACTS, parameters: { database } });
  t.equal(sqlite('/a b/%#?.db').url, 'sqlite:///a%20b/%25%23%3F.db');
  t.equal(sqlite('db.sqlite3').url, 'sqlite:///srv/site/db.sqlite3');
  t.match(sqlite('db.sqlite3').notes, [{ text: /relative; taken from \/srv\/site/ }]);
  t.equal(sqlite('file:///a%20b.db?mode=ro').url, 'sqlite:///a%20b.db');
  t.equal(sqlite('file:../x.db').url, 'sqlite:///srv/x.db');
  for (const memory of ['', ':memory:', 'file::memory:', 'file:x?mode=memory&cache=shared']) {
    t.throws(() => sqlite(memory), /in the memory/, memory);
  }
});

t.test('tables in a file of others', async (t) => {
  const tables = '[sites."a.b"]\ndatabase = "sqlite:///new"\n\n[sites."a.b".schema.user]\ntable = "t"\n';
  const own =
    '[ sites . "a.b" ] # old\ndatabase = """\n[sites.x]\n"""\n# inside\nlist = [\n  "]",\n[1],\n]\n\n# of the next\n';
  const before = '# top\nnote = """\n[sites."a.b"]\n"""\n[listen]\n\tsocket="/s"\n\n';
  const after = `[sites."a.bc"]\r\ndatabase = 'sqlite:///x'\n[[other]]\n  z = 1 # last`;
  t.equal(
    splice(`${before}${own}${after}`, 'a.b', tables, 'f').replaceAll('\r\n', '\n'),
    `${before}${tables}\n# of the next\n${after}`.replaceAll('\r\n', '\n'),
    'replaced where it stands',
  );
  t.equal(splice(before, 'a.b', tables, 'f'), `${before}${tables}`, 'put at the end');
  t.equal(splice('x = 1', 'a.b', tables, 'f'), `x = 1\n\n${tables}`, 'also where the last line has no end');
  const parted = '[sites."a.b".schema.user]\ntable = "u"\n[listen]\ns = 1\n[sites."a.b"]\ndatabase = "sqlite:///old"\n';
  t.equal(splice(parted, 'a.b', tables, 'f'), `${tables}\n[listen]\ns = 1\n`, 'in parts');
  const once = splice(`${before}${own}${after}`, 'a.b', tables, 'f');
  t.equal(splice(once, 'a.b', tables, 'f'), once, 'twice is once');
  for (const other of [
    'sites = { "a.b" = { database = "x" } }\n',
    '[sites]\n"a.b".database = "x"\n',
    'sites."a.b".database = "x"\n',
  ]) {
    t.throws(() => splice(other, 'a.b', tables, 'f'), /f: site "a\.b" stands there in another form/, other);
  }
});
