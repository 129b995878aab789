import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { withLiterals } from '../../daemon/store/mysql/connection.ts';
import { PROGRAM, type RunningDaemon, startDaemon } from '../fixtures/daemon.ts';
import { startMariaDb } from '../fixtures/mariadb.ts';
import { startPostgres } from '../fixtures/postgres.ts';
import { encodePbkdf2 } from '../fixtures/site.ts';

// An error about a username is a denial, a transient one is repeated, and only an outage marks the database as down.

const HASH = encodePbkdf2('secret', { iterations: 10 });
const KEY = '\u{1F511}';

interface Site {
  readonly database: string;
  readonly table: string;
  readonly id?: string;
  readonly extra?: string;
}

/** A client of a daemon that serves these sites from tables with the columns id, name, hash and active. */
async function serve(t: Test, sites: Record<string, Site>) {
  const config = Object.entries(sites).map(
    ([name, { database, table, extra = '' }]) =>
      `[sites.${name}]\ndatabase = "${database}"\nconnections = 1\n${extra}\n` +
      `[sites.${name}.schema.user]\ntable = "${table}"\nid = "id"\nusername = "name"\npassword = "hash"\nactive = "active"`,
  );
  const daemon = await startDaemon({ config: `${config.join('\n')}\n[cache]\naccount_ttl = 0` });
  t.teardown(() => daemon.stop());
  const client = await daemon.connect();
  return {
    daemon,
    status: async (site: string, name: string, password = 'secret') =>
      (await client.check(name, password, { site })).status,
    database: (site: string) => databaseOf(daemon, site),
  };
}

/** The database's part of `djauthd stats --json`. */
function databaseOf(daemon: RunningDaemon, site: string) {
  const { stdout } = spawnSync(PROGRAM, ['stats', '--control', daemon.control, '--json'], { encoding: 'utf8' });
  return JSON.parse(stdout).sites.find(({ name }: { name: string }) => name === site).database;
}

t.test('literals in the place of parameters', async (t) => {
  t.equal(
    withLiterals('select `a?b` where x = ? and y = ?', ['é', "'"]),
    "select `a?b` where x = _utf8mb4 x'c3a9' and y = _utf8mb4 x'27'",
  );
  t.equal(withLiterals("select '?', ``` ?`, ?", ['']), "select '?', ``` ?`, _utf8mb4 x''");
});

t.test('MariaDB', async (t) => {
  const mariadb = await startMariaDb();
  t.teardown(() => mariadb.stop());
  const url = await mariadb.createDatabase('site');
  const run = (sql: string) => mariadb.execute('site', sql);
  const connections = () =>
    run(
      "SELECT group_concat(id ORDER BY id) FROM information_schema.processlist WHERE db = 'site' AND id <> connection_id()",
    );

  const charsets = ['utf8mb3', 'latin1', 'ascii', 'cp1251', 'utf8mb4'];
  for (const charset of charsets) {
    await run(
      `CREATE TABLE in_${charset} (id INT, name VARCHAR(30), hash VARCHAR(128), active BOOL) CHARACTER SET ${charset}`,
    );
    await run(`INSERT INTO in_${charset} VALUES (1, 'alice', '${HASH}', 1)`);
  }

  for (const extra of ['', '&prepare=false', '&charset=latin1']) {
    await t.test(`usernames that a column cannot hold ${extra}`, async (t) => {
      const sites = charsets.map((charset) => [charset, { database: url + extra, table: `in_${charset}` }] as const);
      const { status, database, daemon } = await serve(t, Object.fromEntries(sites));
      for (const charset of charsets) t.equal(await status(charset, 'alice'), 0);
      const before = await connections();
      for (const charset of charsets) {
        for (const name of [KEY, `${KEY}alice`, '漢', 'ж', 'é', "'", '\\', "\\' OR 1=1 -- "]) {
          t.equal(await status(charset, name), 2, `${name} in ${charset}`);
        }
        t.match(database(charset), { up: true, failures: 0 });
      }
      t.equal(await connections(), before, 'the connections are kept');
      t.notMatch(daemon.log(), /"level":[45]0/);
    });
  }

  await t.test('a query that is broken for every username', async (t) => {
    // It raises the error of a username that the column cannot hold, whatever the username.
    await run(
      `CREATE FUNCTION mix() RETURNS INT READS SQL DATA RETURN (SELECT count(*) FROM in_latin1 WHERE name = '漢');
       CREATE VIEW mixing AS SELECT t.* FROM in_latin1 t JOIN (SELECT mix() AS m) AS d`,
    );
    const { status, database } = await serve(t, {
      missing: { database: url, table: 'no_such_table' },
      mixing: { database: url, table: 'mixing' },
    });
    for (const site of ['missing', 'mixing']) {
      for (const name of ['alice', KEY]) t.equal(await status(site, name), 4, `${site}: ${name}`);
      t.match(database(site), { up: true, connections: { open: 1 } }, 'the server answers');
      t.ok(database(site).failures >= 2);
    }
  });

  await t.test('max_prepared_stmt_count', async (t) => {
    await run('SET GLOBAL max_prepared_stmt_count = 0');
    t.teardown(() => run('SET GLOBAL max_prepared_stmt_count = DEFAULT'));
    const { status, daemon } = await serve(t, {
      found: { database: url, table: 'in_utf8mb4' },
      configured: { database: `${url}&prepare=false`, table: 'in_utf8mb4' },
    });
    for (let round = 0; round < 3; round++) {
      for (const site of ['found', 'configured']) {
        t.same(
          [await status(site, 'alice'), await status(site, 'alice', 'wrong'), await status(site, 'bob')],
          [0, 1, 2],
        );
      }
    }
    const lines = daemon
      .lines()
      .filter(({ msg }) => /reached max_prepared_stmt_count: prepared statements are disabled/.test(msg));
    t.equal(lines.length, 1, 'logged once, for the site that is not configured');
  });

  await t.test('a table that changes', async (t) => {
    await run('CREATE VIEW changing AS SELECT * FROM in_utf8mb4');
    const { status, database } = await serve(t, { site: { database: url, table: 'changing' } });
    for (let round = 0; round < 6; round++) {
      t.equal(await status('site', 'alice'), 0);
      await run(
        `CREATE OR REPLACE VIEW changing AS SELECT ${'1 AS a, '.repeat(round % 3)} u.* FROM in_utf8mb4 u`.replace(
          '1 AS a, 1 AS a',
          '1 AS a, 1 AS b',
        ),
      );
      await run('FLUSH TABLES');
    }
    t.match(database('site'), { failures: 0 });
  });

  await t.test('transient errors', async (t) => {
    await run(
      `CREATE TABLE switch (code INT);
       DELIMITER //
       CREATE FUNCTION fails() RETURNS INT READS SQL DATA BEGIN
         DECLARE c INT DEFAULT (SELECT max(code) FROM switch);
         IF c = 1213 THEN SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213, MESSAGE_TEXT = 'Deadlock found'; END IF;
         IF c = 1205 THEN SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1205, MESSAGE_TEXT = 'Lock wait timeout'; END IF;
         IF c = 1020 THEN SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1020, MESSAGE_TEXT = 'Record has changed'; END IF;
         IF c = 1644 THEN SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 1644, MESSAGE_TEXT = 'unhandled'; END IF;
         RETURN 1;
       END//
       DELIMITER ;
       CREATE VIEW failing AS SELECT id, name, hash, fails() AS active FROM in_utf8mb4`,
    );
    const { status, database } = await serve(t, { site: { database: url, table: 'failing' } });
    for (const code of [1213, 1205, 1020]) {
      await run(`INSERT INTO switch VALUES (${code})`);
      t.equal(await status('site', 'alice'), 4, `${code}: a fault if it persists`);
      t.match(database('site'), { up: true });
      const [answer] = await Promise.all([status('site', 'alice'), run('DELETE FROM switch')]);
      t.equal(answer, 0, `${code}: repeated`);
    }
    await run('INSERT INTO switch VALUES (1644)');
    const asked = status('site', 'alice');
    await sleep(10);
    await run('DELETE FROM switch');
    t.equal(await asked, 4, 'any other error is a fault at once');
  });
});

t.test('PostgreSQL', async (t) => {
  const postgres = await startPostgres();
  t.teardown(() => postgres.stop());
  const tables = async (name: string, encoding: string) => {
    await postgres.execute('postgres', `CREATE DATABASE ${name} ENCODING '${encoding}' LOCALE 'C' TEMPLATE template0`);
    const run = (sql: string) => postgres.execute(name, sql);
    for (const [table, type, value] of [
      ['texts', 'varchar(30)', 'alice'],
      ['integers', 'integer', '7'],
      ['bigints', 'bigint', '7'],
      ['uuids', 'uuid', '123e4567-e89b-12d3-a456-426614174000'],
      ['numbers', 'numeric', '7'],
      ['dates', 'date', '2001-02-03'],
      ['addresses', 'inet', '192.0.2.1'],
    ]) {
      await run(`CREATE TABLE ${table} (id integer, name ${type}, hash varchar(128), active boolean)`);
      await run(`INSERT INTO ${table} VALUES (1, '${value}', '${HASH}', true)`);
    }
    return { url: postgres.url(name), run };
  };
  const backends = () =>
    postgres.execute('postgres', "SELECT pid FROM pg_stat_activity WHERE application_name = 'djauthd' ORDER BY pid");

  await t.test('usernames that an encoding cannot hold', async (t) => {
    const encodings = ['latin1', 'win1251', 'sql_ascii', 'utf8'];
    const sites: [string, Site][] = [];
    for (const encoding of encodings)
      sites.push([encoding, { database: (await tables(`in_${encoding}`, encoding)).url, table: 'texts' }]);
    const { status, database, daemon } = await serve(t, Object.fromEntries(sites));
    for (const encoding of encodings) t.equal(await status(encoding, 'alice'), 0);
    const before = await backends();
    for (const encoding of encodings) {
      for (const name of [KEY, `alice${KEY}`, '漢', 'ж', 'é'])
        t.equal(await status(encoding, name), 2, `${name} in ${encoding}`);
      t.match(database(encoding), { up: true, failures: 0 });
    }
    t.same(await backends(), before, 'the connections are kept');
    t.notMatch(daemon.log(), /"level":[45]0/);
  });

  const { url, run } = await tables('site', 'UTF8');

  await t.test('usernames that a type cannot hold', async (t) => {
    const kinds = ['integers', 'bigints', 'uuids', 'numbers', 'dates', 'addresses'];
    const { status, database } = await serve(
      t,
      Object.fromEntries(kinds.map((table) => [table, { database: url, table }])),
    );
    for (const kind of kinds) {
      for (const name of ['alice', '', '99999999999999999999999', '-1', KEY, '2001-99-99', '1e9999', 'infinity']) {
        t.equal(await status(kind, name), 2, `${JSON.stringify(name)} in ${kind}`);
      }
      t.match(database(kind), { up: true, failures: 0 });
    }
    t.equal(await status('integers', '7'), 0);
    t.equal(await status('uuids', '123E4567-e89b-12d3-a456-426614174000'), 0);
  });

  await t.test('the same errors of a view', async (t) => {
    await run(
      `CREATE TABLE words (word text); INSERT INTO words VALUES ('seven');
       CREATE VIEW casts AS SELECT t.id, t.name, t.hash, (SELECT word::integer FROM words) = 7 AS active FROM texts t;
       CREATE VIEW ranges AS SELECT t.id, t.name, t.hash, (SELECT length(word)::smallint * 32767::smallint FROM words) = 7 AS active FROM texts t;
       CREATE VIEW bytes AS SELECT t.id, t.name, t.hash, convert_from('\\xff', 'UTF8') || t.name = '7' AS active FROM texts t;
       CREATE VIEW planned AS SELECT t.id, t.name, t.hash, true AS active FROM texts t WHERE ('seven'::text)::integer = 7`,
    );
    // The cast of "planned" fails while the query is planned, before the server reports that it has read the parameters.
    const views = ['casts', 'ranges', 'bytes', 'planned', 'no_such_table'];
    const { daemon, status, database } = await serve(
      t,
      Object.fromEntries(views.map((table) => [table, { database: url, table }])),
    );
    // A check also samples hashes, which fails as well; an authorization reads the account alone.
    const client = await daemon.connect();
    for (const view of views) {
      t.equal((await client.authorize('alice', { site: view })).status, 4, `${view}: authorize is a fault too`);
      t.equal(await status(view, 'alice'), 4, `${view}: a fault, not a denial`);
      t.match(database(view), { up: true, connections: { open: 1 } });
    }
  });

  await t.test('transient errors', async (t) => {
    await run(
      `CREATE TABLE switch (code text);
       CREATE FUNCTION fails() RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
       DECLARE c text := (SELECT max(code) FROM switch);
       BEGIN
         IF c IS NOT NULL THEN RAISE EXCEPTION 'as told' USING ERRCODE = c; END IF;
         RETURN true;
       END $$;
       CREATE VIEW failing AS SELECT id, name, hash, fails() AS active FROM texts`,
    );
    const { status, database } = await serve(t, { site: { database: url, table: 'failing' } });
    for (const code of ['40001', '40P01', '55P03']) {
      await run(`INSERT INTO switch VALUES ('${code}')`);
      t.equal(await status('site', 'alice'), 4, `${code}: a fault if it persists`);
      t.match(database('site'), { up: true });
      const [answer] = await Promise.all([status('site', 'alice'), run('DELETE FROM switch')]);
      t.equal(answer, 0, `${code}: repeated`);
    }
    for (const [code, up] of [
      ['53200', false],
      ['58030', false],
      ['XX000', true],
      ['P0001', true],
    ] as const) {
      await run(`INSERT INTO switch VALUES ('${code}')`);
      t.equal(await status('site', 'alice'), 4, code);
      t.equal(database('site').up, up, `${code}: ${up ? 'the server works' : 'the server cannot work'}`);
      await run('DELETE FROM switch');
      t.equal(await status('site', 'alice'), 0);
    }
  });

  await t.test('tables and views that change', async (t) => {
    await run('CREATE VIEW changing AS SELECT * FROM texts');
    await run("ALTER DATABASE site SET lc_messages = 'C'");
    const { status, database } = await serve(t, { site: { database: url, table: 'changing' } });
    for (const type of ['text', 'varchar(10)', 'char(20)', 'text']) {
      t.equal(await status('site', 'alice'), 0);
      await run(`DROP VIEW changing; CREATE VIEW changing AS SELECT id, name::${type}, hash, active FROM texts`);
    }
    t.equal(await status('site', 'alice'), 0);
    t.match(database('site'), { failures: 0 });
  });

  await t.test('idle_session_timeout', async (t) => {
    await run("ALTER ROLE postgres IN DATABASE site SET idle_session_timeout = '50ms'");
    const { status, database } = await serve(t, { site: { database: url, table: 'texts' } });
    for (let round = 0; round < 5; round++) {
      t.equal(await status('site', 'alice'), 0);
      await sleep(40 + 10 * round);
    }
    t.match(database('site'), { failures: 0 });
  });
});
