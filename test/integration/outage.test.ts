import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import type { Answer, Client } from '../fixtures/client.ts';
import { type RunningDaemon, startDaemon, waitFor } from '../fixtures/daemon.ts';
import { startMariaDb } from '../fixtures/mariadb.ts';
import { startPostgres } from '../fixtures/postgres.ts';
import { createSite, createSiteOnMariaDb, createSiteOnPostgres, type Person } from '../fixtures/site.ts';

const PEOPLE: Person[] = [
  { username: 'alice', password: 'secret', groups: ['Editors'] },
  { username: 'bob', password: 'secret' },
];
const GROUPS = { Editors: ['shop.change_order'] };
const TIMEOUT_MS = 1_000;

/** Allowance for a busy machine. */
const SLACK_MS = 10_000;

/** How many faults a client that repeats its question at once may get after the database is back: for far less than 1 s. */
const RECOVERY_MAX = 5;

/** A database server that can be made to fail. */
interface Server {
  url: string;
  kill(): Promise<void>;
  restart(): Promise<void>;
  /** The processes that answer. Stopped, they neither refuse nor answer connections. */
  processes(): number[];
  /** Ends every idle connection. */
  endIdle(): Promise<unknown>;
}

const servers: Record<string, (t: Test) => Promise<Server>> = {
  async PostgreSQL(t) {
    const postgres = await startPostgres();
    t.teardown(() => postgres.stop());
    const url = await postgres.createDatabase('site');
    await (await createSiteOnPostgres(url, PEOPLE, { groups: GROUPS })).close();
    return {
      url,
      kill: postgres.kill,
      restart: postgres.restart,
      processes() {
        const pid = readFileSync(join(postgres.socketDirectory, 'data/postmaster.pid'), 'utf8').split('\n')[0] ?? '';
        const children = execFileSync('pgrep', ['-P', pid], { encoding: 'utf8' });
        return [pid, ...children.trim().split('\n')].map(Number);
      },
      endIdle: () =>
        postgres.execute(
          'postgres',
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'djauthd'",
        ),
    };
  },

  async MariaDB(t) {
    const mariadb = await startMariaDb();
    t.teardown(() => mariadb.stop());
    const url = await mariadb.createDatabase('site');
    await (await createSiteOnMariaDb(url, PEOPLE, { groups: GROUPS })).close();
    return {
      url,
      kill: mariadb.kill,
      restart: mariadb.restart,
      processes: () => [Number(readFileSync(join(mariadb.socketDirectory, 'pid'), 'utf8'))],
      async endIdle() {
        const ids = await mariadb.execute(
          'mysql',
          "SELECT id FROM information_schema.processlist WHERE command = 'Sleep' AND db = 'site'",
        );
        for (const id of ids.split('\n').filter(Boolean)) await mariadb.execute('mysql', `KILL ${id}`);
      },
    };
  },
};

/** Three questions that only the database can answer, each with its right status; a fault is the only other one allowed. */
const QUESTIONS: [status: number, ask: (client: Client, site?: string) => Promise<Answer>][] = [
  [
    0,
    (client, site) =>
      client.check('alice', 'secret', {
        ...(site ? { site } : {}),
        require: { permissions: ['shop.change_order'], groups: ['Editors'] },
      }),
  ],
  [1, (client, site) => client.check('bob', 'wrong', site ? { site } : {})],
  [2, (client, site) => client.check('nobody', 'secret', site ? { site } : {})],
];

const FAULT = 4;

/** Asks all three questions repeatedly until stopped. */
function stream(client: Client) {
  const answers: { status: number; right: number; askedAt: number; ms: number }[] = [];
  let asking = true;
  const over = (async () => {
    while (asking) {
      const askedAt = performance.now();
      await Promise.all(
        QUESTIONS.map(async ([right, ask]) => {
          const { status } = await ask(client);
          answers.push({ status, right, askedAt, ms: performance.now() - askedAt });
        }),
      );
      await sleep(5);
    }
  })();
  return {
    answers,
    async stop() {
      asking = false;
      await over;
    },
  };
}

/** Asks until all answers are right. Returns the number of rounds. */
async function untilRight(client: Client): Promise<number> {
  let times = 0;
  await waitFor(async () => {
    times++;
    const answers = await Promise.all(QUESTIONS.map(([, ask]) => ask(client)));
    return answers.every(({ status }, number) => status === QUESTIONS[number]?.[0]);
  });
  return times;
}

async function daemonFor(
  t: Test,
  url: string,
  ttl: string,
  rest = '',
): Promise<{ daemon: RunningDaemon; client: Client }> {
  const daemon = await startDaemon({
    config: `[sites.site]\ndatabase = "${url}"\ntimeout = "${TIMEOUT_MS}ms"\n${rest}\n[cache]\naccount_ttl = "${ttl}"`,
  });
  t.teardown(() => daemon.stop());
  return { daemon, client: await daemon.connect() };
}

const uncaught = (daemon: RunningDaemon) => daemon.lines().filter(({ level }) => level >= 60);

for (const [kind, start] of Object.entries(servers)) {
  t.test(kind, async (t) => {
    const server = await start(t);

    for (const [ttl, ttlMs] of [
      ['0ms', 0],
      ['1s', 1_000],
    ] as const) {
      await t.test(`killed and started again, account_ttl = ${ttl}`, async (t) => {
        const { daemon, client } = await daemonFor(t, server.url, ttl);
        for (const [right, ask] of QUESTIONS) t.equal((await ask(client)).status, right);
        for (let round = 1; round <= 3; round++) {
          const asked = stream(client);
          await sleep(200);
          await server.kill();
          const downAt = performance.now();
          const since = (at: number) => asked.answers.filter(({ askedAt }) => askedAt > at).length;
          await sleep(ttlMs + 300);
          await waitFor(() => since(downAt + ttlMs) >= 30);
          const upFrom = performance.now();
          await server.restart();
          const backAt = performance.now();
          const times = await untilRight(client);
          const rightFrom = performance.now();
          await waitFor(() => since(rightFrom) >= 30);
          await asked.stop();

          const { answers } = asked;
          t.same(
            answers.filter(({ status, right }) => status !== right && status !== FAULT),
            [],
            `round ${round}: ${answers.length} answers, each the right one or a fault`,
          );
          const down = answers.filter(({ askedAt }) => askedAt > downAt + ttlMs && askedAt < upFrom);
          t.ok(down.length > 0, `${down.length} of them while the server was down`);
          t.same(
            down.filter(({ status }) => status !== FAULT),
            [],
            'all of which are faults',
          );
          const recovered = answers.filter(({ askedAt }) => askedAt > rightFrom);
          t.ok(recovered.length > 0);
          t.same(
            recovered.filter(({ status, right }) => status !== right),
            [],
            'after the first right answer all are right',
          );
          t.comment(
            `round ${round}: right answers ${(rightFrom - backAt).toFixed(0)} ms after it accepted connections`,
          );
          t.ok(times <= RECOVERY_MAX, `asked ${times} times`);
        }
        t.same(uncaught(daemon), []);
      });
    }

    await t.test('a server that hangs', async (t) => {
      const { daemon, client } = await daemonFor(t, server.url, '0ms');
      for (const [right, ask] of QUESTIONS) t.equal((await ask(client)).status, right);
      const processes = server.processes();
      for (const pid of processes) process.kill(pid, 'SIGSTOP');
      try {
        const startedAt = performance.now();
        // More questions than connections: some wait for a connection, some use an open one, some open one.
        const hanging = await Promise.all(
          Array.from({ length: 4 }, () => QUESTIONS.map(([, ask]) => ask(client))).flat(),
        );
        const ms = performance.now() - startedAt;
        t.ok(
          hanging.every(({ status }) => status === FAULT),
          'is a fault',
        );
        t.ok(ms < TIMEOUT_MS + SLACK_MS, `within the time limit: ${ms.toFixed(0)} ms`);
        const again = performance.now();
        t.equal((await client.check('alice', 'secret')).status, FAULT);
        t.ok(performance.now() - again < TIMEOUT_MS + SLACK_MS, 'also on a new connection');
      } finally {
        for (const pid of processes) process.kill(pid, 'SIGCONT');
      }
      const backAt = performance.now();
      const times = await untilRight(client);
      t.comment(`right answers ${(performance.now() - backAt).toFixed(0)} ms after it continued`);
      t.ok(times <= RECOVERY_MAX, `asked ${times} times`);
      t.same(uncaught(daemon), []);
    });

    await t.test('idle connections that the server ends', async (t) => {
      const { daemon, client } = await daemonFor(t, server.url, '0ms', 'connections = 12');
      const crowd = () =>
        Promise.all(Array.from({ length: 60 }, (_, number) => QUESTIONS[number % 3]?.[1](client) as Promise<Answer>));
      const rights = Array.from({ length: 60 }, (_, number) => QUESTIONS[number % 3]?.[0]);
      await crowd();
      for (let round = 1; round <= 5; round++) {
        await server.endIdle();
        t.same(
          (await crowd()).map(({ status }) => status),
          rights,
          `round ${round}: no client notices`,
        );
      }
      // Also while questions are answered.
      const asked = stream(client);
      for (let round = 0; round < 10; round++) {
        await sleep(20);
        await server.endIdle();
      }
      await asked.stop();
      t.same(
        asked.answers.filter(({ status, right }) => status !== right),
        [],
        `nor in ${asked.answers.length} answers in between`,
      );
      t.same(uncaught(daemon), []);
    });

    await t.test('a second site is not affected', async (t) => {
      const directory = t.testdir();
      const second = createSite(join(directory, 'other.sqlite3'), PEOPLE, { groups: GROUPS });
      t.teardown(() => second.close());
      const { daemon } = await daemonFor(t, server.url, '0ms', `[sites.other]\ndatabase = "${second.url}"`);
      const [client, other] = [await daemon.connect(), await daemon.connect()];
      const latencies = async () => {
        const found: number[] = [];
        for (let i = 0; i < 200; i++) {
          const [right, ask] = QUESTIONS[i % 3] as (typeof QUESTIONS)[number];
          const startedAt = performance.now();
          const { status } = await ask(client, 'other');
          if (status !== right) t.fail(`${status} in place of ${right}`);
          found.push(performance.now() - startedAt);
        }
        const sorted = found.sort((a, b) => a - b);
        return { median: sorted[100] as number, worst: sorted.at(-3) as number };
      };
      /** Clients of the site that is down keep asking, thirty at a time. */
      const askOn = async (phase: { over: boolean }) => {
        while (!phase.over) {
          await Promise.all(Array.from({ length: 30 }, () => other.check('alice', 'secret', { site: 'site' })));
          await sleep(10);
        }
      };
      await latencies();
      const before = await latencies();
      const processes = server.processes();
      const phase = { over: false };
      for (const pid of processes) process.kill(pid, 'SIGSTOP');
      const asking = askOn(phase);
      const hanging = await latencies();
      phase.over = true;
      for (const pid of processes) process.kill(pid, 'SIGCONT');
      await asking;
      t.comment(
        `the second site's median: ${before.median.toFixed(2)} ms before, ${hanging.median.toFixed(2)} ms during the outage`,
      );
      t.comment(`${hanging.worst.toFixed(1)} ms at worst`);
      t.ok(hanging.median < TIMEOUT_MS / 2, 'the second site does not wait for the one that hangs');

      await server.kill();
      const refused = { over: false };
      const refusing = askOn(refused);
      const down = await latencies();
      refused.over = true;
      await refusing;
      await server.restart();
      t.ok(down.median < TIMEOUT_MS / 2, `nor for the one that refuses connections: ${down.median.toFixed(2)} ms`);
      t.equal((await client.check('alice', 'secret', { site: 'site' })).status, 0);
    });
  });
}

t.test('PostgreSQL, connections that hang while the server answers', async (t) => {
  const postgres = await startPostgres();
  t.teardown(() => postgres.stop());
  const url = await postgres.createDatabase('site');
  await (await createSiteOnPostgres(url, PEOPLE, { groups: GROUPS })).close();
  const { client } = await daemonFor(t, url, '0ms');
  await Promise.all(Array.from({ length: 20 }, () => client.check('alice', 'secret')));
  const rows = await postgres.execute('site', "SELECT pid FROM pg_stat_activity WHERE application_name = 'djauthd'");
  const backends: number[] = rows.map(({ pid }) => pid);
  t.equal(backends.length, 4);
  for (const pid of backends) process.kill(pid, 'SIGSTOP');
  const stuck = await Promise.all(Array.from({ length: 4 }, () => client.check('alice', 'secret')));
  t.same(
    stuck.map(({ status }) => status),
    [4, 4, 4, 4],
  );
  t.equal((await client.check('alice', 'secret')).status, 0, 'the stuck connections are replaced');
  for (const pid of backends) process.kill(pid, 'SIGCONT');
});

t.test('MariaDB that ends connections after one idle second', async (t) => {
  const mariadb = await startMariaDb();
  t.teardown(() => mariadb.stop());
  const url = await mariadb.createDatabase('site');
  await (await createSiteOnMariaDb(url, PEOPLE, { groups: GROUPS })).close();
  await mariadb.execute('mysql', 'SET GLOBAL wait_timeout = 1');
  const { daemon, client } = await daemonFor(t, url, '0ms', 'connections = 8');
  for (let round = 1; round <= 4; round++) {
    const crowd = await Promise.all(Array.from({ length: 30 }, () => client.check('alice', 'secret')));
    t.ok(
      crowd.every(({ status }) => status === 0),
      `round ${round}: no client notices`,
    );
    // Around the time at which the server ends them.
    await sleep(round % 2 ? 1_300 : 990);
  }
  const counted = async () =>
    Number(await mariadb.execute('mysql', "SELECT count(*) FROM information_schema.processlist WHERE db = 'site'"));
  await waitFor(async () => (await counted()) === 0);
  t.equal((await client.check('alice', 'secret')).status, 0, 'also when no connection is left');
  t.same(uncaught(daemon), []);
});
