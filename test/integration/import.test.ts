import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { PROGRAM } from '../fixtures/daemon.ts';
import { PYTHON, serve, startProject } from '../fixtures/django-project.ts';
import { startPostgres } from '../fixtures/postgres.ts';

const GRANTED = 0;
const DENIED = 1;
const ERROR = 4;

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
  t.equal(printed.stderr, '', 'without a note');
  t.notMatch(printed.stdout, /schema/, 'the stock user model is omitted');

  const file = join(project.directory, 'djauthd.toml');
  const written = project.import('--write', file);
  t.equal(written.status, 0, written.stderr);
  t.equal(written.stdout, '');
  t.match(readFileSync(file, 'utf8'), /^\[listen\]\nsocket = "\/run\/djauthd\/auth\.sock"\n/, 'a configuration');
  const own = readFileSync(join(project.directory, 'sites.d/mysite.settings.toml'), 'utf8');
  t.ok(own.endsWith(printed.stdout), 'and a file with the printed table');
  t.same(
    readdirSync(project.directory).sort(),
    ['db.sqlite3', 'djauthd.toml', 'manage.py', 'mysite', 'sites.d'],
    'and nothing else',
  );
  const doctor = project.run('doctor', '--config', file);
  t.equal(doctor.status, 0, doctor.stdout + doctor.stderr);
  t.match(doctor.stdout, /accounts +3: 3 pbkdf2_sha256\$\d+\n/);
  t.match(doctor.stdout, /\ngood\n$/, 'without a warning');

  t.test('the daemon answers as Django does', async (t) => {
    const socket = join(project.directory, 'a.sock');
    // Written by the administrator before: all of it must be kept.
    const mine = `# mine\r\n[listen] # here\r\nsocket = "${socket}"\r\n\r\n[log]\r\nlevel = 'info'   # and   so\r\n`;
    const other = join(project.directory, 'other.toml');
    writeFileSync(other, mine);
    chmodSync(other, 0o640);
    t.equal(project.import('--write', other, '--site', 'it').status, 0);
    t.equal(readFileSync(other, 'utf8'), mine, 'kept octet for octet');
    t.equal(statSync(other).mode & 0o777, 0o640, 'the mode is kept');
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
    t.equal(both.status, 2, 'a configuration and a site exclude each other');
  });
});

t.test('PostgreSQL, a password and a custom user model', async (t) => {
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
  project.app(
    'crew',
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
  const own = join(project.directory, 'sites.d/mysite.settings.toml');
  const secret = join(project.directory, 'mysite.settings.password');
  const written = project.import('--write', file);
  t.equal(written.status, 0, written.stderr);
  t.match(written.stderr, /mysite\.hashers\.Peppered has a custom implementation of "peppered"/);
  const config = readFileSync(own, 'utf8');
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
  t.match(doctor.stdout, /site may change all tables that the daemon reads/);
  t.match(doctor.stdout, /a hash of the custom algorithm "peppered": checks answer "error": "odd@ship\.example"/);
  t.match(doctor.stdout, /a hash of "sha1", which the site does not accept: "old@ship\.example"/);

  const { client, log } = await serve(t, ['--config', file], () => socket);
  const ask = async (name: string, typed: string, require = {}) =>
    (await client.check(name, typed, { require })).status;
  t.equal(await ask('Anna@ship.example', 'ahoy', { staff: true, groups: ['mates'] }), GRANTED);
  t.equal(await ask('Anna@ship.example', 'ahoy', { permissions: ['crew.add_sailor'] }), GRANTED);
  t.equal(await ask('Anna@ship.example', 'ahoy', { permissions: ['crew.view_sailor'] }), DENIED);
  t.equal(await ask('boss@ship.example', 'ahoy', { superuser: true }), GRANTED);
  t.equal(await ask('cheap@ship.example', 'ahoy'), GRANTED);
  t.equal(await ask('odd@ship.example', 'ahoy'), ERROR, 'only the site knows its algorithm');
  for (const [name, typed] of [
    ['anna@ship.example', 'ahoy'],
    ['Anna@ship.example', 'Ahoy'],
    ['off@ship.example', 'ahoy'],
    ['old@ship.example', 'ahoy'],
  ] as const) {
    t.not(await ask(name, typed), GRANTED, name);
    t.not(await ask(name, typed), ERROR, name);
  }

  t.test('only the password file contains the password', async (t) => {
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
      for (const spelling of spellings) t.notOk(all.includes(spelling), `${name} does not contain ${spelling}`);
    }
    const holders = readdirSync(project.directory, { recursive: true, encoding: 'utf8' })
      .map((name) => join(project.directory, name))
      .filter((path) => statSync(path).isFile() && readFileSync(path, 'utf8').includes(password.slice(0, 5)));
    t.same(
      holders.filter((path) => !path.includes('/mysite/')),
      [secret],
    );
  });

  t.test('import again: chosen keys are kept, a readable password file is closed', async (t) => {
    writeFileSync(own, config.replace('hashers =', 'timeout = "3s"\nhashers ='));
    chmodSync(secret, 0o644);
    const open = project.run('check-config', '--config', file);
    t.equal(open.status, 2);
    t.match(open.stderr, /sites\."mysite\.settings"\.password_file: ".*": invalid mode 0644; accepted: 0600/);
    t.equal(project.import('--write', file).status, 0);
    t.equal(statSync(secret).mode & 0o777, 0o600);
    const again = readFileSync(own, 'utf8');
    t.match(again, 'timeout = "3s"');
    t.equal(project.import('--write', file).status, 0);
    t.equal(readFileSync(own, 'utf8'), again, 'a second import changes nothing');
    rmSync(secret);
    const missing = project.run('check-config', '--config', file);
    t.equal(missing.status, 2);
    t.match(missing.stderr, /password_file: "\/.*mysite\.settings\.password": ENOENT/);

    // A credential as systemd provides it.
    const credentials = mkdtempSync(join(tmpdir(), 'djauthd-c-'));
    t.teardown(() => rmSync(credentials, { recursive: true, force: true }));
    writeFileSync(join(credentials, 'db'), password, { mode: 0o400 });
    writeFileSync(own, again.replace(/password_file = .*/, 'password_file = "$CREDENTIALS_DIRECTORY/db"'));
    const outside = project.run('check-config', '--config', file);
    t.equal(outside.status, 2);
    t.match(outside.stderr, /CREDENTIALS_DIRECTORY is not set/);
    const environment = { ...process.env, CREDENTIALS_DIRECTORY: credentials };
    const inside = spawnSync(PROGRAM, ['doctor', '--config', file], { env: environment, encoding: 'utf8' });
    t.equal(inside.status, 0, inside.stdout + inside.stderr);
    t.equal(project.import('--write', file).status, 0);
    t.match(readFileSync(own, 'utf8'), 'password_file = "$CREDENTIALS_DIRECTORY/db"');
    t.equal(readFileSync(secret, 'utf8'), `${password}\n`, 'its source is the file beside the configuration');

    // As an earlier version wrote it, or another file of the administrator.
    const elsewhere = join(project.directory, 'sites.d/other.toml');
    renameSync(own, elsewhere);
    const twice = project.import('--write', file);
    t.equal(twice.status, 1);
    t.match(twice.stderr, `${elsewhere} has site "mysite.settings" already: move its sections`);
    t.notOk(existsSync(own), 'nothing is written');
    renameSync(elsewhere, own);
  });

  t.test('run by root: the daemon can read the password file', async (t) => {
    const as = (group: string, ...command: string[]) =>
      spawnSync('setpriv', ['--reuid=nobody', `--regid=${group}`, '--clear-groups', ...command], {
        cwd: project.directory,
        encoding: 'utf8',
      });
    const etc = mkdtempSync(join(tmpdir(), 'djauthd-e-'));
    t.teardown(() => rmSync(etc, { recursive: true, force: true }));
    chmodSync(etc, 0o755);
    // As installed: root owns the configuration, the daemon's group reads it.
    const installed = join(etc, 'djauthd.toml');
    writeFileSync(installed, `[listen]\nsocket = "${socket}"\n`);
    chownSync(installed, 0, 1);
    chmodSync(installed, 0o640);
    const first = project.import('--write', installed);
    t.equal(first.status, 0, first.stderr);
    t.match(first.stderr, /wrote the database's password to \S+mysite\.settings\.password, readable by group daemon\n/);
    t.equal(as('daemon', PROGRAM, 'check-config', '--config', installed).status, 0, 'the daemon reads it');
    t.equal(as('nogroup', 'cat', join(etc, 'mysite.settings.password')).status, 1, 'and nobody else');

    t.test("import as the site's user, install as root", async (t) => {
      chmodSync(project.directory, 0o755);
      t.teardown(() => chmodSync(project.directory, 0o700));
      rmSync(join(etc, 'mysite.settings.password'));
      const installedSite = join(etc, 'sites.d/mysite.settings.toml');
      const before = readFileSync(installedSite, 'utf8');
      const importing = `${PROGRAM} import --settings mysite.settings --python ${PYTHON} --export`;
      const line = (to: string) =>
        spawnSync('sh', ['-c', `setpriv --reuid=nobody --regid=nogroup --clear-groups ${importing} ${to}`], {
          cwd: project.directory,
          encoding: 'utf8',
        });
      const done = line(`| ${PROGRAM} import --install --site mysite.settings --write ${installed}`);
      t.equal(done.status, 0, done.stderr);
      t.equal(readFileSync(installedSite, 'utf8'), before, 'the same as imported by root');
      t.equal(as('daemon', PROGRAM, 'check-config', '--config', installed).status, 0);
      t.equal(readFileSync(join(etc, 'mysite.settings.password'), 'utf8'), `${password}\n`);

      const leaked = line(`> ${join(etc, 'leak')}`);
      t.equal(leaked.status, 1, 'a file others may read gets no password');
      t.match(leaked.stderr, /--export writes the database's password: pipe it/);
      t.equal(readFileSync(join(etc, 'leak'), 'utf8'), '');
      const install = (input: string, ...args: string[]) =>
        spawnSync(PROGRAM, ['import', '--install', '--write', installed, ...args], { input, encoding: 'utf8' });
      t.match(install('', '--site', 'x'), { status: 1, stderr: /standard input is empty, the export failed\n$/ });
      t.match(install('{"password":"hunter2"}', '--site', 'x'), { status: 1, stderr: /is not the output of/ });
      t.equal(install('').status, 2, 'root says which site it is');
      // The site's user may say of its own site what it likes, and nothing of others.
      const evil = (site: object) =>
        install(JSON.stringify({ djauthd_site: 1, url: 'sqlite:///x', keys: {}, ...site }), '--site', 'x');
      t.equal(evil({ keys: { password_file: '/etc/shadow' } }).status, 1);
      t.equal(evil({ schema: { user: { table: 't' } } }).status, 2);
      t.same(readdirSync(join(etc, 'sites.d')), ['mysite.settings.toml'], 'nothing of it is written');
      t.equal(evil({ url: 'sqlite:///x"\n[sites.y]\ndatabase = "sqlite:///y' }).status, 0);
      t.notMatch(readFileSync(join(etc, 'sites.d/x.toml'), 'utf8'), /^\[sites\.y\]/m);
    });
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
  t.match(
    broken,
    /\ndjauthd: mysite\.settings: cannot load the settings: RuntimeError: no SECRET_KEY today\n$/,
    'the last sentence has the cause',
  );
  for (const line of [
    "PASSWORD = 'hunter2' + os.environ['NO_SUCH']",
    "PASSWORD = 'hunter2' + + ''",
    "PASSWORD = 'hunter2",
    "import warnings; warnings.warn('hm'); PASSWORD = 'hunter2' + 1",
    "raise ValueError('postgres://user:hun@ter2hunter2@host/db is no URL')",
    "try:\n    int('x'); P = 'hunter2'\nexcept ValueError as error:\n    raise KeyError('P') from error; P = 'hunter2'",
  ]) {
    const told = outcome(`\nimport os\n${line}\n`);
    t.match(told, /settings\.py", line \d+/, `${line}: file and line`);
    t.match(told, /\n\w*Error: /, `${line}: the exception`);
    t.notMatch(told, /hunter2/, `${line}: without the line itself`);
  }
  t.match(outcome('\nimport os\nos._exit(7)\n'), /python3 cannot load the settings: exit status 7\n$/);
  t.match(outcome('\nimport os\nos._exit(0)\n'), /returned no valid JSON/);
  t.match(outcome('\nimport os\nos.write(3, b"{}")\nos._exit(0)\n'), /returned invalid values: django, model/);
  t.match(
    outcome('\nimport time\ntime.sleep(60)\n', '--timeout', '500ms'),
    /timed out loading the settings after 0\.5 s/,
  );
  t.match(outcome("\nDATABASES['default']['NAME'] = ':memory:'\n"), /database "default" is an in-memory database/);
  t.match(
    outcome(
      "\nPASSWORD_HASHERS = ['mysite.h.H']\nimport sys, types\nfrom django.contrib.auth.hashers import PBKDF2PasswordHasher as P\nm = types.ModuleType('mysite.h')\nm.H = type('H', (P,), {'algorithm': 'mine', '__module__': 'mysite.h'})\nsys.modules['mysite.h'] = m\n",
    ),
    /cannot verify any algorithm in PASSWORD_HASHERS/,
  );
  const nowhere = project.run('import', '--settings', 'mysite.settings', '--python', '/nowhere/python');
  t.equal(nowhere.status, 1);
  t.match(nowhere.stderr, /^djauthd: mysite\.settings: cannot run \/nowhere\/python in .*ENOENT\n$/);
  const elsewhere = project.run('import', '--settings', 'mysite.settings', '--python', PYTHON, '--path', '/');
  t.match(
    elsewhere.stderr,
    /cannot load the settings: ModuleNotFoundError: No module named 'mysite'; name the directory that contains mysite with --path\n$/,
  );

  // Another Python, which has no Django: --python is relative to the caller's directory, whatever --path is.
  writeFileSync(settings, source);
  const venv = join(project.directory, 'venv');
  execFileSync(PYTHON, ['-m', 'venv', '--without-pip', venv]);
  const bare = project.run('import', '--settings', 'mysite.settings', '--python', 'venv/bin/python');
  t.equal(bare.status, 1);
  t.match(bare.stderr, /\ndjauthd: mysite\.settings: \S*\/venv\/bin\/python has no Django: name .* with --python/);
  execFileSync(PYTHON, ['-m', 'venv', '--without-pip', '--system-site-packages', venv]);
  const parent = spawnSync(
    PROGRAM,
    ['import', '--settings', 'mysite.settings', '--path', project.directory, '--python', 'venv/bin/python'],
    { cwd: project.directory, encoding: 'utf8' },
  );
  t.equal(parent.status, 0, parent.stderr);
  const outer = spawnSync(
    PROGRAM,
    ['import', '--settings', 'mysite.settings', '--path', project.directory, '--python', './python'],
    { cwd: join(venv, 'bin'), encoding: 'utf8' },
  );
  t.equal(outer.status, 0, outer.stderr);
  t.equal(project.run('import').status, 2);
  t.equal(project.import('--accept', 'everything').status, 2);
});

t.test('multi-table inheritance', async (t) => {
  const project = startProject(t);
  project.append('mysite/settings.py', "\nINSTALLED_APPS.append('people')\nAUTH_USER_MODEL = 'people.Patron'\n");
  project.app(
    'people',
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
  t.match(
    readFileSync(join(project.directory, 'sites.d/mysite.settings.toml'), 'utf8'),
    'parents = [{ table = "people_base", id = "id", link = "base_ptr_id" }]',
  );
  const doctor = project.run('doctor', '--config', file);
  t.equal(doctor.status, 0, doctor.stdout);
  const { client } = await serve(t, ['--config', file], () => socket);
  t.equal((await client.check('pat', 'secret', { require: { staff: true } })).status, GRANTED);
  t.not((await client.check('patricia', 'secret')).status, GRANTED, 'username is not the USERNAME_FIELD');
});
