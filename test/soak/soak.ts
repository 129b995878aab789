import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command, InvalidArgumentError } from 'commander';
import { openFiles, rssMb } from '../attack/measure.ts';
import { type Served, serve } from '../bench/serve.ts';
import { type Client, connect } from '../fixtures/client.ts';
import { startMariaDb } from '../fixtures/mariadb.ts';
import { startPostgres } from '../fixtures/postgres.ts';
import { createSiteOnMariaDb, createSiteOnPostgres, encodePbkdf2, type Person } from '../fixtures/site.ts';
import { type Sample, slopePerHour } from './slope.ts';

/*
 * npm run soak [-- --minutes N]
 *
 * Asks one daemon with a site on PostgreSQL and one on MariaDB for a long time: right passwords, wrong ones, unknown users,
 * more first checks than it can hash, changed passwords and flags, reloads, clients that come and go, and database servers
 * that are stopped and killed. Prints counts, and the slopes of its memory and of its open descriptors after warming up.
 * Exits 1 if there was a wrong verdict or if something grows.
 */

process.on('SIGINT', () => process.exit(130));
process.on('SIGTERM', () => process.exit(143));

const { minutes } = new Command('npm run soak --')
  .option(
    '--minutes <n>',
    'how long',
    (text) => {
      const value = Number(text);
      if (!(value >= 1)) throw new InvalidArgumentError('at least 1');
      return value;
    },
    30,
  )
  .parse()
  .opts<{ minutes: number }>();

const USERS = 200;
const ITERATIONS = 20_000;

/** Small enough to be full soon: memory is flat from then on. */
const CACHES = 'accounts = 1000\nproofs = 1000\nrefusals = 1000\nproof_ttl = "20s"\nrefusal_ttl = "20s"';

/** What may be added between the end of warming up and the end, in MB and in descriptors. */
const GROWTH_MB_MAX = 12;
const GROWTH_FILES_MAX = 8;

interface Soaked {
  readonly name: string;
  execute(sql: string): Promise<unknown>;
  /** The password of each user, which changes. */
  readonly passwords: string[];
  readonly active: boolean[];
  /** When a user was changed last: both answers are right for a while. */
  readonly changedAt: number[];
  /** Until when the server is away, and a while longer. */
  away: boolean;
  outage(): Promise<void>;
}

const counts: Record<string, number> = {};
const wrong: string[] = [];
const count = (what: string) => {
  counts[what] = (counts[what] ?? 0) + 1;
};

const startedAt = performance.now();
const elapsed = () => (performance.now() - startedAt) / 1000;
const progress = (what: string) => process.stderr.write(`[${elapsed().toFixed(0).padStart(4)} s] ${what}\n`);
const endAt = startedAt + minutes * 60_000;
const going = () => performance.now() < endAt;
const below = (limit: number) => Math.floor(Math.random() * limit);

/** How long the former answer may still come, in ms: `cache.account_ttl` and a hash that is under way. */
const FRESH_MS = 4_000;

const WORDS = ['granted', 'denied', 'unknown', 'busy', 'error', 'bad request'];

async function ask(client: Client, soaked: Soaked): Promise<void> {
  const user = below(USERS);
  const kind = below(10);
  const right = kind < 6;
  const unknown = kind === 9;
  const username = unknown ? `nobody${below(100_000)}` : `user${user}`;
  const password = right ? (soaked.passwords[user] as string) : `wrong ${below(kind === 6 ? 5 : 1e9)}`;
  const askedAt = performance.now();
  const { status } = await client.check(username, password, {
    site: soaked.name,
    client: { address: `192.0.2.${user}`, service: 'soak' },
    deadline_ms: 5_000,
  });
  const what = unknown ? 'unknown user' : right ? 'right password' : 'wrong password';
  count(`${what}${right && !soaked.active[user] ? ' of an inactive user' : ''}: ${WORDS[status]}`);
  const doubtful = askedAt - (soaked.changedAt[user] as number) < FRESH_MS || soaked.passwords[user] !== password;
  const verdict = `${soaked.name} ${username} status ${status} at ${elapsed().toFixed(0)} s`;
  if (!right && status === 0) wrong.push(`granted: ${verdict}`);
  if (right && !doubtful && soaked.active[user] && (status === 1 || status === 2)) wrong.push(`denied: ${verdict}`);
  if (right && !doubtful && !soaked.active[user] && status === 0) wrong.push(`granted an inactive user: ${verdict}`);
  if (status === 5) wrong.push(`bad request: ${verdict}`);
}

/** A client that asks, and now and then connects anew. */
async function asking(daemon: Served, sites: readonly Soaked[]): Promise<void> {
  while (going()) {
    const client = await connect(daemon.socket);
    try {
      for (let i = 0; i < 400 && going(); i++) {
        await ask(client, sites[below(sites.length)] as Soaked);
        await sleep(below(20));
      }
      // Now and then it goes without waiting for what it asked.
      if (below(3) === 0) for (let i = 0; i < 10; i++) ask(client, sites[0] as Soaked).catch(() => count('abandoned'));
    } catch {
      count('closed');
    } finally {
      client.close();
    }
  }
}

/** Many first checks at once, more than can be hashed. */
async function bursts(daemon: Served): Promise<void> {
  while (going()) {
    const client = await connect(daemon.socket);
    const asked = Array.from({ length: 60 }, () =>
      client
        .check(`user${below(USERS)}`, `burst ${below(1e9)}`, {
          site: 'pg',
          client: { address: `198.51.100.${below(250)}`, service: 'soak' },
          deadline_ms: 2_000,
        })
        .then(({ status }) => {
          count(`many guesses at once: ${WORDS[status]}`);
          if (status === 0) wrong.push('a guess was granted');
        })
        .catch(() => count('closed')),
    );
    await Promise.all(asked);
    client.close();
    await sleep(3_000);
  }
}

async function changes(sites: readonly Soaked[]): Promise<void> {
  for (let number = 0; going(); number++) {
    await sleep(1_000);
    const soaked = sites[number % sites.length] as Soaked;
    const user = below(USERS);
    if (soaked.away) continue;
    try {
      soaked.changedAt[user] = Number.POSITIVE_INFINITY;
      const set = async (what: string) => soaked.execute(`UPDATE auth_user SET ${what} WHERE username = 'user${user}'`);
      if (number % 3 === 0) {
        await set(`is_active = ${!soaked.active[user]}`);
        soaked.active[user] = !soaked.active[user];
      } else {
        const password = `secret ${number}`;
        await set(`password = '${encodePbkdf2(password, { iterations: ITERATIONS })}'`);
        soaked.passwords[user] = password;
      }
      soaked.changedAt[user] = performance.now();
      count('changes');
    } catch {
      count('changes lost'); // the server went away: nobody knows which answer is right, so changedAt stays
    }
  }
}

async function reloads(daemon: Served): Promise<void> {
  while (going()) {
    await sleep(20_000);
    daemon.process.kill('SIGHUP');
    count('reloads');
  }
}

/** Each server is away `times` times, in turn. */
async function outages(sites: readonly Soaked[]): Promise<void> {
  const times = 2 * Math.max(2, Math.round(minutes / 5));
  for (let number = 0; number < times; number++) {
    await sleep((minutes * 60_000) / (times + 1));
    if (!going()) return;
    const soaked = sites[number % sites.length] as Soaked;
    progress(`${soaked.name}: its server is restarted`);
    soaked.away = true;
    await soaked.outage();
    soaked.away = false;
    count('outages');
  }
}

const directory = mkdtempSync(join(tmpdir(), 'djauthd-soak-'));
const [postgres, mariadb] = await Promise.all([startPostgres(), startMariaDb()]);
const people: Person[] = Array.from({ length: USERS }, (_, i) => ({ username: `user${i}`, password: `secret ${i}` }));
const options = { iterations: ITERATIONS };
const [pgUrl, mariaUrl] = [await postgres.createDatabase('soak'), await mariadb.createDatabase('soak')];
await (await createSiteOnPostgres(pgUrl, people, options)).close();
await (await createSiteOnMariaDb(mariaUrl, people, options)).close();
const fresh = () => ({
  passwords: people.map(({ password }) => password as string),
  active: people.map(() => true),
  changedAt: people.map(() => Number.NEGATIVE_INFINITY),
  away: false,
});
let crash = false;
const sites: Soaked[] = [
  {
    name: 'pg',
    execute: (sql) => postgres.execute('soak', sql),
    async outage() {
      crash = !crash;
      if (crash) await postgres.kill();
      await sleep(3_000);
      await postgres.restart();
    },
    ...fresh(),
  },
  {
    name: 'maria',
    execute: (sql) => mariadb.execute('soak', sql),
    async outage() {
      await mariadb.kill();
      await sleep(3_000);
      await mariadb.restart();
    },
    ...fresh(),
  },
];
const daemon = await serve({
  directory,
  name: 'soak',
  throttled: true,
  config: `[sites.pg]\ndatabase = "${pgUrl}"\n[sites.maria]\ndatabase = "${mariaUrl}"\n[cache]\n${CACHES}\n[throttle]\nname = 1000\nsource = 10000\nsite = 100000\n[log]\nlevel = "error"`,
});
const pid = daemon.process.pid as number;
const memory: Sample[] = [];
const files: Sample[] = [];
const sample = () => {
  memory.push([elapsed(), rssMb(pid)]);
  files.push([elapsed(), openFiles(pid)]);
};
const sampler = setInterval(sample, 1_000);
const teller = setInterval(() => progress(`${rssMb(pid).toFixed(1)} MB, ${openFiles(pid)} descriptors`), 60_000);
const first = endAt - performance.now();
await Promise.all([
  ...Array.from({ length: 8 }, () => asking(daemon, sites)),
  bursts(daemon),
  changes(sites),
  reloads(daemon),
  outages(sites),
]);
clearInterval(sampler);
clearInterval(teller);

// After an end like that everybody with the right password is in.
let served = 0;
const client = await connect(daemon.socket);
for (const soaked of sites) {
  for (let user = 0; user < 20; user++) {
    for (let tries = 0; tries < 5; tries++) {
      const { status, content } = await client.check(`user${user}`, soaked.passwords[user] as string, {
        site: soaked.name,
        client: { address: `203.0.113.${user}`, service: 'soak' },
      });
      if (status === 3) {
        await sleep(Number(content.retry_after) * 1000);
        continue;
      }
      if ((status === 0) === soaked.active[user]) served++;
      break;
    }
  }
}
client.close();
const crashed = daemon.process.exitCode !== null;
await daemon.stop();
await Promise.all([postgres.stop(), mariadb.stop()]);
rmSync(directory, { recursive: true, force: true });

const warm = (samples: Sample[]) => samples.filter(([at]) => at > (first / 1000) * 0.3);
const hours = (first / 3_600_000) * 0.7;
let failed = crashed || wrong.length > 0 || served < 40;
console.log(
  Object.entries(counts)
    .sort()
    .map(([what, number]) => `${number.toLocaleString('en')} × ${what}`)
    .join('\n'),
);
for (const [what, samples, most] of [
  ['memory in MB', memory, GROWTH_MB_MAX],
  ['descriptors', files, GROWTH_FILES_MAX],
] as const) {
  const list = warm(samples);
  const slope = slopePerHour(list);
  const grown = slope * hours;
  console.log(
    `${what}: ${list[0]?.[1].toFixed(1)} after warming up, ${list.at(-1)?.[1].toFixed(1)} at the end, ` +
      `slope ${slope.toFixed(2)} per hour over ${list.length} samples: ${grown.toFixed(2)} in the time observed (at most ${most})`,
  );
  if (!(grown <= most)) failed = true;
}
console.log(
  `${served} of 40 users decided rightly at the end; ${wrong.length} wrong verdicts; the daemon ${crashed ? 'died' : 'ran'}`,
);
for (const each of wrong.slice(0, 20)) console.log(each);
process.exit(failed ? 1 : 0);
