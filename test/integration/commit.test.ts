import { execFile, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import type { Client } from '../fixtures/client.ts';
import { PROGRAM, type RunningDaemon, startDaemon, waitFor } from '../fixtures/daemon.ts';
import { startProject } from '../fixtures/django-project.ts';
import { type DjangoShell, startShell } from '../fixtures/django-shell.ts';
import { LeasingClient } from '../fixtures/leasing-client.ts';
import { startMariaDb } from '../fixtures/mariadb.ts';
import { startPgBouncer } from '../fixtures/pgbouncer.ts';
import { binDirectory, type Postgres, startPostgres } from '../fixtures/postgres.ts';
import { privateServer } from '../fixtures/private-server.ts';
import { startProxy } from '../fixtures/tcp-proxy.ts';

// A change counts from COMMIT on, made by Django itself or by anybody else.

const GRANTED = 0;

/** While nothing is heard, how old an account may be. */
const FALLBACK_MS = 1_000;

const MODELS = `
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, Permission, User, update_last_login
from django.db import connection, transaction
`;

/** Everybody is in the group and has the permission, by way of the group and directly. */
const PEOPLE = `
encoded = make_password('secret')
team = Group.objects.create(name='team')
team.permissions.add(Permission.objects.get(codename='add_user'))
own = Permission.objects.get(codename='change_user')
def person(name, **rest):
    user = User.objects.create(username=name, password=encoded, **rest)
    user.groups.add(team)
    user.user_permissions.add(own)
    return user
for name in ('ann', 'ben', 'cleo', 'dan', 'eve', 'finn', 'gus', 'hal', 'ida', 'jo', 'kim', 'lea', 'max', 'nina', 'otto', 'pia', 'quin', 'ria', 'sam', 'tom', 'una', 'vic'):
    person(name, is_staff=True, is_superuser=name == 'eve')
`;

interface Change {
  what: string;
  user: string;
  require?: object;
  /** Made by Django, in the transaction that it makes itself. */
  by: string;
}

const CHANGES: Change[] = [
  { what: 'a password', user: 'ann', by: "u = User.objects.get(username='ann'); u.set_password('other'); u.save()" },
  { what: 'a deactivation', user: 'ben', by: "u = User.objects.get(username='ben'); u.is_active = False; u.save()" },
  {
    what: 'a group that is left',
    user: 'cleo',
    require: { groups: ['team'] },
    by: "User.objects.get(username='cleo').groups.remove(team)",
  },
  {
    what: 'a permission of the user',
    user: 'dan',
    require: { permissions: ['auth.change_user'] },
    by: "User.objects.get(username='dan').user_permissions.remove(own)",
  },
  {
    what: 'a superuser',
    user: 'eve',
    require: { superuser: true },
    by: "User.objects.filter(username='eve').update(is_superuser=False)",
  },
  {
    what: 'staff',
    user: 'finn',
    require: { staff: true },
    by: "User.objects.filter(username='finn').update(is_staff=False)",
  },
  {
    what: 'raw SQL',
    user: 'gus',
    by: 'connection.cursor().execute("UPDATE auth_user SET is_active = %s WHERE username = \'gus\'", [False])',
  },
  { what: 'a removal', user: 'hal', by: "User.objects.get(username='hal').delete()" },
  { what: 'another name', user: 'ida', by: "User.objects.filter(username='ida').update(username='idabel')" },
  {
    what: 'many at once',
    user: 'jo',
    by: "User.objects.filter(username__gt='jn', username__lt='ke').update(is_active=False)",
  },
  {
    what: 'one transaction of several statements',
    user: 'kim',
    by: `
with transaction.atomic():
    User.objects.filter(username='lea').update(email='lea@example.org')
    User.objects.filter(username='kim').update(is_active=False)`,
  },
  {
    what: "a permission of the group's",
    user: 'max',
    require: { permissions: ['auth.add_user'] },
    by: "team.permissions.remove(Permission.objects.get(codename='add_user'))",
  },
  {
    what: 'another name of the group',
    user: 'nina',
    require: { groups: ['team'] },
    by: "Group.objects.filter(name='team').update(name='crew')",
  },
  {
    what: 'a permission that is removed',
    user: 'otto',
    require: { permissions: ['auth.change_user'] },
    by: "Permission.objects.get(codename='change_user').delete()",
  },
  {
    what: 'a group that is removed',
    user: 'pia',
    require: { groups: ['crew'] },
    by: 'Group.objects.get(id=team.id).delete()',
  },
];

const SETTINGS = `
PASSWORD_HASHERS = ['mysite.hashers.Cheap']
DEBUG = False
`;

const HASHERS = `
from django.contrib.auth.hashers import PBKDF2PasswordHasher
class Cheap(PBKDF2PasswordHasher):
    iterations = 1000
`;

async function djangoOn(t: Test, databases: string): Promise<DjangoShell> {
  const project = startProject(t);
  project.append('mysite/hashers.py', HASHERS);
  project.append('mysite/settings.py', `${SETTINGS}\nDATABASES = {'default': ${databases}}\n`);
  project.manage('migrate', '-v', '0');
  const django = await startShell(t, project);
  await django.run(MODELS);
  await django.run(PEOPLE);
  return django;
}

/** Asks until it is refused. Returns when the last question that was granted was asked. */
async function untilRefused(client: Client, user: string, require?: object): Promise<number> {
  let lastGranted = Number.NEGATIVE_INFINITY;
  await waitFor(async () => {
    const askedAt = performance.now();
    const { status } = await client.check(user, 'secret', require ? { require } : {});
    if (status === GRANTED) lastGranted = askedAt;
    return status !== GRANTED;
  });
  return lastGranted;
}

/** Makes each change and asks while it is made. Returns how long after COMMIT a question was asked that was granted, in ms. */
async function checkChanges(t: Test, django: DjangoShell, client: Client, oldestMs: number): Promise<number[]> {
  const late: number[] = [];
  for (const { what, user, require, by } of CHANGES) {
    const rest = require ? { require } : {};
    const granted = async () => (await client.check(user, 'secret', rest)).status === GRANTED;
    t.ok((await granted()) && (await granted()), `${what}: granted before`);
    await django.run(by);
    const committedAt = performance.now();
    const lastGranted = await untilRefused(client, user, require);
    late.push(Math.max(0, lastGranted - committedAt));
    t.ok(lastGranted < committedAt + oldestMs, `${what}: ${Math.round(lastGranted - committedAt)} ms after COMMIT`);
  }
  return late;
}

t.test('MariaDB: no answer is older than account_ttl', async (t) => {
  const mariadb = await startMariaDb();
  t.teardown(() => mariadb.stop());
  const url = await mariadb.createDatabase('site');
  const django = await djangoOn(
    t,
    `{'ENGINE': 'django.db.backends.mysql', 'NAME': 'site', 'USER': '${mariadb.user}', 'HOST': '${mariadb.socket}'}`,
  );
  const daemon = await startDaemon({ config: `[sites.site]\ndatabase = "${url}"` });
  t.teardown(() => daemon.stop());
  const late = await checkChanges(t, django, await daemon.connect(), 1_000);
  t.comment(`granted after COMMIT: ${late.map(Math.round)} ms`);
});

/** What `stats --json` says of the site. */
async function siteReport(daemon: RunningDaemon) {
  const { stdout } = await promisify(execFile)(PROGRAM, ['stats', '--json', '--config', daemon.configFile]);
  return JSON.parse(stdout).sites[0];
}

interface World {
  postgres: Postgres;
  url: string;
  django: DjangoShell;
  /** Runs `djauthd triggers` of a daemon's configuration. */
  triggers(daemon: RunningDaemon, ...args: string[]): { status: number; stdout: string; stderr: string };
  /** Runs SQL as the owner of the tables. */
  own(sql: string): Promise<unknown>;
}

async function postgresWorld(t: Test): Promise<World> {
  const postgres = await startPostgres();
  t.teardown(() => postgres.stop());
  await postgres.execute('postgres', 'CREATE ROLE django LOGIN');
  await postgres.execute('postgres', 'CREATE DATABASE site OWNER django');
  const django = await djangoOn(
    t,
    `{'ENGINE': 'django.db.backends.postgresql', 'NAME': 'site', 'USER': 'django', 'HOST': '${postgres.socketDirectory}'}`,
  );
  const [grants] = [
    ...readFileSync(join(import.meta.dirname, '../../docs/databases.md'), 'utf8').matchAll(/^```sql\n(.*?)^```/gms),
  ].map(([, sql]) => sql as string);
  await postgres.execute('site', grants as string);
  return {
    postgres,
    django,
    url: postgres.url('site').replace('//postgres@', '//djauthd@'),
    triggers(daemon, ...args) {
      try {
        const stdout = execFileSync(PROGRAM, ['triggers', '--config', daemon.configFile, ...args], {
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'pipe'],
        });
        return { status: 0, stdout, stderr: '' };
      } catch (error) {
        return error as { status: number; stdout: string; stderr: string };
      }
    },
    own: (sql) => postgres.execute('site', `SET ROLE django; ${sql}`),
  };
}

const HEARS = /changes of accounts are heard/;
const HEARS_NOT = /changes of accounts are not heard/;

async function listener(t: Test, url: string, more = '') {
  const daemon = await startDaemon({
    config: `[sites.site]\ndatabase = "${url}"\nlisten = true\n${more}\n[cache]\naccount_ttl = "1h"`,
  });
  t.teardown(() => daemon.stop());
  return { daemon, client: await daemon.connect() };
}

const times = (daemon: RunningDaemon, pattern: RegExp) => daemon.lines().filter(({ msg }) => pattern.test(msg)).length;

/** Until it has said so for the `n`th time. */
const hears = (daemon: RunningDaemon, n = 1) => waitFor(() => times(daemon, HEARS) >= n);

t.test('PostgreSQL', async (t) => {
  const world = await postgresWorld(t);
  const { url, django, own, postgres } = world;
  const reset = (name: string) => django.run(`User.objects.filter(username='${name}').update(is_active=True)`);
  const deactivate = (name: string) => django.run(`User.objects.filter(username='${name}').update(is_active=False)`);

  await t.test('without triggers it says so, and no answer is older than the fallback', async (t) => {
    const { daemon, client } = await listener(t, url);
    await waitFor(() => HEARS_NOT.test(daemon.log()));
    t.match(daemon.log(), /has no trigger djauthd_/);
    t.equal(world.triggers(daemon, '--check').status, 1);
    t.match(world.triggers(daemon, '--check').stdout, /public\.auth_user has no trigger/);
    t.equal((await client.check('vic', 'secret')).status, GRANTED);
    await deactivate('vic');
    const committedAt = performance.now();
    t.ok((await untilRefused(client, 'vic')) < committedAt + FALLBACK_MS);
    await reset('vic');

    const { stdout } = world.triggers(daemon);
    t.notMatch(stdout, /last_login/);
    await own(stdout);
    await own(stdout);
    t.same(world.triggers(daemon, '--check'), {
      status: 0,
      stdout: 'site "site": the triggers are in place\n',
      stderr: '',
    });
    await hears(daemon);
  });

  await t.test('a change counts from COMMIT on', async (t) => {
    const { daemon, client } = await listener(t, url);
    await hears(daemon);
    // With an hour of account_ttl and of listen_ttl only a notification makes these end.
    const late = await checkChanges(t, django, client, 10_000);
    t.comment(`granted after COMMIT: ${late.map(Math.round)} ms`);
    const { hearing, database } = await siteReport(daemon);
    t.match(hearing, { hears: true, reason: null });
    t.ok(hearing.canary_seconds < 60);
    t.equal(database.failures, 0);
    t.equal(times(daemon, HEARS_NOT), 0);
  });

  await t.test('a lease ends at COMMIT too', async (t) => {
    const { daemon } = await listener(t, url);
    await hears(daemon);
    const client = new LeasingClient(daemon.socket);
    t.teardown(() => client.close());
    let leased = 0;
    for (let round = 0; round < 5; round++) {
      await waitFor(async () => {
        const grant = await client.check('tom', 'secret');
        if (grant?.leased) leased++;
        return grant?.leased === true;
      });
      const { notifications } = (await siteReport(daemon)).hearing;
      const granted = await client.check('tom', 'secret');
      await deactivate('tom');
      await waitFor(async () => (await siteReport(daemon)).hearing.notifications > notifications);
      t.equal(
        await client.check('tom', 'secret'),
        undefined,
        `told, after a grant ${granted?.leased ? 'on lease' : ''}`,
      );
      await reset('tom');
    }
    t.ok(leased >= 5, 'there were leases');
  });

  await t.test('what does not change an account is not told', async (t) => {
    const { daemon, client } = await listener(t, url);
    await hears(daemon);
    const told = async () => (await siteReport(daemon)).hearing.notifications;
    const both = async () => [await client.check('lea', 'secret'), await client.check('quin', 'secret')];
    t.match(await both(), [{ status: GRANTED }, { status: GRANTED }]);
    const before = await told();
    // Whatever is read from now on is a fault.
    await own('REVOKE SELECT ON auth_user_groups FROM djauthd');
    t.teardown(() => own('GRANT SELECT ON auth_user_groups TO djauthd'));
    await sleep(2 * FALLBACK_MS);
    await django.run("update_last_login(None, User.objects.get(username='lea'))");
    await django.run(`
try:
    with transaction.atomic():
        User.objects.filter(username='lea').update(is_active=False)
        raise KeyError
except KeyError:
    pass`);
    await django.run("u = User.objects.get(username='lea'); u.save()");
    // A change of another, so that whatever was told before it has arrived.
    await deactivate('vic');
    await waitFor(async () => (await told()) > before);
    t.equal(await told(), before + 1, 'neither a login nor a rollback, nor what is saved unchanged');
    t.match(await both(), [{ status: GRANTED }, { status: GRANTED }], 'nothing is read again');
    t.equal((await client.check('vic', 'secret')).status, 4, 'but what was told is');
    await own('GRANT SELECT ON auth_user_groups TO djauthd');
    await reset('vic');
  });

  await t.test('many changes in one transaction are few notifications', async (t) => {
    await django.run("User.objects.bulk_create([User(username=f'bulk{n}', password=encoded) for n in range(1000)])");
    const { daemon, client } = await listener(t, url);
    await hears(daemon);
    t.equal((await client.check('bulk999', 'secret')).status, GRANTED);
    await django.run("User.objects.filter(username__startswith='bulk').update(is_active=False)");
    await untilRefused(client, 'bulk999');
    const { hearing } = await siteReport(daemon);
    t.ok(hearing.notifications <= 101, `${hearing.notifications} notifications`);
    await django.run("User.objects.filter(username__startswith='bulk').delete()");
  });

  await t.test('TRUNCATE, and sessions without triggers', async (t) => {
    const { daemon, client } = await listener(t, url);
    await hears(daemon);
    await django.run("User.objects.get(username='ria').groups.add(Group.objects.create(name='last'))");
    const require = { groups: ['last'] };
    t.equal((await client.check('ria', 'secret', { require })).status, GRANTED);
    await own('TRUNCATE auth_user_groups');
    await untilRefused(client, 'ria', require);
    t.equal((await client.check('sam', 'secret')).status, GRANTED);
    await postgres.execute(
      'site',
      "SET session_replication_role = 'replica'; UPDATE auth_user SET is_active = false WHERE username = 'sam'",
    );
    await untilRefused(client, 'sam');
    t.equal(times(daemon, HEARS_NOT), 0);
  });

  await t.test('whoever may not call pg_notify can write all the same', async (t) => {
    const { daemon, client } = await listener(t, url);
    await hears(daemon);
    const notify = 'EXECUTE ON FUNCTION pg_catalog.pg_notify(text, text)';
    await postgres.execute('site', `REVOKE ${notify} FROM PUBLIC; GRANT ${notify} TO djauthd`);
    t.teardown(() => postgres.execute('site', `GRANT ${notify} TO PUBLIC`));
    await reset('sam');
    await waitFor(async () => (await client.check('sam', 'secret')).status === GRANTED);
    await own("UPDATE auth_user SET is_active = false WHERE username = 'sam'");
    await untilRefused(client, 'sam');
    t.equal(times(daemon, HEARS_NOT), 0);
  });

  await t.test('migrations are not kept from anything', async (t) => {
    const { daemon, client } = await listener(t, url);
    await hears(daemon);
    await own('ALTER TABLE auth_user ALTER COLUMN username TYPE varchar(254), ALTER COLUMN email TYPE varchar(300)');
    await own('ALTER TABLE auth_user RENAME COLUMN first_name TO given_name');
    t.equal((await client.check('tom', 'secret')).status, 4, 'the daemon misses the column');
    await own("UPDATE auth_user SET is_active = true WHERE username = 'tom'");
    await own('ALTER TABLE auth_user RENAME COLUMN given_name TO first_name');
    await waitFor(async () => (await client.check('tom', 'secret')).status === GRANTED);
    await deactivate('tom');
    await untilRefused(client, 'tom');
    t.equal(times(daemon, HEARS_NOT), 0);
  });

  /** Deactivates while nothing is heard; whatever is asked later than the fallback must be refused. */
  const checkFallback = async (t: Test, client: Client, name: string, by = () => deactivate(name)) => {
    await by();
    const committedAt = performance.now();
    const lastGranted = await untilRefused(client, name);
    t.ok(lastGranted < committedAt + FALLBACK_MS, `granted ${Math.round(lastGranted - committedAt)} ms after COMMIT`);
    await reset(name);
  };
  /** While nothing is heard, a denial may be a moment old too. */
  const granted = (client: Client, name: string) =>
    waitFor(async () => (await client.check(name, 'secret')).status === GRANTED);

  await t.test('a listener whose connection is killed', async (t) => {
    const { daemon, client } = await listener(t, url);
    for (let round = 1; round <= 3; round++) {
      await hears(daemon, round);
      await granted(client, 'una');
      await postgres.execute(
        'postgres',
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'djauthd listener'",
      );
      await checkFallback(t, client, 'una');
      await waitFor(() => times(daemon, HEARS_NOT) >= round);
      await granted(client, 'una');
    }
    await hears(daemon, 4);
    t.equal(times(daemon, HEARS), 4);
  });

  await t.test('a listener that nothing reaches any more', async (t) => {
    const proxy = await startProxy(t, join(postgres.socketDirectory, '.s.PGSQL.5432'));
    const { daemon, client } = await listener(t, url, `listen_url = "postgres://djauthd@127.0.0.1:${proxy.port}/site"`);
    await hears(daemon);
    await granted(client, 'una');
    proxy.silence();
    await checkFallback(t, client, 'una');
    t.equal(times(daemon, HEARS_NOT), 0, 'before anybody noticed');
    await waitFor(() => times(daemon, HEARS_NOT) === 1);
    t.match(daemon.log(), /a notification of its own has not come back for \d+ s/);
    proxy.speak();
    await hears(daemon, 2);
    await granted(client, 'una');
    await deactivate('una');
    await untilRefused(client, 'una');
    await reset('una');
  });

  await t.test('triggers that are disabled or removed meanwhile', async (t) => {
    const { daemon, client } = await listener(t, url);
    await hears(daemon);
    const drop = world.triggers(daemon, '--drop').stdout;
    const make = world.triggers(daemon).stdout;
    for (const [sql, message] of [
      ['ALTER TABLE auth_user DISABLE TRIGGER USER', /is disabled/],
      ['ALTER TABLE auth_user ENABLE TRIGGER USER', /does not fire in every session/],
      [drop, /has no trigger/],
    ] as const) {
      await own(make);
      await waitFor(async () => (await siteReport(daemon)).hearing.hears);
      await granted(client, 'una');
      await own(sql);
      t.match(world.triggers(daemon, '--check'), { status: 1, stdout: message });
      await checkFallback(t, client, 'una');
    }
    t.equal((await postgres.execute('site', "SELECT 1 FROM pg_proc WHERE proname LIKE 'djauthd%'")).length, 0);
    await own(make);
    await waitFor(async () => (await siteReport(daemon)).hearing.hears);
    // Off and on again, with a change in between.
    await granted(client, 'una');
    await checkFallback(
      t,
      client,
      'una',
      () =>
        own(`
        BEGIN; ALTER TABLE auth_user DISABLE TRIGGER USER;
        UPDATE auth_user SET is_active = false WHERE username = 'una';
        ALTER TABLE auth_user ENABLE TRIGGER USER; COMMIT; ${make}`) as Promise<unknown>,
    );
  });

  await t.test('what no trigger tells', async (t) => {
    const { daemon, client } = await listener(t, url);
    await hears(daemon);
    const require = { staff: true };
    const staff = async (name: string) => (await client.check(name, 'secret', { require })).status;
    // All are staff by now, whatever the other subtests did.
    await own('UPDATE auth_user SET is_staff = true');
    for (const sql of [
      'ALTER TABLE auth_user DROP COLUMN is_staff; ALTER TABLE auth_user ADD COLUMN is_staff boolean NOT NULL DEFAULT false',
      'ALTER TABLE auth_user ALTER COLUMN is_staff TYPE boolean USING false',
    ]) {
      await waitFor(async () => (await staff('una')) === GRANTED);
      await own(sql);
      const committedAt = performance.now();
      const lastGranted = await untilRefused(client, 'una', require);
      t.ok(lastGranted < committedAt + FALLBACK_MS, `granted ${Math.round(lastGranted - committedAt)} ms after ${sql}`);
      await own('UPDATE auth_user SET is_staff = true');
    }
    t.equal(times(daemon, HEARS_NOT), 0, 'it goes on hearing');

    for (const [change, undo, message] of [
      ['CREATE TABLE child () INHERITS (auth_user_groups)', 'DROP TABLE child', /auth_user_groups has child tables/],
      [
        'ALTER TABLE auth_user ENABLE ROW LEVEL SECURITY; CREATE POLICY seen ON auth_user USING (is_active)',
        'DROP POLICY seen ON auth_user; ALTER TABLE auth_user DISABLE ROW LEVEL SECURITY',
        /auth_user has row level security/,
      ],
    ] as const) {
      await waitFor(async () => (await siteReport(daemon)).hearing.hears);
      await own(change);
      await waitFor(() => message.test(daemon.log()));
      t.match(world.triggers(daemon), { status: 1, stderr: message });
      t.match(world.triggers(daemon, '--check'), { status: 1, stdout: message });
      await own(undo);
    }
    await waitFor(async () => (await siteReport(daemon)).hearing.hears);
  });

  await t.test('nobody else owns the functions of the triggers', async (t) => {
    const { daemon } = await listener(t, url);
    const make = world.triggers(daemon).stdout;
    await own(world.triggers(daemon, '--drop').stdout);
    const [name] = /"public"\."djauthd_[0-9a-f]+_[0-9a-f]+"/.exec(make) as RegExpExecArray;
    await postgres.execute('postgres', 'CREATE ROLE trudy LOGIN');
    await postgres.execute('site', 'GRANT CREATE ON SCHEMA public TO trudy');
    await postgres.execute(
      'site',
      `SET ROLE trudy; CREATE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`,
    );
    await postgres.execute('site', make);
    const owners = await postgres.execute(
      'site',
      "SELECT DISTINCT proowner::regrole::text AS owner FROM pg_proc WHERE proname LIKE 'djauthd%'",
    );
    t.same(owners, [{ owner: 'postgres' }]);
    await postgres.execute('site', world.triggers(daemon, '--drop').stdout);
    await own(make);
    await hears(daemon);
  });

  await t.test('whoever may NOTIFY gains misses', async (t) => {
    const { daemon, client } = await listener(t, url);
    await hears(daemon);
    const channel = /NOTIFY|djauthd_[0-9a-f]{8}/.exec(world.triggers(daemon).stdout)?.[0] as string;
    await postgres.execute('postgres', 'CREATE ROLE mallory LOGIN');
    const notify = (payload: string, count: number) =>
      postgres.execute(
        'site',
        `SET ROLE mallory; SELECT count(pg_notify('${channel}', ${payload})) FROM generate_series(1, ${count}) AS n`,
      );
    for (const payload of ["'c' || n", "'u' || n", "repeat('x', 7000) || n", "'' || n", "E'u\\n\\u0001' || n"]) {
      await notify(payload, 50);
      await granted(client, 'una');
    }
    t.equal(times(daemon, HEARS_NOT), 0);
    await notify("'u' || n", 100_000);
    await waitFor(() => times(daemon, HEARS_NOT) === 1);
    t.match(daemon.log(), /more than \d+ notifications came at once/);
    await granted(client, 'una');
    await checkFallback(t, client, 'una');
  });

  await t.test('behind PgBouncer', async (t) => {
    const pooler = await startPgBouncer(postgres);
    t.teardown(() => pooler.stop());
    const pooled = `${pooler.url('site')}&prepare=false`;
    await t.test('the listener needs a URL of its own', async (t) => {
      const { daemon, client } = await listener(t, pooled);
      await waitFor(() => HEARS_NOT.test(daemon.log()));
      t.match(daemon.log(), /has not come back.* not to a pooler/);
      t.equal(times(daemon, HEARS), 0);
      await granted(client, 'una');
      await checkFallback(t, client, 'una');
    });
    await t.test('with it changes are heard', async (t) => {
      const { daemon, client } = await listener(t, pooled, `listen_url = "${url}"`);
      await hears(daemon);
      await granted(client, 'una');
      await deactivate('una');
      await untilRefused(client, 'una');
      await reset('una');
    });
    await t.test('with the URL of another database they are not', async (t) => {
      const { daemon } = await listener(t, url, `listen_url = "${url.replace('/site', '/postgres')}"`);
      await waitFor(() => HEARS_NOT.test(daemon.log()));
      t.match(daemon.log(), /the same database/);
    });
  });

  await t.test('a standby', async (t) => {
    const server = privateServer('pgs', 'postgres', 'SIGQUIT');
    const data = join(server.directory, 'data');
    server.run(join(binDirectory(), 'pg_basebackup'), [
      ...['-h', postgres.socketDirectory, '-U', postgres.user, '-D', data, '-R', '-c', 'fast', '--no-sync'],
    ]);
    const ready = async () => {
      execFileSync('psql', ['-h', server.directory, '-U', 'postgres', '-c', 'SELECT 1', 'site'], { stdio: 'pipe' });
    };
    await server.start(join(binDirectory(), 'postgres'), ['-D', data, '-k', server.directory, '-h', '', '-F'], ready);
    t.teardown(async () => {
      await server.end('SIGINT');
      server.remove();
    });
    const standby = `postgres://djauthd@/site?host=${server.directory}`;
    await t.test('says so and falls back', async (t) => {
      const { daemon, client } = await listener(t, standby);
      await waitFor(() => HEARS_NOT.test(daemon.log()));
      t.match(daemon.log(), /the database is a standby, which neither sends nor hears notifications/);
      await granted(client, 'una');
    });
    await t.test('cannot be read while the primary is heard', async (t) => {
      const { daemon } = await listener(t, standby, `listen_url = "${url}"`);
      await waitFor(() => HEARS_NOT.test(daemon.log()));
      t.match(daemon.log(), /standby/);
    });
    await t.test('among several hosts is noticed', async (t) => {
      const hosts = `postgres://djauthd@/site?host=${server.directory},${postgres.socketDirectory}&load_balance_hosts=random`;
      const { daemon, client } = await listener(t, hosts, 'connections = 16');
      await waitFor(async () => {
        // Questions about many at once open many connections.
        await Promise.all(Array.from({ length: 16 }, (_, n) => client.check(`nobody${n}${Math.random()}`, 'x')));
        return HEARS_NOT.test(daemon.log());
      });
      t.match(daemon.log(), /standby/);
    });
  });

  await t.test('a server that stops answering, and one that is restarted', async (t) => {
    const { daemon, client } = await listener(t, url, 'timeout = "500ms"');
    await hears(daemon);
    await granted(client, 'una');
    const pid = readFileSync(join(postgres.socketDirectory, 'data/postmaster.pid'), 'utf8').split('\n')[0] ?? '';
    const all = [pid, ...execFileSync('pgrep', ['-P', pid], { encoding: 'utf8' }).trim().split('\n')].map(Number);
    for (const each of all) process.kill(each, 'SIGSTOP');
    const stoppedAt = performance.now();
    let lastGranted = 0;
    await waitFor(async () => {
      const askedAt = performance.now();
      const { status } = await client.check('una', 'secret');
      if (status === GRANTED) lastGranted = askedAt;
      return status !== GRANTED;
    });
    t.ok(lastGranted < stoppedAt + FALLBACK_MS + 500, 'nothing decides that was not proven a moment before');
    for (const each of all) process.kill(each, 'SIGCONT');
    await waitFor(async () => (await client.check('una', 'secret')).status === GRANTED);
    await waitFor(async () => (await siteReport(daemon)).hearing.hears);
    const before = times(daemon, HEARS);
    await granted(client, 'una');
    await postgres.restart();
    await django.run('connection.close()');
    await checkFallback(t, client, 'una');
    await hears(daemon, before + 1);
    await granted(client, 'una');
    await deactivate('una');
    await untilRefused(client, 'una');
  });
});
