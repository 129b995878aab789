import fc from 'fast-check';
import t from 'tap';
import type { Account } from '../../daemon/account/account.ts';
import { Accounts } from '../../daemon/account/accounts.ts';
import { Hearing } from '../../daemon/account/hearing.ts';
import { Site } from '../../daemon/site/site.ts';
import { STOCK } from '../../daemon/store/schema.ts';
import { hashPolicy } from '../fixtures/hash-policy.ts';

const FALLBACK = 1_000;
const TTL = 3_600_000;

const accountOf = (id: string, encoded = '1'): Account => ({
  ...{ id, username: `user${id}`, encoded, active: true, staff: false, superuser: false },
  ...{ email: '', firstName: '', lastName: '', groups: [], permissions: new Set<string>() },
});

function world(read: (username: string) => Promise<Account | null>) {
  const clock = { time: 1_000_000, now: () => clock.time };
  const turns: boolean[] = [];
  let reads = 0;
  const hearing: Hearing = new Hearing({
    ...{ ttlMs: TTL, fallbackMs: FALLBACK, clock },
    forget: (ids) => accounts.forget(ids),
    onChange: (hears) => turns.push(hears),
  });
  const accounts: Accounts = new Accounts({
    ...{ ttlMs: FALLBACK, max: 1_000, clock, freshness: hearing },
    read: (username) => {
      reads++;
      return read(username);
    },
  });
  const begin = () => {
    hearing.began();
    hearing.proven(clock.time);
  };
  return { clock, hearing, accounts, begin, turns, reads: () => reads };
}

t.test('a snapshot decides for as long as canaries come back', async (t) => {
  const { clock, accounts, hearing, begin, turns } = world(async (name) => accountOf(name));
  await accounts.get('1');
  t.ok(accounts.recall('1'));
  begin();
  t.equal(accounts.recall('1'), undefined, 'what was read before it was heard is forgotten');
  await accounts.get('1');
  for (let second = 0; second < 100; second++) {
    clock.time += FALLBACK / 2;
    hearing.proven(clock.time);
    t.ok(accounts.recall('1'));
  }
  t.equal(accounts.ageOf('1'), 50 * FALLBACK, 'and its age can be told');
  clock.time += FALLBACK - 1;
  t.ok(accounts.recall('1'), 'until the last canary is as old as an account may be');
  clock.time += 1;
  t.equal(accounts.recall('1'), undefined);
  t.equal(accounts.ageOf('1'), undefined);
  hearing.proven(clock.time);
  t.ok(accounts.recall('1'), 'a late canary proves that nothing was missed');
  hearing.ended('gone');
  clock.time += FALLBACK;
  t.equal(accounts.recall('1'), undefined);
  begin();
  t.equal(accounts.recall('1'), undefined);
  t.same(turns, [true, false, true]);
  t.match(hearing.report(), { hears: true, notifications: 0, canary_seconds: 0, reason: null });
});

t.test('an account is read again after so long although nothing changed', async (t) => {
  const { clock, accounts, hearing, begin } = world(async (name) => accountOf(name));
  begin();
  await accounts.get('1');
  clock.time += TTL;
  hearing.proven(clock.time);
  t.equal(accounts.recall('1'), undefined);
});

t.test('one account is forgotten under every name that it was asked for', async (t) => {
  const { accounts, hearing, begin, reads } = world(async (name) => accountOf(name.toLowerCase() === 'a' ? '7' : '8'));
  begin();
  for (const name of ['a', 'A', 'b']) await accounts.get(name);
  hearing.changed(new Set(['7']));
  t.same([accounts.recall('a'), accounts.recall('A')], [undefined, undefined]);
  t.ok(accounts.recall('b'));
  hearing.changed(new Set(['no such account']));
  t.ok(accounts.recall('b'));
  hearing.changed();
  t.equal(accounts.recall('b'), undefined);
  t.equal(reads(), 3);
  t.equal(hearing.report().notifications, 3);
});

t.test('of what was forgotten twice within a second nothing decides', async (t) => {
  const { accounts, hearing, begin } = world(async (name) => accountOf(name));
  begin();
  for (let round = 0; round < 5; round++) {
    await accounts.get('1');
    hearing.changed();
    t.equal(accounts.recall('1'), undefined);
  }
});

t.test('a read that is under way when a change is told serves nobody who asks later', async (t) => {
  const answers: ((account: Account) => void)[] = [];
  const { accounts, hearing, begin, reads } = world(() => new Promise((resolve) => answers.push(resolve)));
  begin();
  const before = accounts.get('1');
  hearing.changed(new Set(['1']));
  const after = accounts.get('1');
  t.equal(reads(), 2, 'it is not joined');
  answers[0]?.(accountOf('1', 'old'));
  await new Promise((resolve) => setImmediate(resolve));
  t.equal(accounts.recall('1'), undefined, 'nor kept');
  answers[1]?.(accountOf('1', 'new'));
  t.equal((await after)?.encoded, 'new');
  t.equal((await before)?.encoded, 'new', 'nor does it answer who asked before');
  t.equal(accounts.recall('1')?.encoded, 'new');
  t.equal(reads(), 2);
});

t.test('whoever asked before is answered although changes are told all the time', async (t) => {
  const answers: ((account: Account) => void)[] = [];
  const { accounts, hearing, begin, reads } = world(() => new Promise((resolve) => answers.push(resolve)));
  begin();
  const asked = accounts.get('1');
  for (let read = 0; read < 2; read++) {
    hearing.changed();
    answers[read]?.(accountOf('1'));
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.equal((await asked)?.id, '1');
  t.equal(reads(), 2);
});

/** What may happen, in any order. */
type Step =
  | { do: 'pass'; ms: number }
  | { do: 'commit' | 'ask' | 'read' | 'answer'; user: number }
  | { do: 'deliver' | 'canary' | 'return' | 'die' | 'begin' };

const users = 3;
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 700 }) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom('commit' as const, 'ask' as const, 'ask' as const, 'read' as const, 'answer' as const),
      user: fc.nat(users - 1),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      ...(['deliver', 'deliver', 'canary', 'return', 'return', 'die', 'begin'] as const).map((what) => ({ do: what })),
    ),
  },
);

t.test('random schedules: nothing older than the fallback decides, nor than what was told', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 150 }), async (steps) => {
      const versions = Array.from({ length: users }, () => 0);
      /** When each version was committed, and whether the daemon has been told. */
      const commits = versions.map(() => [{ at: Number.NEGATIVE_INFINITY, told: true }]);
      const waiting: { user: number; seen: number; resolve: (account: Account) => void }[] = [];
      const { clock, accounts, hearing } = world(
        (name) =>
          new Promise((resolve) => {
            const user = Number(name);
            waiting.push({ user, seen: -1, resolve });
          }),
      );
      /** Of the present session, in the order of their commits; undefined while nobody listens. */
      let line: ({ user: number; version: number } | { sentAt: number })[] | undefined;
      let heard = false;

      /** Whoever asks now must not be answered from a version that another replaced long enough ago. */
      const judge = (user: number, seen: number, askedAt: number) => {
        const next = commits[user]?.[seen + 1];
        if (next === undefined) return;
        if (askedAt >= next.at + FALLBACK) throw new Error(`a version replaced ${askedAt - next.at} ms ago decided`);
        if (next.told) throw new Error('a version decided of which the daemon had been told that it changed');
      };

      for (const each of steps) {
        switch (each.do) {
          case 'pass':
            clock.time += each.ms;
            break;
          case 'commit': {
            const version = (versions[each.user] ?? 0) + 1;
            versions[each.user] = version;
            commits[each.user]?.push({ at: clock.time, told: false });
            line?.push({ user: each.user, version });
            break;
          }
          case 'ask': {
            const known = accounts.recall(String(each.user));
            if (known) judge(each.user, Number(known.encoded), clock.time);
            break;
          }
          case 'read': {
            const askedAt = clock.time;
            // Of what was told before it was asked.
            const told = commits[each.user]?.map((commit) => commit.told) ?? [];
            accounts.get(String(each.user)).then(
              (account) => {
                const seen = Number(account?.encoded);
                if (told[seen + 1]) throw new Error('an answer is older than what had been told');
                const next = commits[each.user]?.[seen + 1];
                if (next !== undefined && askedAt >= next.at + FALLBACK) throw new Error('too old');
              },
              () => {},
            );
            break;
          }
          case 'answer': {
            // The database looks at some time between question and answer: now, or when it was first met here.
            const read = waiting.find(({ user }) => user === each.user);
            if (read === undefined) break;
            if (read.seen < 0) {
              read.seen = versions[each.user] as number;
              break;
            }
            waiting.splice(waiting.indexOf(read), 1);
            read.resolve(accountOf(String(read.user), String(read.seen)));
            await new Promise<void>((resolve) => setImmediate(resolve));
            break;
          }
          case 'begin':
            line ??= [];
            break;
          case 'canary':
            line?.push({ sentAt: clock.time });
            break;
          case 'deliver':
          case 'return': {
            const next = line?.shift();
            if (next === undefined) break;
            if ('sentAt' in next) {
              if (!heard) hearing.began();
              heard = true;
              hearing.proven(next.sentAt);
            } else if (heard) {
              const commit = commits[next.user]?.[next.version];
              hearing.changed(new Set([String(next.user)]));
              if (commit) commit.told = true;
            }
            break;
          }
          case 'die':
            line = undefined;
            heard = false;
            hearing.ended('died');
        }
      }
    }),
    { numRuns: 2_000 },
  );
});

t.test('canaries are sent neither too rarely nor, each being a transaction, too often', async (t) => {
  for (const [fallbackMs, expected] of [
    [1, 50],
    [100, 50],
    [1_000, 500],
    [60_000, 5_000],
  ] as const) {
    const periods: number[] = [];
    const listen = (_: unknown, periodMs: number) => {
      periods.push(periodMs);
      return { close() {} };
    };
    const store = {
      ...{ name: 'store', listen, close: async () => {} },
      ...{ accountByName: async () => null, accountById: async () => null },
      ...{ sample: async () => ({ encoded: [], last: undefined }), memberships: async () => undefined },
      rights: async () => {
        throw new Error('not asked');
      },
    };
    const site = new Site({
      ...{ name: 'site', store, schema: STOCK, policy: hashPolicy(), accountTtlMs: fallbackMs, accountsMax: 10 },
      ...{ clock: { now: () => 0 }, listen: { ttlMs: TTL, fallbackMs, onChange() {} } },
    });
    site.listen();
    t.same(periods, [expected]);
    await site.close();
  }
});
