import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import t from 'tap';
import { driver } from '../../daemon/store/sqlite/drivers.ts';
import { PROGRAM } from '../fixtures/daemon.ts';

t.test('a missing driver is reported at start, and only for a site that needs it', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'djauthd-d-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  // The build alone, without packages.
  cpSync(dirname(PROGRAM), join(directory, 'build'), {
    recursive: true,
    filter: (path) => !/\/build\/test/.test(path),
  });
  const run = (database: string, ...command: string[]) => {
    const file = join(directory, 'djauthd.toml');
    writeFileSync(file, `[listen]\nsocket = "${directory}/s"\n[sites.site]\ndatabase = "${database}"\n`);
    return spawnSync(join(directory, 'build/djauthd'), [...command, '--config', file], { encoding: 'utf8' });
  };
  const examined = run(`sqlite://${directory}/db.sqlite3`, 'doctor');
  t.equal(examined.status, 1);
  if (driver.name === 'node:sqlite') {
    t.match(examined.stdout, /cannot read \S+db\.sqlite3: no such file/, 'this Node.js needs no package for SQLite');
  } else {
    const reason = /cannot load the driver for sqlite databases: Cannot find module 'better-sqlite3'/;
    t.match(examined.stderr, reason);
    const served = run(`sqlite://${directory}/db.sqlite3`, 'serve');
    t.equal(served.status, 1);
    t.match(served.stderr, reason);
  }

  const other = run(`postgres:///none?host=${directory}`, 'doctor');
  t.match(other.stdout, /cannot connect to the database: connect ENOENT/);
});
