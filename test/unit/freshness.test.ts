import fc from 'fast-check';
import t from 'tap';
import type { Decision } from '../../daemon/request/question.ts';
import { Asker } from './schedule/asker.ts';
import { type EpochFile, type Settings, SimulatedDaemon } from './schedule/daemon.ts';
import { Database, type State, TIMEOUT_MS, USERS, type User, type Version } from './schedule/database.ts';
import { Machine } from './schedule/machine.ts';

// No answer, leased or not, is based on a row older than account_ttl; and where commits are noticed, on one that was
// superseded some milliseconds before.

/** For how long, in ms of a daemon that runs and a database that can tell, a superseded row may decide, and be leased. */
const NOTICED_MS = 4 + 25;
const LEASE_NOTICED_MS = NOTICED_MS + 10;

/** After so long a database counts as present that was asked meanwhile: the longest probe, and a second. */
const STALE_AFTER_MS = TIMEOUT_MS + 1_000;

const step = fc.record({
  /** Time that passes before it. */
  ms: fc.oneof(fc.nat(30), fc.nat(400), fc.nat(1_500)),
  act: fc.oneof(
    {
      weight: 24,
      arbitrary: fc.record({ kind: fc.constant('ask' as const), by: fc.constantFrom('password', 'vouched') }),
    },
    {
      weight: 8,
      arbitrary: fc.record({
        kind: fc.constant('commit' as const),
        change: fc.constantFrom('password', 'active', 'other'),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('database' as const),
        state: fc.constantFrom('away', 'away', 'hangs', 'locked', 'refuses'),
      }),
    },
    { weight: 8, arbitrary: fc.record({ kind: fc.constant('database' as const), state: fc.constant('up') }) },
    fc.record({
      kind: fc.constantFrom('flush', 'flush all', 'reload', 'reload changed', 'restart', 'kill', 'stop', 'continue'),
    }),
    fc.record({ kind: fc.constant('sleep' as const), ms: fc.nat(5_000), commit: fc.boolean() }),
    fc.record({ kind: fc.constant('listener lost' as const), how: fc.constantFrom('loudly', 'silently') }),
    fc.record({ kind: fc.constant('set clock' as const), ms: fc.integer({ min: -5_000, max: 5_000 }) }),
  ),
  user: fc.constantFrom(...USERS),
  /** How long each message and each hash of it takes. */
  delay: fc.oneof(fc.nat(5), fc.nat(700)),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const settings: fc.Arbitrary<Settings> = fc.record({
  kind: fc.constantFrom('file', 'server', 'teller'),
  ttlMs: fc.constantFrom(1_000, 300, 10_000, 0),
  leaseMs: fc.constantFrom(1_000, 0, 60_000),
  staleMs: fc.constantFrom(0, 3_000, 30_000),
});

/** What happened in a schedule, so that the test knows that it tests something. */
const seen = { grants: 0, denials: 0, stale: 0, leases: 0, 'uses of a lease': 0, faults: 0 };

async function run({ kind, ttlMs, leaseMs, staleMs }: Settings, steps: readonly Step[]): Promise<void> {
  const machine = new Machine();
  const database = new Database(machine);
  const file: EpochFile = { value: 0n };
  let delayMs = 0;
  /** When an answer could last be too late: the database was slow, or the daemon could not take it. */
  let slowAt = 0;
  const delay = () => delayMs;
  const start = () => new SimulatedDaemon(machine, database, { kind, ttlMs, leaseMs, staleMs }, file, delay);
  let daemon = start();
  const askers = [new Asker(machine, file), new Asker(machine, file)];

  /** Since when commits can be noticed: the daemon runs and the database is there. */
  let noticeableSince = 0;
  /** Called when something changes that it depends on. */
  const recount = () => {
    const now = !daemon.process.stopped && !daemon.process.dead && database.state === 'up';
    if (!now) noticeableSince = Number.POSITIVE_INFINITY;
    else if (noticeableSince === Number.POSITIVE_INFINITY) noticeableSince = machine.time;
  };

  const failed = (what: string, version: Version | undefined, more: object = {}): never => {
    const { time } = machine;
    throw new Error(
      `${what} at ${time}: ${JSON.stringify({ ...version, encoded: undefined, noticeableSince, ...more })}`,
    );
  };
  /** When what was known of a user, or a lease, was last forgotten. */
  const forgotten = { alice: 0, bob: 0 };
  const forget = (user?: User) => {
    for (const each of USERS) if (user === undefined || user === each) forgotten[each] = machine.time;
  };
  /** @param limitMs how old it may be @param askedAt when it was asked */
  const judge = (what: string, user: User, number: number, askedAt: number, limitMs: number, noticedMs: number) => {
    const version = database.versions.find((each) => each.user === user && each.number === number) as Version;
    if (!version.active) failed(`${what} of a user who was not active`, version);
    const { until } = version;
    if (until === Number.POSITIVE_INFINITY) return;
    if (askedAt > version.toldAt) failed(`${what} of a row whose end was told`, version);
    if (askedAt > forgotten[user] && until < forgotten[user]) failed(`${what} of a row that was forgotten`, version);
    if (machine.time - until >= Math.max(limitMs, 1)) failed(`${what} of an old row`, version, { limitMs });
    if (kind === 'file' && limitMs <= ttlMs && machine.time - Math.max(until, noticeableSince) > noticedMs) {
      failed(`${what} of a row whose end was noticeable`, version);
    }
  };
  /** With a time to live of 0 an answer may take a second. */
  const limitMs = ttlMs || 1_000;

  const decided = (user: User, { verdict, lease }: Decision, by: string, askedAt: number) => {
    if (verdict.kind === 'granted') {
      seen.grants++;
      const number = Number(verdict.account.email);
      if (verdict.stale) {
        seen.stale++;
        if (lease !== undefined || by === 'vouched') failed('a lease or a vouched user of a stale grant', undefined);
        if (staleMs === 0) failed('a stale grant', undefined);
        if (machine.time - Math.max(database.presentSince, slowAt) > STALE_AFTER_MS + limitMs)
          failed('a stale grant of a present database', undefined);
        judge('stale grant', user, number, askedAt, ttlMs + staleMs, 0);
      } else judge('grant', user, number, askedAt, limitMs, NOTICED_MS);
      if (lease !== undefined) {
        seen.leases++;
        if (leaseMs === 0 || ttlMs === 0 || lease.ms > Math.min(leaseMs, ttlMs))
          failed('a lease', undefined, { lease: lease.ms });
      }
    } else {
      if (lease !== undefined) failed('a lease of no grant', undefined);
      if (verdict.kind === 'error') seen.faults++;
      if (verdict.kind !== 'denied') return;
      seen.denials++;
      const was = database.versions.some(
        (each) => each.user === user && !each.active && machine.time - each.until < limitMs,
      );
      if (!was) failed(`denied: ${verdict.reason}`, database.present(user));
    }
  };

  const ask = (user: User, by: 'password' | 'vouched', asker: Asker) => {
    const number = asker.recall(user);
    if (number !== undefined) {
      seen['uses of a lease']++;
      judge('use of a lease', user, number, machine.time, ttlMs, LEASE_NOTICED_MS);
      return;
    }
    const sentAt = machine.boottime();
    const asked = daemon;
    const backMs = delayMs;
    const arrive = async () => {
      const askedAt = machine.time;
      const decision = await asked.ask(user, by);
      if (asked.process.dead) return;
      decided(user, decision, by, askedAt);
      machine.after(backMs, () => asker.replied(user, decision, sentAt), 'network');
    };
    machine.after(delayMs, () => void arrive().catch((error) => problems.push(error)), 'network', asked.process);
  };
  const problems: Error[] = [];

  for (const { ms, act, user, delay: each } of steps) {
    await machine.pass(ms);
    if (2 * Math.max(delayMs, each) >= limitMs || daemon.process.stopped) slowAt = machine.time;
    delayMs = each;
    recount();
    switch (act.kind) {
      case 'ask':
        ask(user, act.by as 'password', askers[ms % 2] as Asker);
        break;
      case 'commit':
        // A file that is locked is locked by whoever commits.
        database.commit(user, act.change as 'password');
        break;
      case 'database':
        database.turn(kind !== 'file' && act.state === 'locked' ? 'up' : (act.state as State));
        break;
      case 'flush':
      case 'flush all':
        if (daemon.process.stopped) break;
        daemon.flush(act.kind === 'flush' ? user : undefined);
        forget(act.kind === 'flush' ? user : undefined);
        break;
      case 'reload':
      case 'reload changed':
        if (daemon.process.stopped) break;
        daemon.reload(act.kind !== 'reload');
        if (act.kind !== 'reload') forget();
        break;
      case 'restart':
        if (daemon.process.stopped) break;
        daemon.stop();
        daemon = start();
        forget();
        break;
      case 'kill':
        daemon.kill();
        recount();
        await machine.pass(each); // without a daemon
        daemon = start();
        forget();
        break;
      case 'stop':
        daemon.process.stopped = true;
        break;
      case 'continue':
        await machine.continue(daemon.process);
        break;
      case 'sleep':
        // A file is on the machine that sleeps.
        if (act.commit && kind !== 'file') machine.after(act.ms / 2, () => database.commit(user, 'active'));
        await machine.sleep(act.ms);
        slowAt = machine.time;
        if (noticeableSince < machine.time) noticeableSince = machine.time;
        break;
      case 'listener lost':
        database.breakSession(act.how as 'loudly');
        break;
      case 'set clock':
        machine.setWall(act.ms);
        break;
    }
    recount();
    // Whoever may use a lease uses it at once, too.
    await machine.pass(0);
    for (const asker of askers) {
      for (const each of USERS) {
        const number = asker.recall(each);
        if (number === undefined) continue;
        seen['uses of a lease']++;
        judge('use of a lease', each, number, machine.time, ttlMs, LEASE_NOTICED_MS);
      }
    }
    if (problems.length > 0) throw problems[0];
  }
}

t.test('whatever the order of events, no answer is based on an old row', async (t) => {
  const numRuns = Number(process.env.DJAUTH_SCHEDULES ?? 600);
  await fc.assert(fc.asyncProperty(settings, fc.array(step, { minLength: 20, maxLength: 90 }), run), { numRuns });
  for (const [what, count] of Object.entries(seen)) t.ok(count > numRuns / 25, `${count} ${what}`);
});
