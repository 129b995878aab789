import fc from 'fast-check';
import t from 'tap';
import type { Account } from '../../daemon/account/account.ts';
import type { Finding, Verifier } from '../../daemon/evidence/verifier.ts';
import { Busy } from '../../daemon/fault.ts';
import { isNetwork, Networks, sourceOf } from '../../daemon/network.ts';
import { Password } from '../../daemon/password.ts';
import { DIGEST_WORDS } from '../../daemon/proof/digest-table.ts';
import { Greylist } from '../../daemon/proof/greylist.ts';
import { Deadlines } from '../../daemon/request/deadlines.ts';
import { decide, type Pipeline } from '../../daemon/request/decide.ts';
import type { Question } from '../../daemon/request/question.ts';
import type { Site } from '../../daemon/site/site.ts';
import { DebtTable, NONE } from '../../daemon/throttle/debt-table.ts';
import { foldedName } from '../../daemon/throttle/folded-name.ts';
import type { Limits } from '../../daemon/throttle/limits.ts';
import { type RedisClient, SharedDebts } from '../../daemon/throttle/shared-debts.ts';
import { storeAddressOf } from '../../daemon/throttle/store-url.ts';
import { Throttle } from '../../daemon/throttle/throttle.ts';
import type { Verdict } from '../../daemon/verdict.ts';

const LIMITS: Limits = {
  enabled: true,
  name: { burst: 20, refillMs: 10_000 },
  source: { burst: 50, refillMs: 3_000 },
  site: { burst: 600, refillMs: 200 },
  penaltyMs: 60_000,
  exempt: ['127.0.0.0/8', '::1'],
};
const NO_LIMIT = { burst: 0, refillMs: 1_000 };
const DENIED: Verdict = { kind: 'denied', reason: 'wrong-password' };
const GRANTED = { kind: 'granted' } as Verdict;

function world(limits: Partial<Limits> = {}) {
  const clock = { time: 1_000_000, now: () => clock.time };
  const all = { ...LIMITS, ...limits };
  const throttle = new Throttle(clock, all, new Greylist({ clock }));
  const admit = (username: string, password: string, address = '', site = 'site') =>
    throttle.admit(
      {
        username,
        evidence: { kind: 'password', secret: Password.fromTyped(Buffer.from(password)) },
        client: { address },
        deadlineAt: 0,
      },
      site,
    ) as { settle(verdict: Verdict): void };
  /** 0 if it was admitted, and then denied; otherwise the time after which to try again, in seconds. */
  const guess = (...asked: Parameters<typeof admit>): number => {
    try {
      admit(...asked).settle(DENIED);
      return 0;
    } catch (error) {
      if (!(error instanceof Busy) || error.reason !== 'throttled') throw error;
      return error.retryAfter;
    }
  };
  /** How many of so many new guesses are admitted. */
  const spray = (count: number, ask: (password: string) => number): number => {
    let admitted = 0;
    for (let at = 0; at < count; at++) if (ask(`guess ${at} ${clock.time} ${Math.random()}`) === 0) admitted++;
    return admitted;
  };
  return { clock, throttle, admit, guess, spray };
}

t.test('a name has a few guesses at once, then one more each refill', async (t) => {
  const { clock, guess, spray } = world();
  t.equal(
    spray(100, (password) => guess('alice', password)),
    20,
  );
  t.equal(guess('alice', 'one more'), 1, 'who returns has a line of its own, so waits no longer than that');
  t.equal(guess('bob', 'one more'), 0, 'others are not concerned');
  clock.time += 60_000;
  t.equal(
    spray(100, (password) => guess('alice', password)),
    6,
  );
  clock.time += 3_600_000;
  t.equal(
    spray(100, (password) => guess('alice', password)),
    20,
    'it never saves more than at the start',
  );
});

t.test('a wrong pair that is repeated is paid for once', async (t) => {
  const { guess, spray } = world();
  t.equal(guess('alice', 'old password', '192.0.2.1'), 0);
  let refused = 0;
  for (let at = 0; at < 1_000; at++) refused += guess('alice', 'old password', '192.0.2.1');
  t.equal(refused, 0);
  t.equal(
    spray(100, (password) => guess('alice', password)),
    19,
  );
  t.equal(guess('alice', 'old password', '192.0.2.1'), 0, 'nor is it refused when the name is');
});

t.test('guesses in flight count', async (t) => {
  const { admit } = world();
  const admitted = [];
  for (let at = 0; at < 1_000; at++) {
    try {
      admitted.push(admit('alice', `guess ${at}`));
    } catch {}
  }
  t.equal(admitted.length, 20);
});

t.test('only a grant gives back, once, and only what was charged', async (t) => {
  const { admit, guess, spray } = world();
  const twice = [admit('alice', 'right'), admit('alice', 'right')];
  for (const each of twice) each.settle(GRANTED);
  t.equal(
    spray(100, (password) => guess('alice', password)),
    20,
    'an honest user leaves no debt, and earns nothing',
  );
  const { admit: ask, guess: again, spray: sprayed } = world();
  ask('alice', 'a').settle({ kind: 'busy', reason: 'queue-full', retryAfter: 1 });
  ask('alice', 'b').settle({ kind: 'error', reason: 'the database is down' });
  ask('alice', 'c').settle({ kind: 'denied', reason: 'no-group' });
  t.equal(
    sprayed(100, (password) => again('alice', password)),
    17,
    'a guess without an answer may have been hashed, and a right password of a user who is denied must not show',
  );
  t.equal(again('alice', 'a'), 0, 'but it is paid for, and asked again without paying');
  ask('alice', 'a').settle(GRANTED);
  t.equal(again('alice', 'new'), 0, 'and given back when it is right after all');
});

t.test('a newcomer gets in at the second try while a sprayer goes on', async (t) => {
  const { clock, guess, spray, admit } = world();
  for (let second = 0; second < 600; second++) {
    spray(50, (password) => guess('alice', password));
    clock.time += 1_000;
  }
  spray(50, (password) => guess('alice', password));
  const retry = guess('alice', 'right');
  t.ok(retry >= 1 && retry <= 10, `told to come back after ${retry} s`);
  clock.time += retry * 1_000;
  spray(50, (password) => guess('alice', password));
  t.doesNotThrow(() => admit('alice', 'right').settle(GRANTED));

  // A sprayer that repeats each guess has two lines, and no more.
  let admitted = 0;
  for (let second = 0; second < 600; second++) {
    for (let at = 0; at < 5; at++) {
      const password = `${second} ${at}`;
      if (guess('bob', password) === 0 || guess('bob', password) === 0) admitted++;
    }
    clock.time += 1_000;
  }
  t.ok(admitted <= 20 + 60 + 5 + 60, `${admitted} guesses in ten minutes`);
});

t.test('a source has its limit whatever names it guesses at', async (t) => {
  const { clock, guess, spray } = world();
  const from = (address: string) => (password: string) => guess(`name ${Math.random()}`, password, address);
  t.equal(spray(200, from('192.0.2.1')), 50);
  t.equal(spray(200, from('::ffff:192.0.2.1')), 0, 'IPv4 within IPv6 is the same address');
  t.equal(spray(200, from('192.0.2.2')), 50);
  t.equal(spray(200, from('2001:db8:0:1::1')), 50);
  t.equal(spray(200, from('2001:db8:0:1:ffff::2')), 0, 'the same /64');
  t.equal(spray(200, from('2001:db8:0:2::1')), 50);
  t.equal(spray(200, from('')), 200, 'no address, no source');
  clock.time += 59_000;
  t.equal(spray(200, from('192.0.2.1')), 0, 'who goes on while refused is refused for a while after');
  clock.time += 60_000;
  t.ok(spray(200, from('192.0.2.1')) >= 1, 'but not for longer than the penalty');
});

t.test('networks that are exempt are no source', async (t) => {
  const { guess, spray, throttle } = world();
  const from = (address: string) => (password: string) => guess(`name ${Math.random()}`, password, address);
  t.equal(spray(200, from('127.0.0.1')), 200);
  t.equal(spray(200, from('::ffff:127.1.2.3')), 200);
  throttle.configure({ ...LIMITS, exempt: [] });
  t.equal(spray(100, from('127.0.0.1')), 50);
});

t.test('whoever floods one name is refused for itself, and leaves the name to others', async (t) => {
  const { clock, guess, spray } = world({ name: { burst: 20, refillMs: 10_000 } });
  for (let second = 0; second < 120; second++) {
    spray(20, (password) => guess('alice', password, '192.0.2.1'));
    clock.time += 1_000;
  }
  t.equal(guess('alice', 'right', '198.51.100.7'), 0);
});

t.test('a site has a limit for all strangers together', async (t) => {
  const { clock, guess, spray } = world();
  const anyone = (password: string) => guess(`name ${Math.random()}`, password);
  t.equal(spray(2_000, anyone), 600);
  t.equal(guess('newcomer', 'right'), 1);
  t.equal(guess('newcomer', 'right'), 0, 'who returns goes before them');
  t.equal(guess('newcomer', 'right', '', 'other site'), 0);
  clock.time += 10_000;
  t.equal(spray(2_000, anyone), 50);
});

t.test('changed limits apply, and debts stay', async (t) => {
  const { guess, spray, throttle } = world();
  t.equal(
    spray(100, (password) => guess('alice', password)),
    20,
  );
  throttle.configure({ ...LIMITS, name: { burst: 30, refillMs: 10_000 } });
  t.equal(
    spray(100, (password) => guess('alice', password)),
    10,
  );
  throttle.configure({ ...LIMITS, enabled: false });
  t.equal(
    spray(100, (password) => guess('alice', password)),
    100,
  );
  throttle.configure({ ...LIMITS, name: NO_LIMIT });
  t.equal(
    spray(100, (password) => guess('alice', password)),
    100,
  );
  throttle.configure(LIMITS);
  t.ok(guess('alice', 'again') > 0);
});

t.test('debts are listed, and forgiven', async (t) => {
  const { guess, spray, throttle } = world();
  spray(100, (password) => guess('Alice', password));
  spray(100, (password) => guess(`name ${Math.random()}`, password, '192.0.2.1'));
  const shown = throttle.report(() => true);
  t.match(shown, {
    enabled: true,
    refusals: { name: 80, source: 50, site: 0 },
    refused_now: { name: 1, source: 1, site: 0 },
    refused: [
      { kind: 'source', site: '', who: '192.0.2.1' },
      { kind: 'name', site: 'site', who: 'Alice' },
    ],
  });
  t.ok(shown.refused.every(({ seconds }) => seconds > 0 && seconds <= 63));
  const hidden = throttle.report(() => false).refused;
  t.match(hidden[0], { who: '192.0.2.1' });
  t.match(hidden[1], { kind: 'name', who: /^[0-9a-f]{8}$/ }, 'users type their password there');
  t.equal(throttle.forgiveName('site', 'alice'), true, 'in any spelling');
  t.equal(throttle.forgiveName('site', 'alice'), false);
  t.equal(guess('alice', 'new'), 0);
  t.equal(throttle.forgiveSource('::ffff:192.0.2.1'), true);
  t.equal(throttle.forgiveSource('no address'), false);
  t.equal(guess('x', 'new', '192.0.2.1'), 0);
  spray(100, (password) => guess('carol', password));
  t.ok(throttle.forgiveAll() >= 1);
  t.match(
    throttle.report(() => true),
    { refused: [], refused_now: { name: 0, source: 0, site: 0 } },
  );
});

t.test('the list of the refused is bounded', async (t) => {
  const { guess, throttle } = world({ name: { burst: 1, refillMs: 10_000 }, site: NO_LIMIT });
  for (let at = 0; at < 2_000; at++) {
    guess(`name ${at}`.padEnd(1_000, 'x'), 'a');
    guess(`name ${at}`.padEnd(1_000, 'x'), 'b');
  }
  const { refused } = throttle.report(() => true);
  t.equal(refused.length, 20);
  t.ok(refused.every(({ who }) => who.length === 256));
});

/** What happens in a history: a guess that is admitted stays in flight until it is settled. */
const EVENT = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('ask' as const),
      name: fc.constantFrom('alice', 'Alice', 'bob', 'ålice'),
      password: fc.nat(40).map((number) => (number === 0 ? 'right' : `guess ${number}`)),
      address: fc.constantFrom('', '192.0.2.1', '2001:db8::1', '2001:db8::2', '127.0.0.1'),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('settle' as const),
      at: fc.nat(50),
      how: fc.constantFrom('answer', 'busy', 'fault'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(20_000) }) },
);

const SMALL: Limits = {
  ...LIMITS,
  name: { burst: 4, refillMs: 5_000 },
  source: { burst: 6, refillMs: 2_000 },
  site: { burst: 9, refillMs: 1_000 },
  penaltyMs: 7_000,
};

t.test('no debtor guesses more than its two lines earn, and no wait is longer than its bound', async () => {
  fc.assert(
    fc.property(fc.array(EVENT, { maxLength: 300 }), (history) => {
      const { clock, admit } = world(SMALL);
      const start = clock.time;
      const flights: { settle: (verdict: Verdict) => void; wrong: boolean }[] = [];
      /** The wrong pairs that were admitted, for each debtor. */
      const guessed = new Map<string, Set<string>>();
      for (const event of history) {
        if (event.kind === 'wait') clock.time += event.ms;
        else if (event.kind === 'settle') {
          const [flight] = flights.splice(event.at % Math.max(1, flights.length), 1);
          if (event.how === 'answer') flight?.settle(flight.wrong ? DENIED : GRANTED);
          else
            flight?.settle(
              event.how === 'busy'
                ? { kind: 'busy', reason: 'queue-full', retryAfter: 1 }
                : { kind: 'error', reason: 'x' },
            );
        } else {
          const { name, password, address } = event;
          const wrong = password !== 'right';
          try {
            flights.push({ ...admit(name, password, address), wrong });
          } catch (error) {
            if (!(error instanceof Busy)) throw error;
            if (error.retryAfter > 13) throw new Error(`told to wait for ${error.retryAfter} s`);
            continue;
          }
          if (!wrong) continue;
          const source = address === '127.0.0.1' ? '' : sourceOf(address);
          for (const debtor of [`name ${foldedName(name)}`, ...(source === '' ? [] : [`source ${source}`]), 'site']) {
            const pairs = guessed.get(debtor) ?? new Set();
            guessed.set(debtor, pairs.add(`${name} ${password}`));
            const { burst, refillMs } = SMALL[debtor.split(' ')[0] as 'name' | 'source' | 'site'];
            const earned = Math.floor((clock.time - start) / refillMs + 1e-6);
            // A pair that was paid for from elsewhere is free.
            if (debtor.startsWith('source')) continue;
            const most = burst + Math.ceil(burst / 4) + 2 * earned;
            if (pairs.size > most) throw new Error(`${debtor}: ${pairs.size} guesses, ${most} earned`);
          }
        }
      }
    }),
    { numRuns: 120 },
  );
});

type Event = typeof EVENT extends fc.Arbitrary<infer T> ? T : never;

/** The answers to a history of questions none of which is right, by a pipeline whose store has these accounts. */
async function answersOf(history: readonly Event[], accounts: readonly string[]): Promise<string[]> {
  const { clock, throttle } = world(SMALL);
  const site = { name: 'site', schema: {}, accounts: { away: false } } as unknown as Site;
  const find = ({ username }: { username: string }) =>
    accounts.includes(username) ? ({ id: '1', username, encoded: 'x', active: true } as Account) : null;
  const verifier: Verifier = {
    account: {
      recall: () => undefined,
      recallStale: () => undefined,
      find: async (presented) => find(presented),
      left: () => 0,
    },
    recall: () => undefined,
    returns: () => false,
    verify: async (_, account): Promise<Finding> => ({
      reason: account === null ? 'unknown-user' : 'wrong-password',
      source: 'hashed',
    }),
    promote() {},
    demote() {},
  };
  const pipeline = {
    sites: new Map([['site', site]]),
    verifiers: { password: verifier },
    admission: throttle,
    deadlines: new Deadlines({ clock }),
  };
  const answers: string[] = [];
  for (const event of history) {
    if (event.kind === 'wait') clock.time += event.ms;
    if (event.kind !== 'ask') continue;
    const question = {
      username: event.name,
      evidence: { kind: 'password', secret: Password.fromTyped(Buffer.from(event.password)) },
      requirements: { staff: false, superuser: false, permissions: [], groups: [] },
      client: { address: event.address, service: '' },
    } as unknown as Question;
    const { verdict } = await decide(question, pipeline as unknown as Pipeline);
    answers.push(verdict.kind === 'busy' ? `${verdict.reason} ${verdict.retryAfter}` : verdict.kind);
  }
  return answers;
}

t.test('the answers are the same for names that exist and names that do not', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(EVENT, { maxLength: 120 }), async (history) => {
      const known = await answersOf(history, ['alice', 'Alice', 'bob', 'ålice']);
      const some = await answersOf(history, ['alice']);
      const none = await answersOf(history, []);
      if (`${known}` !== `${none}` || `${some}` !== `${none}`) throw new Error(`${known}\n${some}\n${none}`);
    }),
    { numRuns: 50 },
  );
});

/** A store whose answers the test gives by hand. */
function fakeStore() {
  const listeners: Record<string, (error?: Error) => void> = {};
  const asked: {
    script: string;
    parameters: unknown[];
    answer: (value: unknown) => void;
    fail: (error: Error) => void;
  }[] = [];
  const lines: string[] = [];
  const client: RedisClient = {
    on: (event, listener) => {
      listeners[event] = listener;
    },
    eval: (script, _keys, ...parameters) =>
      new Promise((answer, fail) => {
        asked.push({ script, parameters, answer, fail });
      }),
    del: async () => 0,
    scan: async () => ['0', []],
    disconnect() {},
  };
  const log = { warn: (line: string) => lines.push(line), info: (line: string) => lines.push(line) };
  const shared = new SharedDebts({ name: 'a store', connect: () => client, key: 'k'.repeat(32), log });
  t.teardown(() => shared.close());
  return { shared, asked, lines, event: (name: string, error?: Error) => listeners[name]?.(error) };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

t.test('hosts that share a store do what it says', async (t) => {
  const { throttle, admit, guess, spray } = world();
  const { shared, asked, lines, event } = fakeStore();
  throttle.configure(LIMITS, shared);
  t.equal(guess('bob', 'before it is there'), 0);
  event('ready');
  asked.shift()?.answer(1);
  await turn();
  t.equal(shared.up, true);

  const twice = [admit('alice', 'right', '192.0.2.1'), admit('alice', 'right', '192.0.2.1')];
  t.equal(asked.length, 1, 'equal questions are one guess');
  t.notMatch(JSON.stringify(asked[0]?.parameters), /alice|right|192\.0/);
  asked.shift()?.answer([0, 0, 0]);
  for (const each of await Promise.all(twice)) each.settle(GRANTED);
  t.match(asked.shift()?.script, /max\(0, owed/, 'it is given back once');
  t.equal(asked.length, 0);
  const joined = [admit('alice', 'also right'), admit('alice', 'also right')];
  asked.shift()?.answer([0, 0, 0]);
  (await Promise.all(joined))[1]?.settle(GRANTED);
  (await Promise.all(joined))[0]?.settle(GRANTED);
  t.match(asked.shift()?.script, /max\(0, owed/, 'also if the one is settled first that was not charged');
  t.equal(asked.length, 0);
  const busy = admit('alice', 'right as well');
  asked.shift()?.answer([0, 0, 0]);
  (await busy).settle({ kind: 'busy', reason: 'queue-full', retryAfter: 1 });
  t.equal(asked.length, 0);
  (await admit('alice', 'right as well')).settle(GRANTED);
  t.match(asked.shift()?.script, /max\(0, owed/, 'also if it was busy the first time');

  const refused = [admit('alice', 'wrong'), admit('alice', 'wrong')].map((each) => Promise.resolve(each));
  asked.shift()?.answer([-1, 1, 4_200]);
  for (const each of refused) await t.rejects(each, new Busy('throttled', 5));
  t.match(
    throttle.report(() => true),
    { refusals: { name: 1 }, refused: [{ who: 'alice' }] },
  );

  const silent = admit('alice', 'no answer');
  (await silent).settle(DENIED);
  t.equal(shared.up, true, 'one answer that is late is no outage');
  const late = await admit('alice', 'right, and no answer');
  await new Promise((resolve) => setTimeout(resolve, 60));
  for (const each of asked.splice(0)) each.answer([0, 0, 0]);
  await turn();
  t.match(lines, [/^the throttle's store answers too late, .*: a store$/], 'but it is said');
  late.settle(GRANTED);
  t.match(asked.shift()?.script, /max\(0, owed/, 'what the store charged is given back');
  throttle.configure(LIMITS);
  t.equal(
    spray(100, (password) => guess('alice', password)),
    19,
    'this host has counted what it admitted without an answer, and nothing else',
  );
});

t.test('a store that fails is away, and that is said once', async (t) => {
  const { throttle, admit, guess } = world();
  const { shared, asked, lines, event } = fakeStore();
  throttle.configure(LIMITS, shared);
  event('ready');
  asked.shift()?.answer(1);
  await turn();
  const failing = [admit('alice', 'a'), admit('alice', 'b')];
  for (const each of asked.splice(0)) each.fail(new Error("READONLY You can't write"));
  for (const each of await Promise.all(failing)) each.settle(DENIED);
  t.match(lines, [/^the throttle's store is away, .*: a store: READONLY/]);
  t.equal(guess('alice', 'c'), 0, 'nothing is asked');
  event('close');
  event('ready');
  asked.shift()?.fail(new Error('READONLY'));
  await turn();
  t.equal(lines.length, 1);
  event('ready');
  asked.shift()?.answer(1);
  await turn();
  t.match(lines[1], /answers again/);
  t.equal(lines.length, 2);
});

t.test('URLs of stores', async (t) => {
  for (const [url, address] of [
    ['redis://host', { name: 'host:6379', host: 'host', port: 6379, tls: false, db: 0 }],
    [
      'rediss://u%40:p%3A:@[::1]:7000/3',
      { name: '[::1]:7000', host: '::1', tls: true, username: 'u@', password: 'p::' },
    ],
    ['valkeys://:p@a.example', { tls: true, password: 'p', username: undefined }],
    ['unix:///run/redis/sock?db=2', { name: '/run/redis/sock', path: '/run/redis/sock', db: 2 }],
    ['unix://:secret@/run/sock', { path: '/run/sock', password: 'secret' }],
  ] as const) {
    t.match({ username: undefined, ...storeAddressOf(url) }, address, url);
  }
  for (const url of [
    '',
    'host',
    'http://host',
    'redis://',
    'redis://h:99999',
    'redis://h/x',
    'unix://x',
    'redis://%@h',
    'redis://h?x',
  ])
    t.equal(storeAddressOf(url), undefined, url);
});

t.test('the table of debts keeps those whose debts last longest', async (t) => {
  const digest = (number: number) => new Uint32Array(DIGEST_WORDS).fill(number);
  const table = new DebtTable(8);
  for (let number = 1; number <= 8; number++) table.setPaidAt(table.take(digest(number)), 0, 100 * number);
  t.equal(table.countAfter(400), 4);
  t.equal(table.find(digest(9)), NONE);
  table.setPaidAt(table.take(digest(9)), 1, 5_000);
  t.equal(table.find(digest(1)), NONE, 'the first to be paid gives way');
  t.equal(table.paidAt(table.find(digest(8)), 0), 800);
  t.equal(table.paidAt(table.find(digest(9)), 1), 5_000);
  t.equal(table.paidAt(table.find(digest(9)), 0), 0, 'nothing of it is left');
  t.equal(table.forget(digest(8)), true);
  t.equal(table.forget(digest(8)), false);

  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(40), fc.nat(1_000)), { maxLength: 200 }), (debts) => {
      const small = new DebtTable(16);
      for (const [number, moment] of debts) small.setPaidAt(small.take(digest(number)), 0, moment);
      if (small.countAfter(-1) > 16) throw new Error('more than its entries');
      const [number, moment] = debts.at(-1) ?? [0, 0];
      if (debts.length > 0 && small.paidAt(small.find(digest(number)), 0) !== moment)
        throw new Error('the last is lost');
    }),
  );
});

t.test('sources', async (t) => {
  for (const [text, source] of [
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::ffff:c000:207', '192.0.2.7'],
    ['64:ff9b::192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:0:0:ffff::', '2001:db8::/64'],
    ['fe80::1%eth0', 'fe80::/64'],
    ['::1', '::/64'],
    ['', ''],
    ['unknown', ''],
    ['192.0.2.7:1234', ''],
    ['[::1]', ''],
    ['192.0.2.07', ''],
  ] as const) {
    t.equal(sourceOf(text), source, text);
  }
  fc.assert(
    fc.property(fc.ipV6(), (address) => {
      const url = new URL(`http://[${address}]/`).hostname.slice(1, -1);
      if (sourceOf(address) !== sourceOf(url)) throw new Error(`${sourceOf(address)} is not ${sourceOf(url)}`);
    }),
  );
  for (const good of ['192.0.2.1', '10.0.0.0/8', '0.0.0.0/0', '::1', '2001:db8::/32', '::/0', '::1/128']) {
    t.ok(isNetwork(good), good);
    t.doesNotThrow(() => new Networks([good]), good);
  }
  for (const bad of [
    '',
    '10.0.0.0/33',
    '::/129',
    '10/8',
    'localhost',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    'fe80::1%lo/64',
    '1.2.3.4/-1',
  ]) {
    t.notOk(isNetwork(bad), bad);
  }
  const networks = new Networks(['10.0.0.0/8', '2001:db8::/32']);
  t.same(
    ['10.1.2.3', '::ffff:10.1.2.3', '11.0.0.0', '2001:db8:ffff::1', '2001:db9::1', 'x', ''].map((each) =>
      networks.has(each),
    ),
    [true, true, false, true, false, false, false],
  );
});

t.test('spellings of one name', async (t) => {
  const alice = foldedName('alice');
  for (const name of [
    'ALICE',
    'Ålice',
    'a\u0301lice',
    ' alice ',
    'alice\0',
    'al\u200dice',
    'ａｌｉｃｅ',
    'a-l.i_c e',
    'alicé',
  ])
    t.equal(foldedName(name), alice, name);
  t.equal(foldedName('Straße'), foldedName('STRASSE'));
  t.equal(foldedName('٣'), foldedName(' +03'));
  t.equal(foldedName('Łódź'), foldedName('lodz'));
  t.equal(foldedName('ΣΊΣΥΦΟΣ'), foldedName('σίσυφος'));
  t.equal(
    foldedName('{550E8400-e29b-41d4-a716-446655440000}'),
    foldedName('urn:uuid:550e8400e29b41d4a716446655440000'),
  );
  t.equal(foldedName('alic\u{1f174}'), foldedName('bo\u2776b'), 'rare characters are all one');
  t.not(foldedName('alice1'), foldedName('alice2'));
  t.not(foldedName('Иван'), foldedName('Пётр'));
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (name) => {
      if (foldedName(name.normalize('NFD')) !== foldedName(name.normalize('NFC'))) throw new Error('accents count');
    }),
  );
});
