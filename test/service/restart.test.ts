import { closeSync, fstatSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { type Apache, startApache } from '../fixtures/apache.ts';
import { connect } from '../fixtures/client.ts';
import { waitFor } from '../fixtures/daemon.ts';
import { createSite, encodePbkdf2 } from '../fixtures/site.ts';
import { type Supervisor, supervise } from '../fixtures/supervisor.ts';

/** The interval of requests, in ms: 200 per second. */
const PACE_MS = 5;

interface Outcome {
  sent: number;
  /** Requests with the right password that were not granted, by status; 0: no answer. */
  readonly failed: Map<number, number>;
  /** Requests with a wrong password that were not denied, by status. */
  readonly wrong: Map<number, number>;
  /** The longest time between two grants, in ms. */
  longest: number;
}

/** The machine's monotonic clock, in ms. */
const now = () => Number(process.hrtime.bigint()) / 1e6;

interface Clients {
  /** Waits for so many more grants: each daemon is ended only after it has answered. */
  granted(count: number): Promise<void>;
  /** Waits for a grant to a request sent after that time. Returns when the first one was received. */
  answered(since: number): Promise<number>;
  stop(): Promise<Outcome>;
}

/** Requests a page at a steady pace, every tenth time with a wrong password, until `stop`. */
function load(apache: Apache): Clients {
  const outcome: Outcome = { sent: 0, failed: new Map(), wrong: new Map(), longest: 0 };
  const asked: Promise<void>[] = [];
  const startedAt = now();
  let granted = startedAt;
  let grants = 0;
  const answers: { askedAt: number; at: number }[] = [];
  const ask = async (right: boolean) => {
    const askedAt = now();
    const request = { user: 'alice', password: right ? 'secret' : 'wrong' };
    const status = await apache.get('/page.txt', request).then(
      (answer) => answer.status,
      () => 0,
    );
    if (right && status === 200) {
      outcome.longest = Math.max(outcome.longest, now() - granted);
      granted = now();
      grants++;
      answers.push({ askedAt, at: granted });
    } else if (right || status !== 401) {
      const counts = right ? outcome.failed : outcome.wrong;
      counts.set(status, (counts.get(status) ?? 0) + 1);
    }
  };
  const timer = setInterval(() => {
    // As many as are due, also after a slow moment of this process.
    while (outcome.sent * PACE_MS < now() - startedAt) asked.push(ask(outcome.sent++ % 10 !== 9));
  }, PACE_MS);
  return {
    granted: (count) => {
      const wanted = grants + count;
      return waitFor(() => grants >= wanted, 60_000);
    },
    async answered(since) {
      const first = () => answers.find(({ askedAt }) => askedAt > since)?.at;
      await waitFor(() => first() !== undefined, 60_000);
      return first() as number;
    },
    async stop() {
      clearInterval(timer);
      await Promise.all(asked);
      return outcome;
    },
  };
}

function told(outcome: Outcome): string {
  const sum = (counts: Map<number, number>) => [...counts.values()].reduce((a, b) => a + b, 0);
  const { sent, failed, wrong, longest } = outcome;
  const statuses =
    failed.size > 0 ? ` (${[...failed].map(([status, count]) => `${count} of status ${status}`).join(', ')})` : '';
  return `${sent} requests sent, ${sum(failed)} failed${statuses}, ${sum(wrong)} wrong; ${Math.round(longest)} ms at most without a grant`;
}

/** A supervised daemon and an Apache that uses it. */
async function place(t: Test, iterations: number): Promise<{ supervisor: Supervisor; apache: Apache }> {
  const directory = mkdtempSync(join(tmpdir(), 'djauthd-r-'));
  const encoded = encodePbkdf2('secret', { iterations });
  const site = createSite(join(directory, 'db.sqlite3'), [{ username: 'alice', encoded, isStaff: true }]);
  const supervisor = await supervise(`[sites.site]\ndatabase = "${site.url}"\n[log]\nlevel = "warn"`);
  const apache = await startApache(
    `DjangoAuthSocket ${supervisor.socket}
     # A slow machine loses no request: it may wait long, and all may wait.
     DjangoAuthTimeout 120s
     DjangoAuthMaxWaiting Off
     <Location "/">
       AuthType Basic
       AuthName x
       AuthBasicProvider django
       Require valid-user
     </Location>`,
    { files: { 'page.txt': 'here' } },
  );
  t.teardown(async () => {
    await apache.stop();
    await supervisor.stop();
    site.close();
    rmSync(directory, { recursive: true, force: true });
  });
  return { supervisor, apache };
}

t.test('20 restarts and 20 reloads under 200 requests a second lose none', async (t) => {
  const { supervisor, apache } = await place(t, 50_000);
  const clients = load(apache);
  for (let i = 0; i < 20; i++) {
    await clients.granted(40);
    await supervisor.restart('SIGTERM');
  }
  const reloads = () => supervisor.told().filter((line) => line.startsWith('RELOADING=1')).length;
  for (let i = 0; i < 20; i++) {
    const before = reloads();
    process.kill(supervisor.pid(), 'SIGHUP');
    while (reloads() === before) await sleep(10);
    await sleep(50);
  }
  const outcome = await clients.stop();
  t.comment(`20 restarts, 20 reloads: ${told(outcome)}`);
  t.same([...outcome.failed], [], 'every right password was granted');
  t.same([...outcome.wrong], [], 'every wrong one was denied');
  t.same(supervisor.ends(), Array(20).fill(0), 'every daemon exited 0');
  t.ok(outcome.sent > 1000, `${outcome.sent} requests`);
});

t.test('kill -9 under load', async (t) => {
  const { supervisor, apache } = await place(t, 600_000); // the cost of Django 4.2
  const clients = load(apache);
  const sinceKill: number[] = [];
  const sinceStart: number[] = [];
  for (let i = 0; i < 5; i++) {
    await clients.granted(100);
    const killedAt = now();
    await supervisor.restart('SIGKILL');
    const answeredAt = await clients.answered(killedAt);
    sinceKill.push(answeredAt - killedAt);
    sinceStart.push(answeredAt - supervisor.startedAt());
  }
  await clients.granted(100);
  const outcome = await clients.stop();
  const each = (times: number[]) => times.map((ms) => Math.round(ms)).join(', ');
  t.comment(`5 times kill -9: ${told(outcome)}`);
  t.comment(`to the first answer to a request sent after the kill: ${each(sinceKill)} ms since the kill`);
  t.comment(`and since the supervisor started the next daemon: ${each(sinceStart)} ms`);
  t.same(
    [...outcome.wrong.keys()].filter((status) => status < 500),
    [],
    'no wrong password was granted',
  );
  t.same(
    [...outcome.failed.keys()].filter((status) => status < 500),
    [],
    'no right one was denied',
  );
  t.same(supervisor.ends(), Array(5).fill(-9));
  t.equal((await apache.get('/page.txt', { user: 'alice', password: 'secret' })).status, 200);
});

/** Twenty users, a supervised daemon, and what is asked about them. */
async function known(t: Test, keys = '', options: { keep?: boolean } = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'djauthd-k-'));
  const names = Array.from({ length: 20 }, (_, at) => `user${at}`);
  const encoded = (name: string) => encodePbkdf2(`secret of ${name}`, { iterations: 1000 });
  const site = createSite(
    join(directory, 'db.sqlite3'),
    names.map((username) => ({ username, encoded: encoded(username) })),
  );
  const config = `[sites.site]\ndatabase = "${site.url}"\n`;
  const supervisor = await supervise(config + keys, options);
  t.teardown(async () => {
    await supervisor.stop();
    site.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const hashes = async () => {
    const control = await connect(supervisor.control);
    const { stats } = (await control.ask('stats')).content as { stats: { hashes: number } };
    control.close();
    return stats.hashes;
  };
  /** The statuses of everybody, and how many hashes that took. */
  const ask = async (password = (name: string) => `secret of ${name}`) => {
    const client = await connect(supervisor.socket);
    const before = await hashes();
    const answers = await Promise.all(names.map((name) => client.check(name, password(name))));
    client.close();
    const count = (status: number) => answers.filter((answer) => answer.status === status).length;
    return {
      granted: count(0),
      denied: count(1),
      other: answers.length - count(0) - count(1),
      hashes: (await hashes()) - before,
    };
  };
  const reload = async () => {
    const control = await connect(supervisor.control);
    const { status } = await control.ask('reload');
    control.close();
    t.equal(status, 0, 'reloaded');
  };
  return { site, supervisor, config, ask, reload };
}

const SERVED = { granted: 20, denied: 0, other: 0, hashes: 0 };
const REFUSED = { granted: 0, denied: 20, other: 0, hashes: 0 };
const HASHED = { granted: 20, denied: 0, other: 0, hashes: 20 };

t.test('a restart costs nobody a hash', async (t) => {
  const { site, supervisor, config, ask, reload } = await known(t);
  const wrong = () => 'wrong';
  t.same(await ask(), HASHED, 'known from now on');
  t.same(await ask(wrong), { ...REFUSED, hashes: 20 });
  for (const signal of ['SIGTERM', 'SIGKILL', 'SIGKILL', 'SIGTERM'] as const) {
    await supervisor.restart(signal);
    t.same(await ask(), SERVED, `after ${signal} all are served`);
    t.same(await ask(wrong), REFUSED, 'and wrong passwords are denied');
  }
  t.same(await ask((name) => `Secret of ${name}`), { ...REFUSED, hashes: 20 }, 'no other password has a proof');
  t.equal(supervisor.kept().length, 1, 'the same memory all the time');
  t.match(supervisor.log(), /the restart left 40 proofs, and 20 passwords of users who return/);

  // Changed while no daemon runs and while one does: a proof is for the very hash that was read.
  const change = site.database.prepare('UPDATE auth_user SET password = ? WHERE username = ?');
  change.run(encodePbkdf2('another', { iterations: 1000 }), 'user3');
  change.run(encodePbkdf2('secret of user4', { iterations: 1000, salt: 'othersalt' }), 'user4');
  site.database.prepare("UPDATE auth_user SET is_active = 0 WHERE username = 'user5'").run();
  site.database.prepare("DELETE FROM auth_user WHERE username = 'user6'").run();
  await supervisor.restart('SIGKILL');
  // 3: hashed and denied; 4: hashed and granted; 5: denied by its flag; 6: unknown, hashed as such.
  t.same(await ask(), { granted: 17, denied: 2, other: 1, hashes: 3 });

  supervisor.configure(`${config}[cache]\nproofs = 500\nproof_ttl = "2h"`);
  await reload();
  t.equal((await ask()).hashes, 0, 'a changed [cache] keeps the proofs');
  t.equal(supervisor.kept().length, 2, 'in other memory');
  supervisor.configure(`${config}[cache]\nproofs = 500\nproof_ttl = "2h"\n[hash]\nworkers = 1`);
  await reload();
  t.equal((await ask()).hashes, 0, 'a changed [hash] keeps them too');
  await supervisor.restart('SIGKILL');
  t.equal((await ask()).hashes, 0);
  supervisor.configure(`${config}[cache]\nproofs = 700`);
  await supervisor.restart('SIGTERM');
  t.equal((await ask()).hashes, 0, 'changed by a restart');
  supervisor.configure(`${config}[cache]\nproof_ttl = "1ms"`);
  await supervisor.restart('SIGTERM');
  t.ok((await ask()).hashes >= 16, 'their age goes on counting');

  supervisor.configure(`${config}[cache]\nkeep = false`);
  await reload();
  await ask();
  t.equal((await ask()).hashes, 0);
  await supervisor.restart('SIGTERM');
  t.ok((await ask()).hashes >= 16, 'not kept');
});

t.test('without a service manager that keeps memory a restart forgets', async (t) => {
  const { supervisor, ask } = await known(t, '', { keep: false });
  t.same(await ask(), HASHED);
  t.same(await ask(), SERVED);
  await supervisor.restart('SIGKILL');
  t.same(await ask(), HASHED);
});

t.test('memory that is damaged grants nobody', async (t) => {
  const { supervisor, ask } = await known(t, '[cache]\nproofs = 100\nrefusals = 100');
  const damage = (write: (octets: Buffer, at: number) => void) => {
    const file = openSync(supervisor.kept().at(-1) as string, 'r+');
    const octets = Buffer.alloc(fstatSync(file).size);
    write(octets, file);
    closeSync(file);
  };
  t.same(await ask(), HASHED);
  damage((octets, file) => writeSync(file, octets.fill(0xff), 0, octets.length, 256));
  await supervisor.restart('SIGKILL');
  t.same(await ask(), HASHED, 'everything but the header: no entry is valid');
  t.match(supervisor.log(), /the restart left 0 proofs/);
  damage((octets, file) => writeSync(file, octets.fill(0x55), 0, 250, 0));
  await supervisor.restart('SIGKILL');
  t.match(supervisor.log(), /the proofs of before the restart are not used: it has another layout/);
  t.same(await ask(), HASHED, 'the header');
  await supervisor.restart('SIGKILL');
  t.same(await ask(), SERVED, 'and then in new memory');
  t.same(
    supervisor.ends().filter((status) => status !== -9),
    [],
    'no daemon crashed',
  );
});
