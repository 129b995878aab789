/*
 * When leases end, with the real daemon: with the age that an account may have, with the epoch, and with the daemon. Requests
 * go on all the time, so that leases are always in use.
 */
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { type Apache, publicDirectory, startApache } from '../fixtures/apache.ts';
import { connect } from '../fixtures/client.ts';
import { READY, type RunningDaemon, startDaemon, waitFor } from '../fixtures/daemon.ts';
import { createSite, type Site } from '../fixtures/site.ts';

/** The default of cache.account_ttl and of cache.lease. */
const TTL_MS = 1_000;

/** What the clocks of two processes may differ by. A request is decided after it is begun: nothing else can be late. */
const LATE_MS = 50;

interface World {
  site: Site;
  daemon: RunningDaemon;
  apache: Apache;
  status(user?: string, password?: string, path?: string): Promise<number>;
  leaseHits(): Promise<number>;
}

async function world(t: Test, config: string): Promise<World> {
  const directory = publicDirectory();
  const site = createSite(
    join(directory, 'db.sqlite3'),
    [
      { username: 'alice', password: 'secret', isStaff: true, groups: ['Editors'], permissions: ['polls.can_vote'] },
      { username: 'bob', password: 'secret', isStaff: true },
    ],
    { wal: true },
  );
  const daemon = await startDaemon({
    directory,
    listen: process.getuid?.() === 0 ? 'group = "www-data"' : '',
    config: `[sites.site]\ndatabase = "${site.url}"\n${config}`,
  });
  const section = (path: string, lines: string) => `<Location "/${path}">
    AuthType Basic
    AuthName x
    AuthBasicProvider django
    ${lines}
  </Location>`;
  const apache = await startApache(
    `DjangoAuthSocket ${daemon.socket}
    DjangoAuthTimeout 1s
    ${section('staff', 'Require valid-user')}
    ${section('vote', 'DjangoPermissionName polls.can_vote\nRequire valid-user')}
    ${section('editors', 'Require django-group Editors')}
    <Location "/server-status">
      SetHandler server-status
    </Location>`,
    {
      files: Object.fromEntries(['staff', 'vote', 'editors'].map((path) => [`${path}/page.html`, 'in'])),
      logLevel: 'crit',
    },
  );
  t.teardown(async () => {
    await apache.stop();
    daemon.signal('SIGCONT');
    await daemon.stop();
    site.close();
    rmSync(directory, { recursive: true, force: true });
  });
  return {
    ...{ site, daemon, apache },
    status: async (user = 'alice', password = 'secret', path = 'staff') =>
      (await apache.get(`/${path}/page.html`, { user, password })).status,
    async leaseHits() {
      const { body } = await apache.get('/server-status?auto');
      return Number(/^DjauthdApacheLeaseHits: (\d+)$/m.exec(body)?.[1]);
    },
  };
}

/** Asks all the time until told to stop. Returns when each request was begun, and its status. */
function hammer(ask: () => Promise<number>): { stop(): Promise<{ begun: number; status: number }[]> } {
  const seen: { begun: number; status: number }[] = [];
  let stopped = false;
  const loop = async () => {
    while (!stopped) {
      const begun = performance.now();
      seen.push({ begun, status: await ask() });
    }
  };
  const running = [loop(), loop(), loop()];
  return {
    async stop() {
      stopped = true;
      await Promise.all(running);
      return seen;
    },
  };
}

t.test('a change takes effect as soon as without leases', async (t) => {
  const { site, status, leaseHits } = await world(t, '');
  for (const [what, path, change, undo] of [
    ['a password', 'staff', () => site.setPassword('alice', 'new'), () => site.setPassword('alice', 'secret')],
    [
      'a deactivation',
      'staff',
      () => site.update('alice', { isActive: false }),
      () => site.update('alice', { isActive: true }),
    ],
    [
      'a lost permission',
      'vote',
      () => site.update('alice', { permissions: [] }),
      () => site.update('alice', { permissions: ['polls.can_vote'] }),
    ],
    [
      'a lost group',
      'editors',
      () => site.update('alice', { groups: [] }),
      () => site.update('alice', { groups: ['Editors'] }),
    ],
  ] as const) {
    for (let round = 0; round < 3; round++) {
      t.equal(await status('alice', 'secret', path), 200);
      const hits = await leaseHits();
      const requests = hammer(() => status('alice', 'secret', path));
      await sleep(300 + Math.random() * TTL_MS);
      change();
      const changed = performance.now();
      await sleep(TTL_MS + 500);
      const seen = await requests.stop();
      const granted = seen.filter(({ status }) => status === 200).map(({ begun }) => begun - changed);
      const last = Math.max(...granted);
      t.ok(
        last < TTL_MS + LATE_MS,
        `${what}: last granted to a request that was begun ${last.toFixed(0)} ms afterwards`,
      );
      t.ok(seen.some(({ status }) => status === 401) && seen.every(({ status }) => status === 200 || status === 401));
      t.ok((await leaseHits()) - hits > granted.length / 2, 'most grants were on lease');
      undo();
      await waitFor(async () => (await status('alice', 'secret', path)) === 200);
    }
  }
});

t.test('what the daemon forgets ends leases at once', async (t) => {
  const { site, daemon, status, leaseHits } = await world(t, '[cache]\naccount_ttl = "1h"\nlease = "1h"');
  const control = await connect(daemon.control);
  t.teardown(() => control.close());
  // The daemon looks at the database by and by, and a change that it notices ends leases once more.
  const leased = () =>
    waitFor(async () => {
      const before = await leaseHits();
      t.equal(await status(), 200);
      return (await leaseHits()) > before;
    });
  const asked = async (why: string) => {
    const before = await leaseHits();
    t.equal(await status(), 200);
    t.equal(await leaseHits(), before, `the daemon was asked: ${why}`);
  };
  for (let i = 0; i < 20; i++) {
    const one = i % 2 ? {} : { site: 'site', username: Buffer.from('alice') };
    await leased();
    await control.ask('flush', one);
    await asked('a flush');
    await leased();
    site.update('alice', { isActive: false });
    await control.ask('flush', one);
    t.equal(await status(), 401, 'a change counts with the flush at the latest');
    site.update('alice', { isActive: true });
    await control.ask('flush');
  }
  await leased();
  daemon.signal('SIGHUP');
  await waitFor(() => daemon.log().includes('configuration reloaded'));
  await asked('a reload');

  await leased();
  daemon.signal('SIGTERM');
  await daemon.exited;
  t.equal(await status(), 503, 'the end of the daemon');
});

for (const signal of ['SIGSTOP', 'SIGKILL'] as const) {
  t.test(`no lease outlives its time: ${signal}`, async (t) => {
    const { daemon, status } = await world(t, '');
    await waitFor(async () => (await status()) === 200); // a password is hashed once
    const requests = hammer(() => status());
    await sleep(700);
    daemon.signal(signal);
    const gone = performance.now();
    await sleep(TTL_MS + 1_500);
    const seen = await requests.stop();
    const after = seen.filter(({ begun }) => begun >= gone);
    t.ok(
      after.every(({ status }) => status === 200 || status === 503),
      'a fault is no denial',
    );
    const last = Math.max(...after.filter(({ status }) => status === 200).map(({ begun }) => begun - gone), 0);
    t.ok(last < TTL_MS + LATE_MS, `the last grant to a request that was begun ${last.toFixed(0)} ms afterwards`);
    t.ok(
      after.some(({ status }) => status === 200),
      'until then there are grants on lease',
    );
    t.equal(after.at(-1)?.status, 503);
    if (signal === 'SIGSTOP') {
      daemon.signal('SIGCONT');
      await waitFor(async () => (await status()) === 200);
    }
  });
}

t.test('a daemon that takes the place of a killed one ends its leases', async (t) => {
  const { site, daemon, status, leaseHits } = await world(t, '[cache]\naccount_ttl = "1h"\nlease = "1h"');
  await waitFor(async () => (await status()) === 200);
  const before = await leaseHits();
  for (let i = 0; i < 5; i++) t.equal(await status(), 200);
  t.ok((await leaseHits()) > before);
  daemon.signal('SIGKILL');
  await daemon.exited;
  t.equal(await status(), 200, 'nobody has ended them');
  site.update('alice', { isActive: false });
  const next = spawn(daemon.process.spawnfile, daemon.process.spawnargs.slice(1), {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  next.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  const ended = new Promise((resolve) => next.once('close', resolve));
  t.teardown(async () => {
    next.kill('SIGTERM');
    await ended;
  });
  await waitFor(() => READY.test(log));
  let last = 503;
  await waitFor(async () => {
    last = await status();
    return last !== 503;
  });
  t.equal(last, 401);
});
