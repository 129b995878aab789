import { execFileSync, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { connect } from '../fixtures/client.ts';
import { PROGRAM, startDaemon } from '../fixtures/daemon.ts';
import { createSite, type Person, type Site } from '../fixtures/site.ts';
import { openDatabase } from '../fixtures/sqlite.ts';
import { createWorld } from '../fixtures/world.ts';

const PEOPLE: Person[] = [
  { username: 'alice', password: 'before' },
  ...Array.from({ length: 300 }, (_, number) => ({
    username: `user ${number}`,
    password: 'x',
    email: 'x'.repeat(200),
  })),
];

/** Every check reads the database. */
const NO_CACHE = '[cache]\naccount_ttl = 0';

/** Octets 24 to 27: what SQLite compares to find out whether the file was written. */
const counterOf = (path: string) => readFileSync(path).readUInt32BE(24);

/** Copies the octets into the existing file, as `cp` does. */
const copyOver = (from: string, to: string) => execFileSync('cp', [from, to]);

/** A copy of the site's database with another password and the same change counter. */
function otherCopy(site: Site, path: string, password: string): void {
  site.database.pragma('wal_checkpoint(TRUNCATE)');
  copyFileSync(site.path, path);
  const counter = counterOf(path);
  const copy = openDatabase(path);
  copy.pragma('journal_mode = DELETE');
  copy.close();
  const other = createSite(`${path}.site`, [{ username: 'alice', password }]);
  const { password: encoded } = other.database.prepare('select password from auth_user').get() as { password: string };
  other.close();
  const changed = openDatabase(path);
  changed.prepare("update auth_user set password = ? where username = 'alice'").run(encoded);
  if (site.database.pragma('journal_mode', { simple: true }) === 'wal') changed.pragma('journal_mode = WAL');
  changed.close();
  const octets = readFileSync(path);
  octets.writeUInt32BE(counter, 24);
  octets.writeUInt32BE(counter, 92); // the counter for which the size in the header is valid
  writeFileSync(path, octets);
}

for (const wal of [false, true]) {
  t.test(
    `a database in ${wal ? 'WAL' : 'rollback journal'} mode that is copied over while the daemon serves`,
    async (t) => {
      const { client, site, directory, daemon } = await createWorld(t, PEOPLE, { wal, config: NO_CACHE });
      const control = await connect(daemon.control);
      t.teardown(() => control.close());
      const backup = join(directory, 'backup');
      const replacement = join(directory, 'replacement');
      const accepted = async () => {
        const granted: string[] = [];
        for (const password of ['before', 'after']) {
          const { status } = await client.check('alice', password);
          if (status === 0) granted.push(password);
          else if (status !== 1) granted.push(`status ${status}`);
        }
        return granted.join();
      };
      otherCopy(site, replacement, 'after');
      copyFileSync(site.path, backup);
      t.equal(counterOf(replacement), counterOf(site.path), 'the change counter does not tell them apart');
      t.equal(statSync(replacement).size, statSync(site.path).size, 'nor does the size');
      const { ino } = statSync(site.path);
      t.equal(await accepted(), 'before');

      copyOver(replacement, site.path);
      t.equal(statSync(site.path).ino, ino, 'the same file');
      t.equal(await accepted(), 'after', 'copied over');

      copyOver(backup, site.path);
      t.equal(await accepted(), 'before', 'and back, at once');

      const { atime, mtime } = statSync(site.path);
      copyOver(replacement, site.path);
      utimesSync(site.path, atime, mtime);
      t.equal(await accepted(), 'after', 'with the time of the file that was there, as cp -p and rsync set it');

      copyOver(backup, site.path);
      await control.ask('flush');
      t.equal(await accepted(), 'before', 'flush');
      copyOver(replacement, site.path);
      await control.ask('reload');
      t.equal(await accepted(), 'after', 'reload');

      copyOver(backup, site.path);
      truncateSync(site.path, statSync(backup).size / 2);
      t.match(await accepted(), /^status 4,status 4$/, 'half a copy is a fault');
      truncateSync(site.path, 0);
      t.match(await accepted(), /^status 4,status 4$/, 'so is an empty file');
      appendFileSync(site.path, readFileSync(backup));
      t.equal(await accepted(), 'before', 'the rest of it');

      copyFileSync(replacement, `${replacement}.new`);
      renameSync(`${replacement}.new`, site.path);
      if (wal) for (const each of ['-wal', '-shm']) rmSync(`${site.path}${each}`, { force: true });
      t.equal(await accepted(), 'after', 'a file that is renamed over it');
      rmSync(site.path);
      t.match((await client.check('alice', 'after')).content.reason, /db\.sqlite3 as user \w+: no such file/);
      copyFileSync(backup, site.path);
      t.equal(await accepted(), 'before', 'a file that was deleted and restored');
    },
  );
}

t.test('a write of the site is seen at once, and does not open the database again', async (t) => {
  for (const wal of [false, true]) {
    const { client, site } = await createWorld(t, [{ username: 'alice', password: '0' }], { wal, config: NO_CACHE });
    for (let number = 1; number <= 20; number++) {
      site.setPassword('alice', `${number}`, 1);
      t.equal((await client.check('alice', `${number}`)).status, 0, `write ${number}`);
      t.equal((await client.check('alice', `${number - 1}`)).status, 1);
      await sleep(number * 5);
    }
  }
});

const NOBODY = 65534;
/** A group that the site's user and the daemon's are both in. */
const SHARED = 23456;

/** The daemon runs as nobody; the site's process as root or as `uid`. */
async function asNobody(t: Test, groups = `${NOBODY}`) {
  const directory = mkdtempSync(join(tmpdir(), 'djauthd-q-'));
  chownSync(directory, NOBODY, NOBODY);
  chmodSync(directory, 0o755);
  const data = join(directory, 'data');
  mkdirSync(data, { mode: 0o755 });
  const path = join(data, 'db.sqlite3');
  const program = join(directory, 'djauthd');
  const user = `setpriv --reuid ${NOBODY} --regid ${NOBODY} --groups ${groups} env -u NODE_OPTIONS`;
  writeFileSync(program, `#!/bin/sh\nexec ${user} ${PROGRAM} "$@"\n`, { mode: 0o755 });
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const start = async () => {
    const daemon = await startDaemon({
      directory,
      program,
      config: `[sites.site]\ndatabase = "sqlite://${path}"\n${NO_CACHE}`,
    });
    t.teardown(() => daemon.stop());
    const client = await daemon.connect();
    return { daemon, check: () => client.check('alice', 'secret') };
  };
  return { directory, data, path, start };
}

const ALICE: Person[] = [{ username: 'alice', password: 'secret' }];

t.test('a database in WAL mode in a directory that the daemon cannot write', async (t) => {
  t.test('the fault names the files and the cures', async (t) => {
    const { data, path, start } = await asNobody(t);
    createSite(path, ALICE, { wal: true }).close();
    const { daemon, check } = await start();
    const { status, content } = await check();
    t.equal(status, 4);
    t.match(content.reason, `cannot read ${path} as user nobody: it cannot create ${path}-wal and ${path}-shm, which`);
    t.match(content.reason, new RegExp(`write ${data} and the database, by a group of both \\(modes 2770 and 0660\\)`));
    t.match(content.reason, /PRAGMA journal_mode=DELETE/);
    t.match(content.reason, /CONN_MAX_AGE = None/);
    t.ok(
      daemon.lines().some(({ level, site, msg }) => level === 50 && site === 'site' && msg.includes(`${path}-wal`)),
      'it is logged at start',
    );

    const leaving = openDatabase(path);
    leaving.pragma('journal_mode = DELETE');
    leaving.close();
    t.equal((await check()).status, 0, 'cure: leave WAL mode');
  });

  t.test('cure: a process of the site keeps it open', async (t) => {
    const { path, start } = await asNobody(t);
    const site = createSite(path, ALICE, { wal: true });
    const { check } = await start();
    t.equal((await check()).status, 0);
    site.setPassword('alice', 'new', 1);
    t.equal((await check()).status, 1, 'a write is seen');
    site.setPassword('alice', 'secret', 1);
    await sleep(400);
    t.equal((await check()).status, 0);
    site.close();
    t.equal((await check()).status, 0, 'from then on the daemon keeps it open itself');
    t.ok(existsSync(`${path}-wal`));
  });

  t.test('cure: both write the directory, by a group', async (t) => {
    const { data, path, start } = await asNobody(t, `${SHARED}`);
    createSite(path, ALICE, { wal: true }).close();
    const SITE = 12345;
    chownSync(data, SITE, SHARED);
    chmodSync(data, 0o2770);
    chownSync(path, SITE, SHARED);
    chmodSync(path, 0o660);
    const { check } = await start();
    t.equal((await check()).status, 0);
    const write = `import sqlite3; c = sqlite3.connect(${JSON.stringify(path)})
c.execute("update auth_user set is_active = 0"); c.commit(); c.close()`;
    const site = ['--reuid', `${SITE}`, '--regid', `${SITE}`, '--groups', `${SHARED}`, '/usr/bin/python3', '-c', write];
    const { status, stderr } = spawnSync('setpriv', site, { encoding: 'utf8' });
    t.equal(status, 0, stderr);
    t.equal((await check()).status, 1, 'the site can still write, beside files that the daemon made');
  });
});

t.test('a path that cannot be read: the message says what and for whom', async (t) => {
  const { data, path, start } = await asNobody(t);
  const { daemon, check } = await start();
  const reason = async () => {
    const { status, content } = await check();
    t.equal(status, 4);
    return content.reason.slice(`cannot read ${path} as user nobody: `.length);
  };
  t.equal(await reason(), 'no such file');
  const checked = spawnSync(PROGRAM, ['check-config', '--config', daemon.configFile], { encoding: 'utf8' });
  t.equal(checked.status, 0, 'the daemon starts: the file may come later');
  t.match(
    checked.stderr,
    new RegExp(`djauthd\\.toml: warning: site "site": cannot read ${path} as user \\w+: no such file`),
  );
  const doctor = spawnSync(PROGRAM, ['doctor', '--config', daemon.configFile], { encoding: 'utf8' });
  t.equal(doctor.status, 1);
  t.match(doctor.stdout, `${path}: no such file`);
  t.ok(daemon.lines().some(({ level, msg }) => level === 50 && msg.includes(`${path} as user nobody: no such file`)));
  createSite(path, ALICE).close();
  t.equal((await check()).status, 0);
  chmodSync(path, 0o600);
  await sleep(100);
  t.equal(await reason(), 'permission denied');
  chmodSync(data, 0o700);
  t.equal(await reason(), `permission denied at directory ${data}`);
  rmSync(data, { recursive: true });
  t.equal(await reason(), `no such directory: ${data}`);
});
