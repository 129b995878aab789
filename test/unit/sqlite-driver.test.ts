import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { Connection } from '../../daemon/store/sqlite/driver.ts';
import { codeOf } from '../../daemon/store/sqlite/driver-node.ts';
import { driver } from '../../daemon/store/sqlite/drivers.ts';
import { openDatabase } from '../fixtures/sqlite.ts';

// The driver of the Node.js that runs the tests: node:sqlite from version 24 on, better-sqlite3 before. Both pass.
const directory = mkdtempSync(join(tmpdir(), 'djauthd-driver-'));
t.teardown(() => rmSync(directory, { recursive: true, force: true }));
const path = join(directory, 'db.sqlite3');
const writer = openDatabase(path);
writer.exec(`CREATE TABLE t (n, s); INSERT INTO t VALUES (9007199254740993, 'é'), (2, CAST(x'61ff62' AS TEXT))`);
const reader = driver.open(path, { readonly: true, timeout: 1 });

t.test('rows', (t) => {
  const big = reader.prepare<[number], { n: bigint }>('SELECT n FROM t WHERE n > ?').safeIntegers();
  t.equal(big.get(3)?.n, 9007199254740993n, 'an integer beyond 2^53 is exact');
  const rounded = reader.prepare<[], { n: number }>('SELECT n FROM t');
  t.same(
    rounded.all().map(({ n }) => n),
    [2 ** 53, 2],
    'or is rounded',
  );
  t.same([...reader.prepare('SELECT s FROM t').pluck().iterate()], ['é', 'a\ufffdb'], 'octets that are not UTF-8');
  t.equal(reader.prepare('SELECT s FROM t WHERE n = 3').pluck().get(), undefined);
  t.same(reader.prepare('SELECT s FROM t WHERE n = 3').all(), []);
  t.equal(reader.prepare<[string], string>("SELECT ? || '.'").pluck().get('a\0b'), 'a\0b.', 'NUL');
  t.equal(reader.pragma('journal_mode', { simple: true }), 'delete');
  t.end();
});

t.test('errors have the names of SQLite', (t) => {
  const code = (act: () => unknown): string | undefined => {
    try {
      act();
    } catch (error) {
      return driver.codeOf(error);
    }
    return 'no error';
  };
  const open = (name: string): Connection => driver.open(join(directory, name), { readonly: true, timeout: 1 });
  t.equal(
    code(() => open('none').prepare('SELECT 1')),
    'SQLITE_CANTOPEN',
  );
  writeFileSync(join(directory, 'text'), 'no database '.repeat(100));
  t.equal(
    code(() => open('text').prepare('SELECT * FROM t').all()),
    'SQLITE_NOTADB',
  );
  t.equal(
    code(() => reader.exec('DELETE FROM t')),
    'SQLITE_READONLY',
  );
  t.equal(
    code(() => reader.prepare('SELECT * FROM none')),
    'SQLITE_ERROR',
  );
  writer.exec('BEGIN EXCLUSIVE');
  t.equal(
    code(() => reader.prepare('SELECT * FROM t').all()),
    'SQLITE_BUSY',
  );
  writer.exec('COMMIT');
  t.equal(
    code(() => {
      throw new TypeError('another kind');
    }),
    undefined,
  );
  t.end();
});

t.test('node:sqlite gives numbers', (t) => {
  const error = (errcode: unknown) => codeOf(Object.assign(new Error('x'), { code: 'ERR_SQLITE_ERROR', errcode }));
  t.same([5, 517, 261, 6, 8, 776, 1288, 1544, 10, 266, 14, 26].map(error), [
    ...['SQLITE_BUSY', 'SQLITE_BUSY_SNAPSHOT', 'SQLITE_BUSY_RECOVERY', 'SQLITE_LOCKED', 'SQLITE_READONLY'],
    ...['SQLITE_READONLY_ROLLBACK', 'SQLITE_READONLY_CANTINIT', 'SQLITE_READONLY_DIRECTORY', 'SQLITE_IOERR'],
    ...['SQLITE_IOERR', 'SQLITE_CANTOPEN', 'SQLITE_NOTADB'],
  ]);
  t.equal(error('5'), undefined);
  t.equal(codeOf(new Error('x')), undefined);
  t.end();
});

t.test('a connection can be closed twice', (t) => {
  for (const connection of [reader, writer]) {
    connection.close();
    t.doesNotThrow(() => connection.close());
  }
  t.throws(() => reader.prepare('SELECT 1'));
  t.end();
});
