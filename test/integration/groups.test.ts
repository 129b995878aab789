import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { connect } from '../fixtures/client.ts';
import { startDaemon } from '../fixtures/daemon.ts';
import { allGroups } from '../fixtures/groups.ts';
import { startMariaDb } from '../fixtures/mariadb.ts';
import { startPostgres } from '../fixtures/postgres.ts';
import { openDatabase } from '../fixtures/sqlite.ts';
import { createWorld } from '../fixtures/world.ts';

interface Place {
  readonly url: string;
  run(sql: string): unknown;
}

const places: Record<string, (t: Test) => Promise<Place>> = {
  async SQLite(t) {
    const directory = mkdtempSync(join(tmpdir(), 'djauthd-g-'));
    const path = join(directory, 'site.sqlite3');
    const database = openDatabase(path);
    t.teardown(() => {
      database.close();
      rmSync(directory, { recursive: true });
    });
    return { url: `sqlite://${path}`, run: (sql) => database.exec(sql) };
  },
  async PostgreSQL(t) {
    const postgres = await startPostgres();
    t.teardown(() => postgres.stop());
    return { url: await postgres.createDatabase('site'), run: (sql) => postgres.execute('site', sql) };
  },
  async MariaDB(t) {
    const mariadb = await startMariaDb();
    t.teardown(() => mariadb.stop());
    return { url: await mariadb.createDatabase('site'), run: (sql) => mariadb.execute('site', sql) };
  },
};

/** Keys of users: numbers that differ by less than floating-point numbers can show, and text made of digits. */
const KEYS: Record<string, { type: string; key(number: number): string }> = {
  'numbers beyond 2^53': { type: 'bigint', key: (number) => `${2n ** 53n + BigInt(number)}` },
  'text of digits': { type: 'varchar(20)', key: (number) => `${number % 2 ? '0' : ''}${number}` },
};

const MEMBERS = 4500;

for (const [kind, start] of Object.entries(places)) {
  t.test(kind, async (t) => {
    const { url, run } = await start(t);
    // SQLite checks the tables of a statement when it is prepared.
    await run('CREATE TABLE auth_group_permissions (group_id bigint, permission_id bigint)');
    await run('CREATE TABLE auth_permission (id bigint, content_type_id bigint, codename varchar(100))');
    await run('CREATE TABLE django_content_type (id bigint, app_label varchar(100))');
    for (const [number, [about, { type, key }]] of Object.entries(KEYS).entries()) {
      const quoted = (of: number) => (type === 'bigint' ? key(of) : `'${key(of)}'`);
      const table = (name: string) => `${name}${number}`;
      const all = Array.from({ length: MEMBERS }, (_, at) => at);
      await run(`CREATE TABLE ${table('person')} (nr ${type} PRIMARY KEY, called varchar(30), works boolean)`);
      await run(`CREATE TABLE ${table('team')} (nr bigint PRIMARY KEY, called varchar(30))`);
      await run(`CREATE TABLE ${table('member')} (who ${type}, team bigint)`);
      for (let from = 0; from < MEMBERS; from += 500) {
        const some = all.slice(from, from + 500);
        await run(
          `INSERT INTO ${table('person')} VALUES ${some.map((of) => `(${quoted(of)}, 'p${of}', ${of % 5 > 0})`)}`,
        );
        await run(`INSERT INTO ${table('member')} VALUES ${some.map((of) => `(${quoted(of)}, 9007199254740993)`)}`);
      }
      await run(
        `INSERT INTO ${table('team')} VALUES (9007199254740992, 'empty'), (9007199254740993, 'all'), (9007199254740994, 'few')`,
      );
      await run(
        `INSERT INTO ${table('member')} VALUES (${quoted(1)}, 9007199254740994), (${quoted(MEMBERS + 7)}, 9007199254740994)`,
      );
      const config = `
        [sites.site]
        database = "${url}"
        [sites.site.schema]
        user = { table = "${table('person')}", id = "nr", username = "called", password = "called", active = "works" }
        user_groups = { table = "${table('member')}", user = "who", group = "team" }
        group = { table = "${table('team')}", id = "nr", name = "called" }`;
      const daemon = await startDaemon({ config });
      const control = await connect(daemon.control);
      const end = async () => {
        control.close();
        await daemon.stop();
      };
      t.teardown(end);
      const { groups, pages } = await allGroups(control);
      t.ok(pages >= 3, `${about}: ${pages} pages`);
      t.same(Object.keys(groups).sort(), ['all', 'empty', 'few']);
      t.same(groups.empty, []);
      t.same(groups.few, ['p1'], 'a membership without a user is omitted');
      const active = all.filter((of) => of % 5 > 0).map((of) => `p${of}`);
      t.same(groups.all?.sort(), active.sort(), 'each active member once, over all pages');
      const odd = await control.ask('groups', { after: JSON.stringify([`x' OR '1'='1`, 'y']) });
      t.equal(odd.status, kind === 'PostgreSQL' ? 4 : 0, 'a cursor that is no key is compared, never written into SQL');
      await end();
    }
  });
}

t.test('changes between two pages do not shift the others', async (t) => {
  const people = Array.from({ length: 2500 }, (_, at) => ({ username: `p${at}`, groups: ['g'] }));
  const { daemon, site } = await createWorld(t, people);
  const control = await connect(daemon.control);
  t.teardown(() => control.close());
  const first = (await control.ask('groups')).content;
  t.equal(first.groups[0][1].length, 2000);
  site.database.exec('DELETE FROM auth_user_groups WHERE user_id < 100');
  site.add({ username: 'new', groups: ['g', 'h'] });
  const second = (await control.ask('groups', { after: first.next })).content;
  t.equal(second.groups[0][1][0], 'p2000', 'the second page begins where the first one ended');
  t.same(second.groups[0][1].slice(-2), ['p2499', 'new']);
  t.same(second.groups[1], ['h', ['new']]);
  t.equal(second.next, undefined);

  const long = Array.from({ length: 1000 }, (_, at) => ({ username: `${at}`.padEnd(1024, 'x'), groups: ['long'] }));
  for (const person of long) site.add(person);
  site.add({ username: 'y'.repeat(1025), groups: ['long'] });
  const { groups, pages } = await allGroups(control);
  t.same(
    groups.long?.sort(),
    long.map(({ username }) => username).sort(),
    'the longest names, as many as a frame takes',
  );
  t.ok(pages > 15, `${pages} pages`);

  for (const after of ['', 'x', '[]', '["1"]', '[1,2]', '["1",2]', '{}', '["1","2","3"]']) {
    const asked = await connect(daemon.control);
    t.match(
      await asked.ask('groups', { after }),
      { status: 5, content: { reason: /is not the "next" of a reply/ } },
      after,
    );
    asked.close();
  }
  const other = await daemon.connect();
  t.match(await other.ask('groups'), { status: 5, content: { reason: /belongs to the control socket/ } });
});
