import fc from 'fast-check';
import t from 'tap';
import type { Account } from '../../daemon/account/account.ts';
import { Accounts } from '../../daemon/account/accounts.ts';
import { byUsername, type Finding, type Verifier } from '../../daemon/evidence/verifier.ts';
import { VOUCHED } from '../../daemon/evidence/vouched.ts';
import { Fault } from '../../daemon/fault.ts';
import { admitAll } from '../../daemon/request/admission.ts';
import { Deadlines } from '../../daemon/request/deadlines.ts';
import { decide, type Pipeline } from '../../daemon/request/decide.ts';
import type { Decision, Question } from '../../daemon/request/question.ts';
import type { Site } from '../../daemon/site/site.ts';
import { STOCK } from '../../daemon/store/schema.ts';

/** A row of the database, as it was when the read of it began. */
interface Row extends Account {
  readonly readAt: number;
  /** How often the daemon had been told to forget everything by then. */
  readonly readIn: number;
}

interface Options {
  ttlMs?: number;
  leaseMs?: number;
  /** Whether a question needs a hash. */
  hashes?: boolean;
}

/** A pipeline whose database and hashes the test answers by hand. */
function world({ ttlMs = 1_000, leaseMs = 1_000, hashes = false }: Options = {}) {
  const clock = { time: 1_000, now: () => clock.time };
  const epoch = { value: 1n };
  let forgotten = 0;
  const reads: { row: Row; resolve: (row: Row) => void; reject: (error: Error) => void }[] = [];
  const hashing: (() => void)[] = [];
  const accounts = new Accounts({
    read: (username) =>
      new Promise<Row>((resolve, reject) => {
        const row = { id: '1', username, encoded: 'x', active: true, readAt: clock.time, readIn: forgotten };
        reads.push({ row: row as unknown as Row, resolve, reject });
      }),
    ttlMs,
    max: 3,
    clock,
  });
  const holds: Finding = { reason: undefined, source: 'hashed' };
  const verifier: Verifier = {
    account: byUsername,
    recall: () => (hashes ? undefined : holds),
    returns: () => true,
    verify: () => new Promise((resolve) => hashing.push(() => resolve(holds))),
    promote() {},
    demote() {},
  };
  const pipeline: Pipeline = {
    sites: new Map([['site', { name: 'site', schema: STOCK, accounts } as unknown as Site]]),
    verifiers: { password: verifier, vouched: verifier },
    admission: admitAll,
    deadlines: new Deadlines({ clock }),
    leasing: { maxMs: leaseMs, epoch },
  };
  const question = (username: string, lease = true): Question => ({
    ...{ site: undefined, username, evidence: VOUCHED, tooLong: false, lease, leased: 0, wantPermissions: false },
    requirements: { staff: false, superuser: false, permissions: [], groups: [] },
    client: { address: '', service: '' },
    deadlineAt: clock.time + 1e9,
  });
  return {
    ...{ clock, epoch, accounts, reads, hashing, pipeline, question },
    ask: (username = 'alice', lease = true) => decide(question(username, lease), pipeline),
    answer: (at = 0, fault?: Error) => {
      const [read] = reads.splice(at, 1);
      if (fault) read?.reject(fault);
      else read?.resolve(read.row);
      return turn();
    },
    forget(username?: string) {
      accounts.flush(username);
      if (username === undefined) forgotten++;
      epoch.value++;
    },
    get forgotten() {
      return forgotten;
    },
  };
}

/** Until everything that is due has been done. */
const turn = () => new Promise((resolve) => setImmediate(resolve));
const now = (decision: Decision | Promise<Decision>) => {
  if (decision instanceof Promise) throw new Error('it waits');
  return decision;
};

t.test('a lease ends when the row is as old as it may be when it decides', async (t) => {
  const { clock, ask, answer } = world();
  const first = ask();
  clock.time += 300;
  await answer();
  t.same((await first).lease, { ms: 700, epoch: 1n }, 'its age counts from when the read began');
  clock.time += 199.5;
  t.same(now(ask()).lease, { ms: 500, epoch: 1n }, 'in whole ms, rounded down');
  clock.time += 499.6;
  t.equal(now(ask()).verdict.kind, 'granted');
  t.equal(now(ask()).lease, undefined, 'less than a ms is none');
  t.equal(now(ask('alice', false)).lease, undefined);
});

t.test('at most cache.lease; none where there is none', async (t) => {
  for (const [options, expected] of [
    [{ leaseMs: 100 }, 100],
    [{ leaseMs: 0 }, undefined],
    [{ leaseMs: 60_000 }, 1_000],
    [{ ttlMs: 3_600_000, leaseMs: 1_000 }, 1_000],
    [{ ttlMs: 2 ** 40, leaseMs: 2 ** 40 }, 2 ** 32 - 1],
    [{ ttlMs: 0 }, undefined],
  ] as const) {
    const { ask, answer } = world(options);
    const decision = ask();
    await answer();
    t.equal((await decision).verdict.kind, 'granted');
    t.equal((await decision).lease?.ms, expected, JSON.stringify(options));
  }
});

t.test('no lease comes with anything but a grant', async (t) => {
  const { ask, answer, pipeline, question, reads } = world();
  const fault = ask();
  await answer(0, new Fault('the database is away'));
  t.match(await fault, { verdict: { kind: 'error' }, lease: undefined });
  const known = ask();
  await answer();
  await known;
  const staff = { ...question('alice'), requirements: { staff: true, superuser: false, permissions: [], groups: [] } };
  t.match(now(decide(staff, pipeline)), { verdict: { kind: 'denied' }, lease: undefined });
  t.match(now(decide({ ...question('alice'), tooLong: true }, pipeline)), { verdict: { kind: 'denied' } });
  t.equal(reads.length, 0);
});

t.test('what is forgotten while a question waits leaves it no lease', async (t) => {
  const { ask, answer, forget, epoch } = world();
  const waiting = ask();
  forget();
  await answer();
  t.match(await waiting, { verdict: { kind: 'granted' }, lease: undefined }, 'its row is kept nowhere');
  const next = ask();
  await answer();
  t.equal((await next).lease?.epoch, epoch.value);

  const hashed = world({ hashes: true });
  const slow = hashed.ask();
  await hashed.answer();
  hashed.forget();
  hashed.hashing.shift()?.();
  await turn();
  await hashed.answer();
  const { lease } = await slow;
  t.equal(
    lease?.epoch,
    1n,
    'a row that was read afterwards: the lease is of the epoch in which the question was asked',
  );
  t.ok((lease?.epoch ?? 0n) < hashed.epoch.value, 'and so is not used');
});

/** A client that keeps leases as PROTOCOL.md section 4.1 says. */
interface Kept {
  readonly lease: NonNullable<Decision['lease']>;
  readonly row: Row;
  readonly sentAt: number;
}

const event = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('ask' as const), name: fc.nat(1), late: fc.nat(300) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(700) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('read' as const), which: fc.nat(5), fault: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('hash' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('forget' as const), all: fc.boolean(), name: fc.nat(1) }) },
);

t.test('random schedules: no lease reaches past the age of its row, nor past what was forgotten', async (t) => {
  let used = 0;
  let ended = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(event, { minLength: 1, maxLength: 80, size: 'max' }),
      fc.constantFrom(200, 1_000, 5_000),
      fc.constantFrom(100, 1_000, 10_000),
      fc.boolean(),
      async (history, ttlMs, leaseMs, hashes) => {
        const it = world({ ttlMs, leaseMs, hashes });
        const kept: Kept[] = [];
        const late: Promise<void>[] = [];
        for (const each of history) {
          switch (each.kind) {
            case 'ask': {
              const sentAt = it.clock.time;
              it.clock.time += each.late; // on the way
              const take = (decision: Decision) => {
                const { verdict, lease } = decision;
                if (lease === undefined) return;
                if (verdict.kind !== 'granted') throw new Error('a lease without a grant');
                // The mapped number is compared when the reply has arrived.
                if (lease.epoch === it.epoch.value) kept.push({ lease, row: verdict.account as Row, sentAt });
                else ended++;
              };
              const decision = it.ask(`user ${each.name}`);
              if (decision instanceof Promise) late.push(decision.then(take));
              else take(decision);
              break;
            }
            case 'wait':
              it.clock.time += each.ms;
              break;
            case 'read':
              if (it.reads.length > 0) {
                await it.answer(each.which % it.reads.length, each.fault === 0 ? new Fault('away') : undefined);
              }
              break;
            case 'hash':
              it.hashing.shift()?.();
              break;
            case 'forget':
              it.forget(each.all ? undefined : `user ${each.name}`);
              break;
          }
          await turn();
          for (const { lease, row, sentAt } of kept) {
            const lasts = sentAt + lease.ms;
            if (lasts > row.readAt + ttlMs) throw new Error(`until ${lasts}, of a row read at ${row.readAt}`);
            if (lease.ms > leaseMs) throw new Error(`${lease.ms} ms`);
            if (it.clock.time >= lasts || lease.epoch !== it.epoch.value) continue;
            used++;
            if (row.readIn !== it.forgotten) throw new Error('of a row that was read before everything was forgotten');
          }
        }
      },
    ),
    { numRuns: 2_000 },
  );
  t.ok(used > 1_000 && ended > 10, `${used} times a lease was in force, ${ended} had ended when they arrived`);
});
