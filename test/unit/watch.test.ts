import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { Accounts } from '../../daemon/account/accounts.ts';
import { Watch } from '../../daemon/account/watch.ts';
import { BootClock } from '../../daemon/clock.ts';
import { STOCK } from '../../daemon/store/schema.ts';
import { SqliteStore } from '../../daemon/store/sqlite/store.ts';
import { createSite, type Site } from '../fixtures/site.ts';
import { openDatabase } from '../fixtures/sqlite.ts';

const directory = mkdtempSync(join(tmpdir(), 'djauthd-watch-'));
t.teardown(() => rmSync(directory, { recursive: true, force: true }));

const MODES = [
  ['rollback journal', false],
  ['WAL', true],
] as const;

let number = 0;
function world(t: Test, wal: boolean): { site: Site; store: SqliteStore; another: Site['database'] } {
  const path = join(directory, `${++number}.sqlite3`);
  const site = createSite(path, [{ username: 'alice', password: 'secret' }], { wal });
  const another = openDatabase(path);
  const store = new SqliteStore(path, { schema: STOCK, timeoutMs: 200, connections: 1, onTrouble() {} });
  t.teardown(async () => {
    await store.close();
    another.close();
    site.close();
  });
  return { site, store, another };
}

for (const [mode, wal] of MODES) {
  t.test(`SQLite, ${mode}: each commit is noticed once, and nothing else`, async (t) => {
    const { site, store, another } = world(t, wal);
    t.equal(store.changed(), true, 'nothing was seen before');
    // The store opens a file again that was written within a tick of its clock, and after a commit.
    await sleep(100);
    store.changed();
    t.equal(store.changed(), false);
    await store.accountByName('alice');
    t.equal(store.changed(), false, 'reading is no change');
    // Opened by root, SQLite changes the owner of WAL mode's log, to what it is.
    for (let i = 0; i < 20; i++) {
      await sleep(20);
      t.equal(store.changed(), false, 'nor is waiting');
    }
    const startedAt = performance.now();
    let surprises = 0;
    for (let i = 0; i < 50; i++) {
      // Within one tick of the file system's clock, which the times of the file cannot tell apart.
      site.database.exec(`update auth_user set email = '${i}'`);
      if (i % 2) another.exec('update auth_user set is_staff = not is_staff');
      if (i % 3 === 0) await store.accountByName('alice');
      t.equal(store.changed(), true, `commit ${i}`);
      if (store.changed()) surprises++;
    }
    t.ok(surprises <= 1 + (performance.now() - startedAt) / 250, `${surprises} surprises`);
    await sleep(300);
    store.changed();
    t.equal(store.changed(), false);
    site.database.exec('begin immediate');
    site.database.exec(`update auth_user set email = 'x'`);
    t.equal(store.changed(), false, 'not before the commit');
    site.database.exec('rollback');
    t.equal(store.changed(), false, 'a rollback is none');
    if (wal) {
      site.database.pragma('wal_checkpoint(TRUNCATE)');
      site.database.exec(`update auth_user set email = 'y'`);
      t.equal(store.changed(), true, 'after the log began anew');
    }
    const python = `import sqlite3; c = sqlite3.connect("${site.path}"); c.execute("update auth_user set is_active = 0"); c.commit()`;
    execFileSync('python3', ['-c', python]);
    t.equal(store.changed(), true, 'a commit of another process');
    store.reopen();
    t.equal(store.changed(), true, 'what another connection has seen cannot be compared');
  });

  t.test(`SQLite, ${mode}: a locked database cannot tell, and what it missed is made up for`, async (t) => {
    const { site, store } = world(t, wal);
    store.changed();
    await sleep(100);
    store.changed();
    site.database.exec('begin exclusive');
    site.database.exec('update auth_user set is_active = 0');
    // In WAL mode readers go on: what they see is what was committed.
    t.equal(store.changed(), wal ? false : undefined);
    site.database.exec('commit');
    t.equal(store.changed(), true);
  });

  t.test(`SQLite, ${mode}: another file in place of the database is a change`, async (t) => {
    const { site, store } = world(t, wal);
    const copy = `${site.path}.copy`;
    if (wal) site.database.pragma('wal_checkpoint(TRUNCATE)');
    copyFileSync(site.path, copy);
    store.changed();
    await sleep(100);
    store.changed();
    t.equal(store.changed(), false);
    site.close();
    renameSync(copy, site.path);
    t.equal(store.changed(), true, 'with the same marks in it');
    rmSync(site.path);
    t.equal(store.changed(), undefined, 'without one it cannot be told');
    t.equal(store.changed(), undefined);
    createSite(site.path, [{ username: 'alice', password: 'other' }]).close();
    t.equal(store.changed(), true);
    await store.close();
    t.equal(store.changed(), undefined);
  });
}

t.test('SQLite, WAL: without its shared memory, and without the right to make it', async (t) => {
  const { site, store, another } = world(t, true);
  store.changed();
  another.close();
  site.close(); // the last one removes both files
  const answer = store.changed();
  t.ok(answer === true || answer === undefined || answer === false);
  const other = openDatabase(site.path);
  other.exec('update auth_user set is_active = 0');
  other.close();
  t.equal(store.changed(), true, 'a commit whose log is gone by now');
  t.match(await store.accountByName('alice'), { active: false });
  if (process.getuid?.() === 0) return; // to whom modes do not matter
  chmodSync(directory, 0o500);
  t.teardown(() => chmodSync(directory, 0o700));
  store.reopen();
  t.ok([true, undefined].includes(store.changed()));
});

t.test('the snapshots are emptied before one decides', async (t) => {
  const clock = { time: 0, now: () => clock.time };
  let row = 1;
  let changed: boolean | undefined = false;
  let looks = 0;
  let forgotten = 0;
  const look = () => {
    looks++;
    const answer = changed;
    if (answer !== undefined) changed = false;
    return answer;
  };
  const accounts = new Accounts({
    read: async () => ({ id: String(row) }) as never,
    ...{ ttlMs: 1_000, max: 10, clock, changed: look },
    onForgotten: () => forgotten++,
  });
  const decides = async () => (accounts.recall('a') ?? (await accounts.get('a')))?.id;
  t.equal(await decides(), '1');
  clock.time += 100;
  row = 2;
  changed = true;
  t.equal(await decides(), '2');
  t.equal(forgotten, 1);

  looks = 0;
  for (let i = 0; i < 1_000; i++) {
    clock.time += 0.1;
    accounts.recall('a');
  }
  t.ok(looks >= 20 && looks <= 26, `asked ${looks} times in 100 ms`);

  changed = undefined;
  looks = 0;
  for (let i = 0; i < 1_000; i++) {
    clock.time += 0.1;
    accounts.recall('a');
  }
  t.ok(looks <= 6, `one that cannot tell is asked less often: ${looks} times`);
  t.equal(await decides(), '2', 'what was read decides until it is too old');
  clock.time += 1_000;
  row = 3;
  t.equal(await decides(), '3');

  const uncached = new Accounts({
    read: async () => null,
    ttlMs: 0,
    max: 1,
    clock,
    changed: () => t.fail('not asked'),
  });
  await uncached.get('a');
});

t.test('while a lease may be used, the database is asked without any question', async (t) => {
  const clock = { time: 0, now: () => clock.time };
  const timers: { at: number; call: () => void }[] = [];
  /** Time passes, and timers call. */
  const pass = (ms: number) => {
    const until = clock.time + ms;
    for (;;) {
      timers.sort((a, b) => a.at - b.at);
      const next = timers[0];
      if (next === undefined || next.at > until) break;
      timers.shift();
      clock.time = next.at;
      next.call();
    }
    clock.time = until;
  };
  let looks = 0;
  let changed = false;
  let changedAt: number | undefined;
  const watch = new Watch({
    changed: () => {
      looks++;
      return changed;
    },
    onChange: () => {
      changedAt ??= clock.time;
      changed = false;
    },
    clock,
    startTimer: (call, ms) => {
      timers.push({ at: clock.time + ms, call });
      return {};
    },
  });
  pass(10_000);
  t.equal(looks, 0, 'not without one');
  for (let i = 0; i < 100; i++) watch.leased(clock.time + 1_000);
  t.equal(timers.length, 1, 'one timer for all');
  pass(500);
  changed = true;
  const committedAt = clock.time;
  pass(100);
  t.ok(changedAt !== undefined && changedAt - committedAt <= 10);
  pass(10_000);
  t.equal(timers.length, 0, 'and none when no lease is left');
  t.ok(looks >= 100 && looks <= 102, `asked ${looks} times for a lease of a second`);
  watch.leased(clock.time + 10);
  watch.leased(clock.time + 100);
  pass(1_000);
  t.ok(looks <= 114);
});

t.test('the time counts while the machine sleeps', async (t) => {
  const state = { monotonic: 5_000, wall: 1e12, uptime: 80_000 };
  let reads = 0;
  const clock = new BootClock({
    monotonic: () => state.monotonic,
    wall: () => state.wall,
    uptime: () => {
      reads++;
      return state.uptime;
    },
  });
  const pass = (ms: number, { asleep = 0, wall = 0 } = {}) => {
    state.monotonic += ms;
    state.uptime += ms + asleep;
    state.wall += ms + asleep + wall;
  };
  const start = clock.now();
  for (let i = 0; i < 1_000; i++) {
    pass(10);
    clock.now();
  }
  t.equal(clock.now() - start, 10_000);
  t.equal(reads, 1, 'the uptime is not read without need');
  pass(1, { asleep: 3_600_000 });
  t.equal(clock.now() - start, 10_001 + 3_600_000, 'from the first reading on');
  pass(0, { wall: 7_200_000 });
  t.equal(clock.now() - start, 10_001 + 3_600_000, 'a clock that is set is no sleep');
  pass(0, { wall: -7_200_000 });
  t.equal(clock.now() - start, 10_001 + 3_600_000, 'nor one that is set back');
  pass(5, { asleep: 60_000 });
  t.equal(clock.now() - start, 10_006 + 3_660_000);
  for (let i = 0; i < 10_000; i++) {
    pass(1_000, { wall: 0.5 }); // slewed
    const before = clock.now();
    if (clock.now() < before) t.fail('a step back');
  }
  t.equal(clock.now() - start, 10_006 + 3_660_000 + 1e7);
});
