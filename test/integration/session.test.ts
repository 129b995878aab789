import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { startDaemon } from '../fixtures/daemon.ts';
import { startMariaDb } from '../fixtures/mariadb.ts';
import { startPgBouncer } from '../fixtures/pgbouncer.ts';
import { startPostgres } from '../fixtures/postgres.ts';
import { createSiteOnMariaDb, createSiteOnPostgres, type Person } from '../fixtures/site.ts';

// What a session inherits from the server, the database or the role must not change a verdict.

/** The SQL of docs/databases.md, in its order. */
const [postgresGrants, mysqlGrants, poolerSettings] = [
  ...readFileSync(join(import.meta.dirname, '../../docs/databases.md'), 'utf8').matchAll(/^```sql\n(.*?)^```/gms),
].map(([, sql]) => sql as string);

const PEOPLE: Person[] = [
  { username: 'alice', password: 'secret', groups: ['Editors'] },
  { username: 'bob', password: 'secret' },
];

async function clientOf(t: Test, database: string, options = '') {
  const daemon = await startDaemon({
    config: `[sites.site]\ndatabase = "${database}"\nconnections = 1\n${options}\n[cache]\naccount_ttl = 0`,
  });
  t.teardown(() => daemon.stop());
  return { daemon, client: await daemon.connect() };
}

/** Checks that a change of an account or of its table takes effect at once. */
async function checkFreshness(
  t: Test,
  database: string,
  site: { update(username: string, change: Partial<Person>): Promise<void> },
  alter: () => Promise<unknown>,
) {
  const { client, daemon } = await clientOf(t, database);
  const status = async (name: string) => (await client.check(name, 'secret')).status;
  t.same([await status('alice'), await status('bob')], [0, 0]);
  await site.update('bob', { isActive: false });
  t.equal(await status('bob'), 1, 'a deactivated account is denied');
  await alter();
  t.same([await status('alice'), await status('bob')], [0, 1], 'ALTER TABLE does not wait for the daemon');
  await site.update('bob', { isActive: true });
  t.equal(await status('bob'), 0);
  return { client, daemon };
}

t.test('MariaDB', async (t) => {
  const mariadb = await startMariaDb();
  t.teardown(() => mariadb.stop());
  const url = await mariadb.createDatabase('site');
  const site = await createSiteOnMariaDb(url, PEOPLE);
  t.teardown(() => site.close());
  const run = (sql: string) => mariadb.execute('site', sql);
  // The documented user; init_connect is not executed for root.
  await run((mysqlGrants as string).replaceAll('mysite.', 'site.').replace('a long password', 'p'));
  const reader = url.replace('//root@', '//djauthd:p@');
  const alter = () =>
    run(
      'SET lock_wait_timeout = 5; ALTER TABLE auth_user ADD COLUMN extra INT; ALTER TABLE auth_user DROP COLUMN extra',
    );

  const inherited: [setting: string, connected: string][] = [
    ['autocommit = 0', ''],
    ['', 'SET autocommit = 0'],
    ['', 'SET autocommit = 0; SELECT count(*) FROM site.auth_user'],
    ['', 'START TRANSACTION WITH CONSISTENT SNAPSHOT'],
    ['completion_type = 1', 'START TRANSACTION'],
    ['completion_type = 2', 'START TRANSACTION'],
    ['tx_isolation = SERIALIZABLE', 'SET autocommit = 0'],
    ['sql_select_limit = 0', 'SET sql_select_limit = 0'],
    [
      'sql_mode = "ANSI_QUOTES,PAD_CHAR_TO_FULL_LENGTH,NO_BACKSLASH_ESCAPES,ORACLE"',
      'SET sql_big_selects = 0, max_join_size = 1',
    ],
    ['group_concat_max_len = 4', "SET NAMES latin1, collation_connection = latin1_bin, time_zone = '+09:00'"],
    ['lock_wait_timeout = 1', 'SET max_statement_time = 0.000001'],
  ];
  for (const [setting, connected] of inherited) {
    await t.test([setting, connected].filter(Boolean).join('; '), async (t) => {
      const name = setting.split(' ')[0];
      if (setting) await run(`SET GLOBAL ${setting}`);
      await run(`SET GLOBAL init_connect = '${connected.replaceAll("'", "''")}'`);
      try {
        const { client } = await checkFreshness(t, reader, site, alter);
        t.same((await client.check('alice', 'secret')).content.account.groups, ['Editors']);
      } finally {
        await run(`SET GLOBAL init_connect = ''${setting ? `; SET GLOBAL ${name} = DEFAULT` : ''}`);
      }
    });
  }

  await t.test('uncommitted changes', async (t) => {
    await run('SET GLOBAL tx_isolation = "READ-UNCOMMITTED"');
    const { client } = await clientOf(t, reader);
    // The `mariadb` client waits while its session sleeps in an open transaction.
    const uncommitted = run(
      "START TRANSACTION; UPDATE auth_user SET is_active = 0 WHERE username = 'bob'; DO sleep(1.5); ROLLBACK",
    );
    const statuses = new Set<number>();
    let open = true;
    void uncommitted.then(() => {
      open = false;
    });
    while (open) statuses.add((await client.check('bob', 'secret')).status);
    await uncommitted;
    t.same([...statuses], [0], 'are not read');
    await run('SET GLOBAL tx_isolation = DEFAULT');
  });
});

t.test('PostgreSQL', async (t) => {
  const postgres = await startPostgres();
  t.teardown(() => postgres.stop());
  const url = await postgres.createDatabase('site');
  const site = await createSiteOnPostgres(url, PEOPLE);
  t.teardown(() => site.close());
  const run = (sql: string) => postgres.execute('site', sql);
  await run(postgresGrants as string);
  const reader = url.replace('//postgres@', '//djauthd@');
  const alter = () =>
    run("SET lock_timeout = '5s'; ALTER TABLE auth_user ADD COLUMN extra int; ALTER TABLE auth_user DROP COLUMN extra");

  const inherited: string[] = [
    "default_transaction_isolation = 'serializable'",
    'default_transaction_deferrable = on',
    'default_transaction_read_only = off',
    "statement_timeout = '1ms'",
    "lock_timeout = '1ms'",
    "client_encoding = 'LATIN1'",
    'standard_conforming_strings = off',
    "bytea_output = 'escape'",
    "DateStyle = 'SQL, DMY'",
    "lc_messages = 'C'",
  ];
  await t.test('settings of the role and of the database', async (t) => {
    for (const setting of inherited) {
      await run(`ALTER ROLE djauthd SET ${setting}`);
      await run(`ALTER ROLE djauthd IN DATABASE site SET ${setting}`);
    }
    const { daemon } = await checkFreshness(t, reader, site, alter);
    t.notMatch(daemon.log(), /a pooler/);
    const [session] = await run("SELECT wait_event FROM pg_stat_activity WHERE application_name = 'djauthd'");
    t.ok(session, 'connected');
  });

  await t.test('a pooler that ignores the settings is reported', async (t) => {
    const pooler = await startPgBouncer(postgres);
    t.teardown(() => pooler.stop());
    const { daemon, client } = await clientOf(t, `${pooler.url('site')}&prepare=false`);
    t.equal((await client.check('alice', 'secret')).status, 0);
    const message =
      /a pooler ignored settings of the session.* default_transaction_read_only = 'on'.* statement_timeout = '2000ms'/;
    t.equal(daemon.lines().filter(({ msg }) => message.test(msg)).length, 1);
    await postgres.execute('postgres', (poolerSettings as string).replaceAll('ROLE djauthd', 'ROLE postgres'));
    const other = await startPgBouncer(postgres);
    t.teardown(() => other.stop());
    const set = await clientOf(t, `${other.url('site')}&prepare=false`);
    t.equal((await set.client.check('alice', 'secret')).status, 0);
    t.notMatch(set.daemon.log(), /a pooler/);
  });
});
