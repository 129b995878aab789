import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { parseConfig } from '../../daemon/config/config.ts';
import { loadStores } from '../../daemon/store/databases.ts';
import { startDaemon } from '../fixtures/daemon.ts';
import { MYSQL, startMariaDb } from '../fixtures/mariadb.ts';
import { startPostgres } from '../fixtures/postgres.ts';
import { encodePbkdf2 } from '../fixtures/site.ts';
import { openDatabase } from '../fixtures/sqlite.ts';

/** A database in which to create tables of any shape. */
interface Place {
  readonly url: string;
  readonly quote: '"' | '`';
  readonly uuid: string;
  /** A schema other than the default one. */
  readonly schema: string;
  run(sql: string): unknown;
}

const places: Record<string, (t: Test) => Promise<Place>> = {
  async SQLite(t) {
    const directory = mkdtempSync(join(tmpdir(), 'djauthd-u-'));
    const path = join(directory, 'site.sqlite3');
    const database = openDatabase(path);
    t.teardown(() => {
      database.close();
      rmSync(directory, { recursive: true });
    });
    const run = (sql: string) => database.exec(sql);
    return { url: `sqlite://${path}`, quote: '"', uuid: 'char(32)', schema: 'main', run };
  },

  async PostgreSQL(t) {
    const postgres = await startPostgres();
    t.teardown(() => postgres.stop());
    const url = await postgres.createDatabase('site');
    const run = (sql: string) => postgres.execute('site', sql);
    await run('CREATE SCHEMA "Other"');
    return { url, quote: '"', uuid: 'uuid', schema: 'Other', run };
  },

  async MariaDB(t) {
    const mariadb = await startMariaDb();
    t.teardown(() => mariadb.stop());
    const url = await mariadb.createDatabase('site');
    await mariadb.createDatabase('Other');
    const run = (sql: string) => mariadb.execute('site', sql);
    return { url, quote: '`', uuid: MYSQL ? 'char(32)' : 'uuid', schema: 'Other', run };
  },
};

const HASH = encodePbkdf2('secret', { iterations: 10 });

/** Two ids that a floating-point number cannot tell apart. */
const [BIG, BIGGER] = ['9007199254740992', '9007199254740993'];

for (const [kind, start] of Object.entries(places)) {
  t.test(kind, async (t) => {
    const place = await start(t);
    const { quote, run } = place;
    /** Runs a statement in which names are in brackets. */
    const make = (sql: string) => run(sql.replace(/\[([^\]]+)\]/g, `${quote}$1${quote}`));

    /** A client of a daemon for the database, with these lines of the site's schema. */
    const serve = async (t: Test, schema: string) => {
      const config = `[sites.site]\ndatabase = "${place.url}"\n${schema}\n[cache]\naccount_ttl = 0`;
      const daemon = await startDaemon({ config });
      t.teardown(() => daemon.stop());
      return daemon.connect();
    };

    /** A user model with the columns id, name, hash and on. */
    const userOf = (table: string, keys = '') =>
      `${keys}\n[sites.site.schema.user]\ntable = "${table}"\nid = "id"\nusername = "name"\npassword = "hash"\nactive = "on"`;

    /** The store that the daemon opens for these lines. */
    const openStore = async (t: Test, schema: string) => {
      const { site } = parseConfig(
        `listen.socket = "/s"\n[sites.site]\ndatabase = "${place.url}"\n${schema}`,
        'test',
      ).sites;
      if (site === undefined) throw new Error('no site');
      const options = { schema: site.schema, timeoutMs: 2_000, connections: 1, onTrouble: () => {} };
      const store = (await loadStores([place.url]))(place.url, options);
      t.teardown(() => store.close());
      return store;
    };

    await t.test('tables with unusual names', async (t) => {
      const { schema } = place;
      const tables: [made: string, said: string][] = [
        ['[Order]', 'Order'],
        ['[site.people]', 'site.people'],
        ['[a b-c]', 'a b-c'],
        ["[Käse's]", "Käse's"],
        [`[${schema}].[People]`, `${schema}${quote}.${quote}People`],
        [`[${schema}].[of.two]`, `${quote}${schema}${quote}.${quote}of.two${quote}`],
      ];
      const sites = tables.map(([, table], number) => {
        const said = table.includes("'") ? `''${table}''` : table;
        return `
          [sites.s${number}]
          database = "${place.url}"
          schema.user = { table = '${said}', id = "pk", username = "Na me", password = "pass.word", active = false }`;
      });
      const daemon = await startDaemon({ config: `${sites.join('')}\n[cache]\naccount_ttl = 0` });
      t.teardown(() => daemon.stop());
      const client = await daemon.connect();
      for (const [number, [made, said]] of tables.entries()) {
        await make(`CREATE TABLE ${made} ([pk] integer, [Na me] varchar(30), [pass.word] varchar(128))`);
        await make(`INSERT INTO ${made} VALUES (7, 'alice', '${HASH}')`);
        const site = `s${number}`;
        const { status, content } = await client.check('alice', 'secret', { site, want: ['permissions'] });
        t.equal(status, 0, said);
        t.same(content.account, {
          ...{ id: '7', username: 'alice', email: '', first_name: '', last_name: '', staff: false, superuser: false },
          ...{ groups: [], permissions: [] },
        });
        t.equal((await client.check('alice', 'wrong', { site })).status, 1);
        t.equal((await client.check('bob', 'secret', { site })).status, 2);
        for (const require of [{ staff: true }, { superuser: true }, { groups: ['a'] }, { permissions: ['a.b'] }]) {
          for (const [name, password] of [
            ['alice', 'secret'],
            ['alice', 'wrong'],
            ['bob', 'secret'],
          ] as const) {
            const { status, content } = await client.check(name, password, { site, require });
            t.equal(status, 4, `the model lacks what is required: ${JSON.stringify(require)}`);
            t.match(content.reason, /the user model of site "s\d" has no /);
          }
        }
      }
    });

    await t.test('every table renamed, keys beyond 2^53', async (t) => {
      await make('CREATE TABLE [Konto] ([Nr] bigint, [Name] varchar(30), [Hash] varchar(128), [An] boolean)');
      await make('CREATE TABLE [Konto Rolle] ([Konto] bigint, [Rolle] bigint)');
      await make('CREATE TABLE [Konto Recht] ([Konto] bigint, [Recht] bigint)');
      await make('CREATE TABLE [Rolle] ([Nr] bigint, [Titel] varchar(30))');
      await make('CREATE TABLE [Rolle Recht] ([Rolle] bigint, [Recht] bigint)');
      await make('CREATE TABLE [Recht] ([Nr] bigint, [Art] bigint, [Wort] varchar(30))');
      await make('CREATE TABLE [Art] ([Nr] bigint, [App] varchar(30))');
      await make(`INSERT INTO [Konto] VALUES (${BIG}, 'alice', '${HASH}', true), (${BIGGER}, 'bob', '${HASH}', true)`);
      await make(`INSERT INTO [Rolle] VALUES (${BIG}, 'Rolle A'), (${BIGGER}, 'Rolle B')`);
      await make(`INSERT INTO [Art] VALUES (${BIG}, 'a'), (${BIGGER}, 'b')`);
      await make(`INSERT INTO [Recht] VALUES (${BIG}, ${BIG}, 'read'), (${BIGGER}, ${BIGGER}, 'write')`);
      await make(`INSERT INTO [Konto Rolle] VALUES (${BIGGER}, ${BIGGER})`);
      await make(`INSERT INTO [Rolle Recht] VALUES (${BIGGER}, ${BIGGER})`);
      await make(`INSERT INTO [Konto Recht] VALUES (${BIG}, ${BIG})`);
      const schema = `[sites.site.schema]
        user = { table = "Konto", id = "Nr", username = "Name", password = "Hash", active = "An" }
        user_groups = { table = "Konto Rolle", user = "Konto", group = "Rolle" }
        user_permissions = { table = "Konto Recht", user = "Konto", permission = "Recht" }
        group = { table = "Rolle", id = "Nr", name = "Titel" }
        group_permissions = { table = "Rolle Recht", group = "Rolle", permission = "Recht" }
        permission = { table = "Recht", id = "Nr", codename = "Wort", content_type = "Art" }
        content_type = { table = "Art", id = "Nr", app_label = "App" }`;
      const client = await serve(t, schema);
      const account = async (name: string) =>
        (await client.check(name, 'secret', { want: ['permissions'] })).content.account;
      t.match(await account('alice'), { id: BIG, groups: [], permissions: ['a.read'] });
      t.match(await account('bob'), { id: BIGGER, groups: ['Rolle B'], permissions: ['b.write'] });

      const store = await openStore(t, schema);
      t.match(await store.accountById(BIG), { id: BIG, username: 'alice', permissions: new Set(['a.read']) });
      t.match(await store.accountById(BIGGER), { id: BIGGER, username: 'bob', groups: ['Rolle B'] });
      for (const id of ['9007199254740994', '0', `0${BIG}`, ` ${BIG}`]) {
        t.equal(await store.accountById(id), null, `no account has the key "${id}"`);
      }

      const may = async (name: string, right: string) =>
        (await client.authorize(name, { require: { permissions: [right] } })).status;
      t.same([await may('alice', 'a.read'), await may('alice', 'b.write')], [0, 1]);
      t.same([await may('bob', 'a.read'), await may('bob', 'b.write')], [1, 0]);

      await make(`INSERT INTO [Konto] VALUES (5, 'twin', '${HASH}', true), (6, 'twin', '${HASH}', true)`);
      t.match(await client.check('twin', 'secret'), { status: 4, content: { reason: /more than one account/ } });
    });

    await t.test('tables of three generations, a UUID', async (t) => {
      const uuid = '123e4567e89b12d3a456426614174000';
      const stored = place.uuid === 'uuid' ? uuid.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-') : uuid;
      await make(`CREATE TABLE [person] ([key] ${place.uuid}, [name] varchar(30), [mail] varchar(30))`);
      await make(`CREATE TABLE [staff] ([own] integer, [person_ptr] ${place.uuid}, [works] boolean)`);
      await make('CREATE TABLE [chief] ([staff_ptr] integer, [hash] varchar(128), [rules] boolean)');
      await make(`CREATE TABLE [chief_groups] ([person] ${place.uuid}, [group_id] integer)`);
      await make('CREATE TABLE [auth_group] ([id] integer, [name] varchar(80))');
      await make('CREATE TABLE [auth_group_permissions] ([group_id] integer, [permission_id] integer)');
      await make('CREATE TABLE [auth_permission] ([id] integer, [codename] varchar(80), [content_type_id] integer)');
      await make('CREATE TABLE [django_content_type] ([id] integer, [app_label] varchar(80))');
      await make(
        `INSERT INTO [person] VALUES ('${stored}', 'alice', 'a@b'), ('${stored.replace(/0$/, '1')}', 'bob', '')`,
      );
      await make(`INSERT INTO [staff] VALUES (3, '${stored}', true)`);
      await make(`INSERT INTO [chief] VALUES (3, '${HASH}', true)`);
      await make(`INSERT INTO [chief_groups] VALUES ('${stored}', 4)`);
      await make("INSERT INTO [auth_group] VALUES (4, 'Chiefs')");
      const schema = `[sites.site.schema]
        user_groups = { table = "chief_groups", user = "person", group = "group_id" }
        [sites.site.schema.user]
        table = "chief"
        id = "person.key"
        username = "person.name"
        password = "hash"
        email = "person.mail"
        active = "staff.works"
        staff = "staff.works"
        superuser = "rules"
        parents = [
          { table = "staff", id = "own", link = "staff_ptr" },
          { table = "person", id = "key", link = "staff.person_ptr" },
        ]`;
      const client = await serve(t, schema);
      const require = { staff: true, superuser: true, groups: ['Chiefs'] };
      t.match(await client.check('alice', 'secret', { require }), {
        status: 0,
        content: { account: { id: stored, username: 'alice', email: 'a@b', groups: ['Chiefs'] } },
      });
      t.equal((await client.check('bob', 'secret')).status, 2, 'a row in a parent table alone is no account');
      const store = await openStore(t, schema);
      t.match(await store.accountById(stored), { id: stored, username: 'alice', groups: ['Chiefs'] });
      t.equal(await store.accountById(stored.replace(/0$/, '1')), null);
    });

    await t.test('flags with values that Django never writes', async (t) => {
      await make('CREATE TABLE [flags] ([id] integer, [name] varchar(30), [hash] varchar(128), [on] smallint)');
      const values = { '1': 0, '0': 1, '2': 1, '-1': 1, NULL: 1, '256': 1, '257': 1 };
      for (const [value] of Object.entries(values)) {
        await make(`INSERT INTO [flags] VALUES (1, 'f${value}', '${HASH}', ${value})`);
      }
      const client = await serve(
        t,
        '[sites.site.schema.user]\ntable = "flags"\nid = "id"\nusername = "name"\npassword = "hash"\nactive = "on"\n' +
          'staff = "on"\nsuperuser = "on"',
      );
      for (const [value, status] of Object.entries(values)) {
        t.equal((await client.check(`f${value}`, 'secret')).status, status, `is_active = ${value}`);
      }
    });

    await t.test('flags in other types', async (t) => {
      const types: Record<string, [type: string, on: string, off: string][]> = {
        SQLite: [['char(1)', "'t'", "'f'"]],
        PostgreSQL: [
          ['char(1)', "'t'", "'f'"],
          ['bit(1)', "B'1'", "B'0'"],
          ['char(1)', "'1'", "'0'"],
        ],
        MariaDB: [
          ['char(1)', "'1'", "'0'"],
          ['bit(1)', "b'1'", "b'0'"],
          ['bit(12)', "b'1'", "b'100000000'"],
        ],
      };
      for (const [number, [type, on, off]] of (types[kind] ?? []).entries()) {
        await make(
          `CREATE TABLE [typed${number}] ([id] integer, [name] varchar(30), [hash] varchar(128), [on] ${type})`,
        );
        await make(`INSERT INTO [typed${number}] VALUES (1, 'on', '${HASH}', ${on}), (2, 'off', '${HASH}', ${off})`);
        const client = await serve(t, userOf(`typed${number}`));
        t.equal((await client.check('on', 'secret')).status, 0, `${on} in ${type}`);
        t.equal((await client.check('off', 'secret')).status, 1, `${off} in ${type}`);
      }
    });

    await t.test('usernames that are numbers', async (t) => {
      await make('CREATE TABLE [numbers] ([id] integer, [name] bigint, [hash] varchar(128), [on] smallint)');
      await make(
        `INSERT INTO [numbers] VALUES (1, 7, '${HASH}', 1), (2, 0, '${HASH}', 1), (3, ${BIGGER}, '${HASH}', 1)`,
      );
      for (const match of ['exact', 'integer']) {
        const client = await serve(t, userOf('numbers', `username_match = "${match}"`));
        const named = async (name: string) => {
          const { status, content } = await client.check(name, 'secret');
          return status === 0 ? content.account.username : status;
        };
        for (const name of ['7', '07', ' 7', '7 ', '+7', '007']) t.equal(await named(name), '7', `${match}: "${name}"`);
        for (const name of ['0', '-0']) t.equal(await named(name), '0', `${match}: ${name}`);
        t.equal(await named(BIGGER), BIGGER);
        // What int() of Python rejects, and what no account has.
        for (const name of [
          '7.0',
          '7e0',
          '0x7',
          '0b111',
          '0o7',
          '7x',
          '7,',
          '--7',
          '- 7',
          '',
          ' ',
          'x',
          '8',
          BIG,
          '\u{1F511}',
          "7' OR '1'='1",
        ]) {
          t.equal(await named(name), 2, `${match}: "${name}"`);
        }
        for (const name of ['9223372036854775807', '9223372036854775808', '-9223372036854775809', '1'.repeat(100)]) {
          t.equal(await named(name), 2, `${match}: ${name}`);
        }
        if (match === 'integer')
          for (const name of ['\u0667', '0_7', '\u3000\uff17']) t.equal(await named(name), '7', name);
      }
    });

    await t.test('usernames that are UUIDs', async (t) => {
      const uuid = '123e4567e89b12d3a456426614174000';
      const dashed = uuid.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
      const isNative = place.uuid === 'uuid';
      await make(`CREATE TABLE [uuids] ([id] integer, [name] ${place.uuid}, [hash] varchar(128), [on] smallint)`);
      await make(`INSERT INTO [uuids] VALUES (1, '${isNative ? dashed : uuid}', '${HASH}', 1)`);
      const client = await serve(t, userOf('uuids', 'username_match = "uuid"'));
      for (const name of [
        uuid,
        dashed,
        dashed.toUpperCase(),
        `{${dashed}}`,
        `urn:uuid:${dashed}`,
        uuid.replace('e', '-e'),
      ]) {
        t.equal((await client.check(name, 'secret')).status, 0, name);
      }
      for (const name of [
        '',
        'alice',
        `${uuid}0`,
        uuid.slice(1),
        dashed.replace('1', '2'),
        ` ${dashed}`,
        `${uuid.slice(1)}g`,
      ]) {
        t.equal((await client.check(name, 'secret')).status, 2, `"${name}"`);
      }
      const exact = await serve(t, userOf('uuids'));
      t.equal((await exact.check(isNative ? dashed : uuid, 'secret')).status, 0);
      t.equal((await exact.check('alice', 'secret')).status, 2);
    });

    await t.test('missing tables and columns', async (t) => {
      for (const [table, id] of [
        ['no such', 'id'],
        ['flags', 'no_such'],
      ]) {
        const client = await serve(
          t,
          `[sites.site.schema.user]\ntable = "${table}"\nid = "${id}"\nusername = "name"\npassword = "hash"\nactive = false`,
        );
        t.equal((await client.check('f1', 'secret')).status, 4, `${table}.${id} is a fault, not an unknown user`);
      }
    });
  });
}
