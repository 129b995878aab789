import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { sectionsOf } from '../../daemon/config/key.ts';
import { keys } from '../../daemon/config/keys.ts';
import { startApache } from '../fixtures/apache.ts';
import { PROGRAM, startDaemon } from '../fixtures/daemon.ts';
import { createSite, encodePbkdf2, type Person } from '../fixtures/site.ts';

/*
 * What an attacker with a stopwatch learns about accounts. Every kind of account is asked about in the same run, in a
 * changing order: what disturbs the machine disturbs all kinds alike. Each sample is a new wrong password (cold), and the
 * same one again when the account's snapshot has expired (repeated) and once more (again).
 *
 * The measure is the probability that a question about a kind takes longer than one about an unknown name: the area under
 * the ROC curve, AUC, which is the Mann-Whitney statistic. 0.5 tells nothing, and 0.4 as much as 0.6: the greater is shown.
 * If there is no difference, it strays by sqrt((n + m + 1) / (12 n m)): 0.007 for 2,000 samples against 8,000, and 0.027
 * for 150 against 300. All kinds of one form are compared with the same unknown names, so they stray together.
 */

export type Door = 'socket' | 'apache';

export interface TimingOptions {
  readonly door: Door;
  /** Of each kind and form. */
  readonly samples: number;
  /** Among how many accounts those are that are asked about; 10,000 by default. */
  readonly accounts?: number;
  /** How many questions are asked at once. */
  readonly concurrency?: number;
  /** More of the configuration. */
  readonly config?: string;
  /** Another daemon than the one that was built. */
  readonly program?: string;
  /** Told from time to time how far it is. */
  readonly onProgress?: (share: number) => void;
}

/** How well a kind of account can be told from an unknown name. */
export interface TimingRow {
  readonly kind: string;
  readonly form: Form;
  readonly samples: number;
  readonly medianMs: number;
  /** 0.5 to 1. */
  readonly auc: number;
}

const ACCOUNTS = 10_000;

const FORMS = ['cold', 'repeated', 'again'] as const;
type Form = (typeof FORMS)[number];

/** How old a snapshot may be, in ms, and how long is waited until it has expired. */
const SNAPSHOT_MS = 40;
const EXPIRED_MS = SNAPSHOT_MS + 5;

/** How long daemon and site are warmed up, in ms for each account: by then all of them have been sampled. */
const WARM_UP_MS = 4.5;

const SECRET = 'the right one';
const prevailing = (password: string) => encodePbkdf2(password, { iterations: 16_000 });
const base64 = (octets: number) => randomBytes(octets).toString('base64');
const bare = (octets: number) => base64(octets).replace(/=+$/, '');
const hex = (octets: number) => randomBytes(octets).toString('hex');
const bcrypt64 = (length: number) => `${'.'.repeat(21)}O${hex(32).slice(0, length - 22)}`;

/** Hashes that some accounts have, a few ms each. */
const COMMON: Record<string, () => string> = {
  'pbkdf2_sha256, few iterations': () => `pbkdf2_sha256$4000$${hex(6)}$${base64(32)}`,
  'pbkdf2_sha256, fewer': () => `pbkdf2_sha256$1000$${hex(6)}$${base64(32)}`,
  pbkdf2_sha1: () => `pbkdf2_sha1$6000$${hex(6)}$${base64(20)}`,
  argon2: () => `argon2$argon2id$v=19$m=1024,t=1,p=1$${bare(12)}$${bare(32)}`,
  bcrypt_sha256: () => `bcrypt_sha256$$2b$04$${bcrypt64(53)}`,
  bcrypt: () => `bcrypt$$2b$04$${bcrypt64(53)}`,
  scrypt: () => `scrypt$512$${hex(6)}$8$1$${base64(64)}`,
  sha1: () => `sha1$${hex(6)}$${hex(20)}`,
  md5: () => `md5$${hex(6)}$${createHash('md5').update('x').digest('hex')}`,
  unsalted_sha1: () => `sha1$$${hex(20)}`,
  unsalted_md5: () => hex(16),
};

/** Hashes that one account in ten thousand has, outside of any sample. */
const RARE: Record<string, () => string> = {
  'rare and ten times as dear': () => `pbkdf2_sha256$160000$${hex(6)}$${base64(32)}`,
  'rare and three times as dear': () => `pbkdf2_sha256$48000$${hex(6)}$${base64(32)}`,
  'rare and cheap': () => `pbkdf2_sha256$17$${hex(6)}$${base64(32)}`,
  // DES crypt needs its addon; without it, bcrypt of another cost is another kind of work too.
  'a rare algorithm': () =>
    process.env.DJAUTH_NO_ADDON ? `bcrypt_sha256$$2b$05$${bcrypt64(53)}` : 'crypt$$ab1Hv2Lg7ltQo',
  'bcrypt, rare and dear': () => `bcrypt$$2b$08$${bcrypt64(53)}`,
};

const HASHERS = [
  'pbkdf2_sha256',
  'pbkdf2_sha1',
  'argon2',
  'bcrypt_sha256',
  'bcrypt',
  'scrypt',
  'sha1',
  'md5',
  'unsalted_sha1',
  'unsalted_md5',
  'crypt',
];

/** The names that no account has. All others are compared with them. */
const UNKNOWN = ['unknown', 'unknown, another', 'unknown, a third', 'unknown, a fourth'];

/** The name and password of a sample, new for each. */
type Ask = (sample: number) => readonly [username: string, password: string];

function makeAccounts(samples: number, accounts: number): { people: Person[]; kinds: Map<string, Ask> } {
  const wrong = () => `wrong ${randomBytes(9).toString('base64')}`;
  const kinds = new Map<string, Ask>(UNKNOWN.map((name) => [name, () => [name, wrong()]]));
  const people: Person[] = [];
  const add = (kind: string, person: Omit<Person, 'username'>) => {
    people.push({ username: kind, ...person });
    kinds.set(kind, () => [kind, wrong()]);
  };
  add('prevailing', { encoded: prevailing(SECRET) });
  for (const [kind, encoded] of Object.entries(COMMON)) add(kind, { encoded: encoded() });
  add('inactive', { encoded: prevailing(SECRET), isActive: false });
  add('unusable', { encoded: '!' });
  add('malformed', { encoded: 'pbkdf2_sha256$many$salt$hash' });
  add('of an unknown algorithm', { encoded: 'rot13$salt$frperg' });
  // In between: at neither end of the table.
  const rights = prevailing(SECRET);
  for (let number = 0; people.length < accounts / 2; number++) people.push(other(number));
  for (const [kind, encoded] of Object.entries(RARE)) add(kind, { encoded: encoded() });
  for (let sample = 0; sample < samples; sample++) {
    people.push({ username: `right ${sample}`, encoded: rights, isActive: false });
  }
  for (let number = people.length; people.length < accounts; number++) people.push(other(number));
  kinds.set('inactive, the right password', (sample) => [`right ${sample}`, SECRET]);
  kinds.set('unknown, a new name each time', () => [`nobody ${hex(6)}`, wrong()]);
  kinds.set('another account each time', (sample) => [`other ${sample}`, wrong()]);
  return { people, kinds };
}

function other(number: number): Person {
  const makers = Object.values(COMMON);
  const maker = number % 4 === 0 ? makers[(number / 4) % Math.min(makers.length)] : undefined;
  return { username: `other ${number}`, encoded: maker?.() ?? OTHERS };
}
const OTHERS = `pbkdf2_sha256$16000$${hex(6)}$${base64(32)}`;

/** Who guesses too much is refused before anything is hashed: not here. An older daemon may not know the key. */
const NO_THROTTLE = [...sectionsOf(keys)].some(({ path }) => path.join('.') === 'throttle')
  ? '[throttle]\nenabled = false\n'
  : '';

/** Measures, and returns a row for each kind and form. */
export async function measureTiming(options: TimingOptions): Promise<TimingRow[]> {
  const { people, kinds } = makeAccounts(options.samples, options.accounts ?? ACCOUNTS);
  const directory = mkdtempSync(join(tmpdir(), 'djauthd-t-'));
  chmodSync(directory, 0o755);
  const site = createSite(join(directory, 'db.sqlite3'), people);
  const hashers = `hashers = ${JSON.stringify(HASHERS)}`;
  const daemon = await startDaemon({
    directory,
    listen: 'mode = "0666"',
    config: `[sites.site]\ndatabase = "${site.url}"\n${hashers}\n[cache]\naccount_ttl = "${SNAPSHOT_MS}ms"\nrefusals = 1000000\n${options.program === undefined ? NO_THROTTLE : ''}${options.config ?? ''}`,
    program: options.program ?? PROGRAM,
  });
  try {
    const door = await (options.door === 'socket' ? openSocket(daemon) : openApache(daemon.socket));
    try {
      return await measure(kinds, door.deny, options);
    } catch (error) {
      const faults = daemon.lines().filter(({ level }) => Number(level) > 30);
      console.error(
        faults
          .slice(-10)
          .map((line) => JSON.stringify(line))
          .join('\n'),
      );
      throw error;
    } finally {
      await door.close();
    }
  } finally {
    await daemon.stop();
    site.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

interface Doorway {
  /** Asks and is denied; false if the daemon was too busy to answer. */
  deny(username: string, password: string): Promise<boolean>;
  close(): Promise<void>;
}

async function openSocket(daemon: Awaited<ReturnType<typeof startDaemon>>): Promise<Doorway> {
  const client = await daemon.connect();
  return {
    async deny(username, password) {
      const { status, content } = await client.check(username, password, {
        client: { address: addressOf(), service: 'timing' },
      });
      if (status === 3) return false;
      if (status !== 1 && status !== 2) throw new Error(`${username}: status ${status}, ${JSON.stringify(content)}`);
      return true;
    },
    async close() {
      client.close();
    },
  };
}

async function openApache(socket: string): Promise<Doorway> {
  const section =
    'AuthType Basic\nAuthName "x"\nAuthBasicProvider django\nDjangoRequireStaffStatus Off\nRequire valid-user';
  const apache = await startApache(
    `DjangoAuthSocket ${socket}\nDjangoAuthTimeout 60s\n<Location "/in">\n${section}\n</Location>\nKeepAlive On\nMaxKeepAliveRequests 0`,
    { files: { 'in/index.html': 'in' }, logLevel: 'emerg' },
  );
  const agent = new http.Agent({ keepAlive: true });
  return {
    async deny(username, password) {
      const { status } = await apache.get('/in/', { user: username, password, agent });
      if (status === 503) return false;
      if (status !== 401) throw new Error(`${username}: HTTP status ${status}`);
      return true;
    },
    async close() {
      agent.destroy();
      await apache.stop();
    },
  };
}

/** An address of its own for each question: who guesses is not what is measured. */
function addressOf(): string {
  const [a, b, c] = randomBytes(3);
  return `10.${a}.${b}.${c}`;
}

async function measure(
  kinds: ReadonlyMap<string, Ask>,
  deny: Doorway['deny'],
  { samples, accounts = ACCOUNTS, concurrency = 12, onProgress }: TimingOptions,
): Promise<TimingRow[]> {
  const times = new Map(
    [...kinds.keys()].map((kind) => [kind, { cold: [], repeated: [], again: [] } as Record<Form, number[]>]),
  );
  const timed = async (username: string, password: string) => {
    const startedAt = performance.now();
    const denied = await deny(username, password);
    return denied ? performance.now() - startedAt : undefined;
  };
  // Each of the sampled kinds has been hashed a few times by then.
  const until = performance.now() + WARM_UP_MS * accounts;
  while (performance.now() < until) {
    for (const [kind, ask] of kinds) {
      if (kind.includes('right') || kind.includes('each time')) continue;
      await deny(ask(0)[0], `warm ${hex(6)}`);
    }
  }

  const all = [...kinds].flatMap(([kind, ask]) =>
    Array.from({ length: samples }, (_, sample) => ({ kind, ask, sample })),
  );
  let next = 0;
  const schedule = inRounds(all, kinds.size, samples);
  const one = async () => {
    for (;;) {
      const entry = schedule[next++];
      if (entry === undefined) return;
      if (next % 500 === 0) onProgress?.(next / schedule.length);
      const of = times.get(entry.kind) as Record<Form, number[]>;
      const [username, password] = entry.ask(entry.sample);
      const cold = await timed(username, password);
      await sleep(EXPIRED_MS);
      if (cold === undefined) continue; // on a machine that is too busy; said in the number of samples
      of.cold.push(cold);
      for (const form of ['repeated', 'again'] as const) {
        const ms = await timed(username, password);
        if (ms !== undefined) of[form].push(ms);
      }
    }
  };
  await Promise.all(Array.from({ length: concurrency }, one));

  return FORMS.flatMap((form) => {
    const unknown = UNKNOWN.flatMap((kind) => times.get(kind)?.[form] ?? []);
    return [...times].map(([kind, of]) => ({
      kind,
      form,
      samples: of[form].length,
      medianMs: median(of[form]),
      auc: aucOf(of[form], unknown),
    }));
  });
}

/** A sample of each kind in turn, each time in another order. */
function inRounds<T>(all: readonly T[], kinds: number, samples: number): T[] {
  return Array.from({ length: samples }, (_, round) => {
    const entries = Array.from({ length: kinds }, (_, kind) => all[kind * samples + round] as T);
    for (let at = entries.length - 1; at > 0; at--) {
      const with_ = Math.floor(Math.random() * (at + 1));
      [entries[at], entries[with_]] = [entries[with_] as T, entries[at] as T];
    }
    return entries;
  }).flat();
}

function median(of: readonly number[]): number {
  return [...of].sort((a, b) => a - b)[Math.floor(of.length / 2)] ?? Number.NaN;
}

/** How well some times can be told from others, whichever are longer. */
export function aucOf(some: readonly number[], others: readonly number[]): number {
  const sorted = [...others].sort((a, b) => a - b);
  const below = (value: number, orEqual: boolean) => {
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const each = sorted[middle] as number;
      if (each < value || (orEqual && each === value)) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  let greater = 0;
  for (const each of some) greater += (below(each, false) + below(each, true)) / 2;
  const auc = greater / (some.length * others.length);
  return Math.max(auc, 1 - auc);
}

/** The rows as a table for a terminal. */
export function timingTable(rows: readonly TimingRow[]): string {
  const kinds = [...new Set(rows.map(({ kind }) => kind))];
  const cell = (kind: string, form: Form) => {
    const row = rows.find((each) => each.kind === kind && each.form === form);
    return row === undefined ? '' : `${row.auc.toFixed(3)} ${row.medianMs.toFixed(1).padStart(7)} ms`;
  };
  const lines = kinds.map((kind) => `${kind.padEnd(34)} ${FORMS.map((form) => cell(kind, form)).join('   ')}`);
  return [`${'AUC, median'.padEnd(34)} ${FORMS.map((form) => form.padEnd(16)).join('   ')}`, ...lines].join('\n');
}

/** `npx tsx test/attack/timing.ts [socket|apache] [samples] [concurrency] [program]` */
if (process.argv[1] === import.meta.filename) {
  const [, , door = 'socket', samples = '2000', concurrency = '12', program] = process.argv;
  process.once('SIGTERM', () => process.exit(1)); // the fixtures end what they started
  const startedAt = performance.now();
  const rows = await measureTiming({
    door: door as Door,
    samples: Number(samples),
    concurrency: Number(concurrency),
    ...(program === undefined ? {} : { program }),
    onProgress: (share) => process.stderr.write(`\r${(100 * share).toFixed(0)} %`),
  });
  process.stderr.write('\n');
  console.log(`${door}, ${samples} samples of each kind, ${((performance.now() - startedAt) / 1000).toFixed(0)} s`);
  console.log(timingTable(rows));
  const worst = Math.max(...rows.map(({ auc }) => auc));
  const fewest = Math.min(...rows.map(({ samples }) => samples));
  console.log(`highest AUC: ${worst.toFixed(3)}; at least ${fewest} samples each`);
}
