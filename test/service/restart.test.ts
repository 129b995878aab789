import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { type Apache, startApache } from '../fixtures/apache.ts';
import { waitFor } from '../fixtures/daemon.ts';
import { createSite, encodePbkdf2 } from '../fixtures/site.ts';
import { type Supervisor, supervise } from '../fixtures/supervisor.ts';

/** How often a client asks, in ms: 200 a second. */
const PACE_MS = 5;

interface Tally {
  sent: number;
  /** Right passwords that were not let in, by the status they got; 0: no answer. */
  readonly failed: Map<number, number>;
  /** Wrong passwords that were not refused as such. */
  readonly wrong: Map<number, number>;
  /** The longest time between two grants, in ms. */
  longest: number;
}

/** The machine's monotonic clock, in ms. */
const now = () => Number(process.hrtime.bigint()) / 1e6;

interface Clients {
  /** Waits until so many more have been let in: the next daemon goes when this one has been of use. */
  granted(count: number): Promise<void>;
  /** Waits until somebody has been let in who asked after that time, and says when the first one was. */
  answered(since: number): Promise<number>;
  stop(): Promise<Tally>;
}

/** Asks for a page at a steady pace, every tenth time with a wrong password, until it is told to stop. */
function load(apache: Apache): Clients {
  const tally: Tally = { sent: 0, failed: new Map(), wrong: new Map(), longest: 0 };
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
      tally.longest = Math.max(tally.longest, now() - granted);
      granted = now();
      grants++;
      answers.push({ askedAt, at: granted });
    } else if (right || status !== 401) {
      const counts = right ? tally.failed : tally.wrong;
      counts.set(status, (counts.get(status) ?? 0) + 1);
    }
  };
  const timer = setInterval(() => {
    // As many as are due: a slow moment of this process is made up for.
    while (tally.sent * PACE_MS < now() - startedAt) asked.push(ask(tally.sent++ % 10 !== 9));
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
      return tally;
    },
  };
}

function told(tally: Tally): string {
  const sum = (counts: Map<number, number>) => [...counts.values()].reduce((a, b) => a + b, 0);
  const { sent, failed, wrong, longest } = tally;
  const statuses =
    failed.size > 0 ? ` (${[...failed].map(([status, count]) => `${count} of status ${status}`).join(', ')})` : '';
  return `${sent} requests sent, ${sum(failed)} failed${statuses}, ${sum(wrong)} wrong; ${Math.round(longest)} ms at most without a grant`;
}

/** A daemon that is started again, and an Apache that asks it. */
async function place(t: Test, iterations: number): Promise<{ supervisor: Supervisor; apache: Apache }> {
  const directory = mkdtempSync(join(tmpdir(), 'djauthd-r-'));
  const encoded = encodePbkdf2('secret', { iterations });
  const site = createSite(join(directory, 'db.sqlite3'), [{ username: 'alice', encoded, isStaff: true }]);
  const supervisor = await supervise(`[sites.site]\ndatabase = "${site.url}"\n[log]\nlevel = "warn"`);
  const apache = await startApache(
    `DjangoAuthSocket ${supervisor.socket}
     # A machine that is slow is no request lost.
     DjangoAuthTimeout 120s
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
  const tally = await clients.stop();
  t.comment(`20 restarts, 20 reloads: ${told(tally)}`);
  t.same([...tally.failed], [], 'every right password was let in');
  t.same([...tally.wrong], [], 'every wrong one was refused');
  t.same(supervisor.ends(), Array(20).fill(0), 'every daemon ended as it was asked to');
  t.ok(tally.sent > 1000, `${tally.sent} requests`);
});

t.test('kill -9 under load', async (t) => {
  const { supervisor, apache } = await place(t, 600_000); // as Django 4.2 hashes
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
  const tally = await clients.stop();
  const each = (times: number[]) => times.map((ms) => Math.round(ms)).join(', ');
  t.comment(`5 times kill -9: ${told(tally)}`);
  t.comment(`to the first answer to who asked after the kill: ${each(sinceKill)} ms since the kill`);
  t.comment(`and since the supervisor started the next daemon: ${each(sinceStart)} ms`);
  t.same(
    [...tally.wrong.keys()].filter((status) => status < 500),
    [],
    'no wrong password was let in',
  );
  t.same(
    [...tally.failed.keys()].filter((status) => status < 500),
    [],
    'no right one was taken for wrong',
  );
  t.same(supervisor.ends(), Array(5).fill(-9));
  t.equal((await apache.get('/page.txt', { user: 'alice', password: 'secret' })).status, 200);
});
