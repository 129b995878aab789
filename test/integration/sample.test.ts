import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { loadStores } from '../../daemon/store/databases.ts';
import { STOCK } from '../../daemon/store/schema.ts';
import type { Store } from '../../daemon/store/store.ts';
import { startMariaDb } from '../fixtures/mariadb.ts';
import { startPostgres } from '../fixtures/postgres.ts';
import { openDatabase } from '../fixtures/sqlite.ts';

interface Place {
  readonly url: string;
  /** The type of a UUIDField. */
  readonly uuid: string;
  run(sql: string): unknown;
}

const databases: Record<string, (t: Test) => Promise<Place>> = {
  async SQLite(t) {
    const directory = mkdtempSync(join(tmpdir(), 'djauthd-s-'));
    const path = join(directory, 'site.sqlite3');
    const database = openDatabase(path);
    t.teardown(() => {
      database.close();
      rmSync(directory, { recursive: true });
    });
    return { url: `sqlite://${path}`, uuid: 'char(32)', run: (sql) => database.exec(sql) };
  },
  async PostgreSQL(t) {
    const postgres = await startPostgres();
    t.teardown(() => postgres.stop());
    const url = await postgres.createDatabase('site');
    return { url, uuid: 'uuid', run: (sql) => postgres.execute('site', sql) };
  },
  async MariaDB(t) {
    const mariadb = await startMariaDb();
    t.teardown(() => mariadb.stop());
    const url = await mariadb.createDatabase('site');
    return { url, uuid: 'char(32)', run: (sql) => mariadb.execute('site', sql) };
  },
};

const ROWS = 3_000;
const FEW = 100;
const LIMIT = 512;

const digest = (number: number) => createHash('md5').update(`${number}`).digest('hex');

/** Kinds of primary keys, each as a literal. */
const KEYS: Record<string, { type: string; key(number: number): string; isEven: boolean }> = {
  numbers: { type: 'bigint', key: (number) => `${number + 1}`, isEven: true },
  'numbers beyond 2^53': {
    type: 'bigint',
    key: (number) => `${2n ** 53n + BigInt(number) * 12_345_678_901n}`,
    isEven: true,
  },
  'numbers, one of them far away': {
    type: 'bigint',
    key: (number) => `${number === 7 ? 2n ** 60n : BigInt(number)}`,
    isEven: false,
  },
  UUIDs: { type: 'uuid', key: (number) => `'${digest(number)}'`, isEven: true },
  texts: {
    type: 'varchar(40)',
    key: (number) => `'x-${digest(number).replace(/\d/g, (digit) => 'ghjkmnpqrs'[Number(digit)] as string)}'`,
    isEven: false,
  },
  'texts with signs': { type: 'varchar(40)', key: (number) => `'o''${number} "%\\é'`, isEven: false },
};

for (const [kind, start] of Object.entries(databases)) {
  t.test(`${kind}: a sample is spread over the table, and samples together leave nobody out`, async (t) => {
    const { url, uuid, run } = await start(t);
    // SQLite checks the tables of a statement when it is prepared.
    for (const [name, columns] of Object.entries({
      auth_user_groups: 'user_id bigint, group_id bigint',
      auth_user_user_permissions: 'user_id bigint, permission_id bigint',
      auth_group: 'id bigint, name varchar(150)',
      auth_group_permissions: 'group_id bigint, permission_id bigint',
      auth_permission: 'id bigint, content_type_id bigint, codename varchar(100)',
      django_content_type: 'id bigint, app_label varchar(100)',
    })) {
      await run(`CREATE TABLE ${name} (${columns})`);
    }
    for (const [number, [about, { type, key, isEven }]] of Object.entries(KEYS).entries()) {
      const make = async (name: string, rows: number): Promise<Store> => {
        const table = `${name}${number}`;
        await run(
          `CREATE TABLE ${table} (nr ${type === 'uuid' ? uuid : type} PRIMARY KEY, called varchar(30), secret varchar(20), is_active boolean, is_staff boolean, is_superuser boolean, email varchar(9), first_name varchar(9), last_name varchar(9))`,
        );
        for (let from = 0; from < rows; from += 500) {
          const some = Array.from({ length: Math.min(500, rows - from) }, (_, at) => from + at);
          // MariaDB reads a backslash as a sign of its own.
          const literal = (of: number) => (kind === 'MariaDB' ? key(of).replaceAll('\\', '\\\\') : key(of));
          const values = some.map((of) => `(${literal(of)}, 'p${of}', 'hash ${of}')`);
          if (values.length > 0) await run(`INSERT INTO ${table} (nr, called, secret) VALUES ${values}`);
        }
        const user = { ...STOCK.user, table, id: 'nr', username: 'called', password: 'secret' };
        const schema = { ...STOCK, user };
        const open = await loadStores([url]);
        const store = open(url, { schema, timeoutMs: 10_000, connections: 1, onTrouble: (message) => t.fail(message) });
        t.teardown(() => store.close());
        return store;
      };
      const numberOf = (encoded: string) => Number(encoded.slice('hash '.length));

      const store = await make('person', ROWS);
      const seen = new Set<number>();
      let samples = 0;
      let last: string | undefined;
      do {
        const sample = await store.sample(LIMIT, last);
        last = sample.last;
        samples++;
        for (const each of sample.encoded) seen.add(numberOf(each));
        if (sample.encoded.length > LIMIT) t.fail(`${about}: ${sample.encoded.length} of ${LIMIT}`);
        if (samples === 1) {
          const order = [...Array(ROWS).keys()].sort((a, b) => (digest(a) < digest(b) ? -1 : 1));
          const ranks = new Map(about === 'UUIDs' ? order.map((of, rank) => [of, rank]) : []);
          const tenths = new Set(
            sample.encoded.map((each) => Math.floor((10 * (ranks.get(numberOf(each)) ?? numberOf(each))) / ROWS)),
          );
          if (isEven) t.equal(tenths.size, 10, `${about}: some of each tenth`);
          if (isEven) t.ok(sample.encoded.length > 0.8 * LIMIT, `${about}: ${sample.encoded.length} at once`);
        }
      } while (last !== undefined && samples < 100);
      t.equal(samples, Math.floor(ROWS / (LIMIT / 2)) + 1, `${about}: samples`);
      t.equal(seen.size, ROWS, `${about}: everybody`);

      const few = await (await make('few', FEW)).sample(LIMIT);
      const counts = new Map<number, number>();
      for (const each of few.encoded) counts.set(numberOf(each), (counts.get(numberOf(each)) ?? 0) + 1);
      t.equal(counts.size, FEW, `${about}: all of few`);
      t.equal(few.last, undefined);
      if (isEven && about !== 'UUIDs') t.same(new Set(counts.values()), new Set([2]), `${about}: each as often`);

      t.same(await (await make('nobody', 0)).sample(LIMIT), { encoded: [], last: undefined }, `${about}: nobody`);
    }
  });
}
