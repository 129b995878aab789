import t from 'tap';
import type { Account } from '../../daemon/account/account.ts';
import { createVerifiers } from '../../daemon/evidence/kinds.ts';
import { VOUCHED } from '../../daemon/evidence/vouched.ts';
import { AWAY, Busy, Fault } from '../../daemon/fault.ts';
import type { HashPool, Job } from '../../daemon/hasher/pool.ts';
import { Password } from '../../daemon/password.ts';
import { PASSWORD_OCTETS_MAX, USERNAME_OCTETS_MAX } from '../../daemon/policy/limits.ts';
import { Greylist } from '../../daemon/proof/greylist.ts';
import { PasswordProofs } from '../../daemon/proof/password-proofs.ts';
import { ProofCache } from '../../daemon/proof/proof-cache.ts';
import { Returning } from '../../daemon/proof/returning.ts';
import { type Admission, admitAll } from '../../daemon/request/admission.ts';
import { Deadlines } from '../../daemon/request/deadlines.ts';
import { decide } from '../../daemon/request/decide.ts';
import { Presence } from '../../daemon/request/presence.ts';
import type { Decision, Question } from '../../daemon/request/question.ts';
import { Site } from '../../daemon/site/site.ts';
import { questionOf } from '../../daemon/socket/question.ts';
import { replyOf } from '../../daemon/socket/reply.ts';
import { NO_RIGHTS } from '../../daemon/store/rights.ts';
import { STOCK } from '../../daemon/store/schema.ts';
import type { Store } from '../../daemon/store/store.ts';
import { PASSWORD_MAX, USERNAME_MAX } from '../../protocol/limits.ts';
import { decodeReply, encodeReply } from '../../protocol/reply.ts';
import { decodeRequest, encodeRequest } from '../../protocol/request.ts';
import { hashPolicy } from '../fixtures/hash-policy.ts';

const hashOf = (salt: string) => `pbkdf2_sha256$1000$${salt}$${Buffer.alloc(32).toString('base64')}`;
const RIGHT = 'right';

function accountOf(username: string, more: Partial<Account> = {}): Account {
  const nothing = { staff: false, superuser: false, email: '', firstName: '', lastName: '', groups: [] };
  const id = `id of ${username}`;
  return { id, username, encoded: hashOf('salt'), active: true, permissions: new Set(), ...nothing, ...more };
}

interface Options {
  ttlMs?: number;
  admission?: Admission;
  schema?: typeof STOCK;
  /** `cache.lease` */
  leaseMs?: number;
  staleMs?: number;
  staleAuthorize?: boolean;
}

/** A pipeline over a store in memory. Its hash pool computes nothing: the test answers each job by hand. */
function world(
  accounts: Account[],
  { ttlMs = 1_000, admission = admitAll, schema = STOCK, leaseMs = 1_000, ...stale }: Options = {},
) {
  const clock = { time: 1_000, now: () => clock.time };
  const epoch = { value: 1n };
  const table = new Map(accounts.map((account) => [account.username, account]));
  const calls: string[] = [];
  const jobs: { job: Job; password: string; answer: (matches: boolean) => void; fail: (error: Error) => void }[] = [];
  const timer = { call: () => {} };
  /** Time passes, and the timer calls. */
  const pass = (ms: number) => {
    clock.time += ms;
    timer.call();
  };
  /** Whether jobs wait in the pool's queue, rather than run. */
  const queued = { now: false };
  const outage = { fault: undefined as Error | undefined, stuck: undefined as string | undefined };
  const read = async <T>(call: string, value: () => T): Promise<T> => {
    calls.push(call);
    if (outage.fault) throw outage.fault;
    if (outage.stuck === call) return new Promise(() => {});
    return value();
  };
  const store: Store = {
    name: 'memory',
    accountByName: (username) => read(`name ${username}`, () => table.get(username) ?? null),
    accountById: (id) => read(`id ${id}`, () => null),
    sample: () => read('sample', () => ({ encoded: [hashOf('sample')], last: undefined })),
    memberships: async () => undefined,
    rights: async () => NO_RIGHTS,
    close: async () => {},
  };
  const withdrawn: Job[] = [];
  const pool = {
    backlogSeconds: 3,
    verify: (password: Password, job: Job) =>
      new Promise<boolean>((answer, fail) => {
        jobs.push({ job, password: password.octets.toString(), answer, fail });
      }),
    withdraw(job: Job, reason: Busy) {
      withdrawn.push(job);
      if (!queued.now) return false;
      jobs.find((each) => each.job === job)?.fail(reason);
      return true;
    },
  } as unknown as HashPool;
  const proofs = new ProofCache({ rights: 10, rightTtlMs: 60_000, wrongs: 10, wrongTtlMs: 60_000, clock });
  const returning = new Returning({ max: 10, proofTtlMs: 60_000, clock });
  const greylist = new Greylist({ clock, max: 100 });
  const site = new Site({
    name: 'site',
    store,
    schema,
    policy: hashPolicy(),
    accountTtlMs: ttlMs,
    accountsMax: 10,
    clock,
    ...stale,
  });
  const pipeline = {
    sites: new Map([['site', site]]),
    verifiers: createVerifiers(new PasswordProofs({ proofs, returning, greylist, pool })),
    admission,
    deadlines: new Deadlines({
      clock,
      startTimer(call) {
        timer.call = call;
        return {};
      },
      stopTimer() {},
    }),
    leasing: { maxMs: leaseMs, epoch },
  };
  const question = (
    username: string,
    password: string | Password | undefined,
    more: Partial<Question> = {},
  ): Question => ({
    site: undefined,
    username,
    evidence:
      password === undefined
        ? VOUCHED
        : {
            kind: 'password',
            secret: typeof password === 'string' ? Password.fromTyped(Buffer.from(password)) : password,
          },
    tooLong: false,
    requirements: { staff: false, superuser: false, permissions: [], groups: [] },
    client: { address: '', service: '' },
    deadlineAt: clock.time + 10_000,
    wantPermissions: false,
    lease: false,
    leased: 0,
    ...more,
  });
  const ask = (username: string, password?: string | Password, more?: Partial<Question>) =>
    decide(question(username, password, more), pipeline);
  /** The decision on a question that needs a hash, which is computed now. */
  const askHashed = async (username: string, password: string, more?: Partial<Question>) => {
    const decision = ask(username, password, more);
    await turns();
    const job = jobs.at(-1);
    job?.answer(job.password === RIGHT);
    return decision;
  };
  return {
    ...{ clock, table, calls, jobs, withdrawn, queued, outage, pipeline, question, ask, askHashed, pass },
    ...{ proofs, returning, greylist, epoch, site },
  };
}

/** Until everything that is due has been done. */
const turns = () => new Promise((resolve) => setTimeout(resolve, 1));

const brief = (decision: Decision) => {
  const { verdict } = decision;
  return verdict.kind === 'granted' ? verdict.kind : verdict.reason;
};

const STAFF = { requirements: { staff: true, superuser: false, permissions: [], groups: [] } };

t.test('what is known is answered synchronously', async (t) => {
  const { ask, askHashed, jobs, clock } = world([accountOf('alice')]);
  const first = ask('alice', RIGHT);
  t.type(first, Promise, 'nothing is known yet');
  await turns();
  jobs[0]?.answer(true);
  t.match(await first, { verdict: { kind: 'granted' }, site: 'site', source: 'hashed' });

  for (const [password, expected] of [
    [RIGHT, { verdict: { kind: 'granted' }, source: 'cached' }],
    [undefined, { verdict: { kind: 'granted' }, source: 'vouched' }],
  ] as const) {
    const decision = ask('alice', password);
    t.notOk(decision instanceof Promise);
    t.match(decision, expected);
  }
  t.type(ask('alice', 'wrong'), Promise);
  await turns();
  jobs[1]?.answer(false);
  await turns();
  t.match(ask('alice', 'wrong'), { verdict: { kind: 'denied', reason: 'wrong-password' }, source: 'cached' });
  await askHashed('nobody', 'wrong');
  t.match(ask('nobody', 'wrong'), { verdict: { kind: 'denied', reason: 'unknown-user' }, source: 'cached' });
  t.match(ask('NUL\0', undefined), { verdict: { kind: 'denied', reason: 'unknown-user' } });
  t.match(ask('alice', RIGHT, { tooLong: true }), { verdict: { reason: 'too-long' }, source: undefined });

  clock.time += 1_000;
  const late = ask('alice', RIGHT);
  t.type(late, Promise, 'the snapshot has expired');
  t.match(await late, { verdict: { kind: 'granted' }, source: 'cached' }, 'the proof has not');
  t.equal(jobs.length, 3);
});

t.test('a cached check computes one digest: that of the proof', async (t) => {
  const { ask, askHashed, proofs, returning, greylist } = world([accountOf('alice')]);
  const computed: string[] = [];
  const count = <Name extends string>(table: Record<Name, (...parts: never[]) => string>, method: Name) => {
    const original = table[method].bind(table);
    table[method] = (...parts: never[]) => {
      computed.push(method);
      return original(...parts);
    };
  };
  count(proofs, 'keyOf');
  count(returning, 'digestOf');
  count(greylist, 'digestOf');
  t.equal(brief(await askHashed('alice', RIGHT)), 'granted');
  t.ok(computed.includes('digestOf'));
  for (const [password, verdict] of [
    [RIGHT, 'granted'],
    ['wrong', 'wrong-password'],
  ] as const) {
    await askHashed('alice', password);
    computed.length = 0;
    t.equal(brief(await ask('alice', password)), verdict);
    t.same(computed, ['keyOf'], verdict);
  }
});

t.test('the account is read by its username, then the password is verified, then requirements count', async (t) => {
  const people = [
    accountOf('inactive', { active: false }),
    accountOf('staff', { staff: true }),
    accountOf('plain'),
    accountOf('unusable', { encoded: '!', active: false }),
  ];
  const { calls, askHashed } = world(people);
  for (const [username, password, reason] of [
    ['inactive', 'wrong', 'wrong-password'],
    ['inactive', RIGHT, 'inactive'],
    ['plain', 'wrong', 'wrong-password'],
    ['plain', RIGHT, 'not-staff'],
    ['unusable', RIGHT, 'unusable-password'],
    ['nobody', RIGHT, 'unknown-user'],
    ['staff', 'wrong', 'wrong-password'],
    ['staff', RIGHT, 'granted'],
  ] as const) {
    t.equal(brief(await askHashed(username, password, STAFF)), reason, `${username}, ${password}`);
  }
  t.same(
    new Set(calls),
    new Set(['sample', ...[...people.map(({ username }) => username), 'nobody'].map((n) => `name ${n}`)]),
  );
});

t.test('a denied question is the same work, whatever the account', async (t) => {
  const people = [
    accountOf('wrong'),
    accountOf('inactive', { active: false }),
    accountOf('unusable', { encoded: '!' }),
    accountOf('null', { encoded: null }),
    accountOf('malformed', { encoded: 'pbkdf2_sha256$x$y$z' }),
    accountOf('unknown-algorithm', { encoded: 'rot13$salt$frperg' }),
  ];
  const { jobs, askHashed } = world(people);
  for (const username of [...people.map(({ username }) => username), 'nobody']) {
    await askHashed(username, 'guess');
    t.match(jobs, [{ job: { encoded: /^pbkdf2_sha256\$1000\$/, padding: [] } }], username);
    t.equal(jobs.splice(0).length, 1, 'one job');
  }
});

t.test('the password is kept before anything is awaited and wiped when there is a verdict', async (t) => {
  const { ask, jobs, outage, clock } = world([accountOf('alice')]);
  const view = () => {
    const frame = Buffer.from(`xx${RIGHT}xx`);
    return { frame, secret: Password.viewOf(frame.subarray(2, -2)) };
  };
  const wiped = Buffer.alloc(RIGHT.length);

  const hashed = view();
  const decision = ask('alice', hashed.secret);
  hashed.frame.fill(0);
  await turns();
  t.equal(jobs[0]?.password, RIGHT, 'the frame may be wiped');
  t.equal(hashed.secret.octets.toString(), RIGHT, 'not before there is a verdict');
  jobs[0]?.answer(true);
  t.equal(brief(await decision), 'granted');
  t.same(hashed.secret.octets, wiped);

  const cached = view();
  t.equal(brief(ask('alice', cached.secret) as Decision), 'granted');
  t.same(cached.frame, Buffer.from(`xx${'\0'.repeat(RIGHT.length)}xx`), 'a proof needs no copy of it');

  const faulty = view();
  outage.fault = new Fault('down');
  clock.time += 1_000;
  t.match(await ask('alice', faulty.secret), { verdict: { kind: 'error', reason: 'down' }, site: 'site' });
  t.same(faulty.secret.octets, wiped, 'after a fault');

  const unlocated = view();
  t.match(ask('alice', unlocated.secret, { site: 'other' }), { verdict: { kind: 'error' }, site: 'other' });
  t.same(unlocated.secret.octets, wiped, 'without a site');
});

t.test('the account is looked at again after the hash', async (t) => {
  const names = ['stays', 'deactivated', 'changed', 'gone', 'created'];
  const { ask, table, jobs, calls } = world(
    names.slice(0, 4).map((name) => accountOf(name)),
    { ttlMs: 0 },
  );
  /** Asks, changes the account while the password is hashed, and answers this and any further hash. */
  const during = async (username: string, password: string, change: () => unknown) => {
    const decision = ask(username, password);
    const first = jobs.length;
    await turns();
    change();
    for (let at = first; at < first + 2; at++) {
      jobs[at]?.answer(password === RIGHT && jobs[at]?.job.encoded !== hashOf('third'));
      await turns();
    }
    return [brief(await decision), ...jobs.slice(first).map(({ job }) => job.encoded)];
  };
  t.same(await during('stays', RIGHT, () => {}), ['granted', hashOf('salt')]);
  t.same(
    calls.filter((call) => call !== 'sample'),
    ['name stays', 'name stays'],
  );
  const deactivate = () => table.set('deactivated', accountOf('deactivated', { active: false }));
  t.same(await during('deactivated', RIGHT, deactivate), ['inactive', hashOf('salt')]);
  const change = (encoded: string) => () => table.set('changed', accountOf('changed', { encoded }));
  const rehashed = hashOf('other');
  t.same(await during('changed', RIGHT, change(rehashed)), ['granted', hashOf('salt'), rehashed], 'both are verified');
  t.same(await during('changed', 'guess', change(hashOf('third'))), ['wrong-password', rehashed, hashOf('third')]);
  table.set('changed', accountOf('changed', { encoded: hashOf('new') }));
  t.same(
    await during('changed', RIGHT, change(hashOf('third'))),
    ['wrong-password', hashOf('new'), hashOf('third')],
    'a former password is not enough',
  );
  t.match(await during('gone', RIGHT, () => table.delete('gone')), ['unknown-user', hashOf('salt'), /\$/]);
  const create = () => table.set('created', accountOf('created'));
  t.match(await during('created', RIGHT, create), ['granted', /\$/, hashOf('salt')]);
});

t.test('every question is answered by its deadline, whatever it waits for', async (t) => {
  const { ask, jobs, outage, queued, withdrawn, clock, pass } = world([accountOf('alice')], { ttlMs: 0 });
  const soon = () => ({ deadlineAt: clock.time + 20 });
  const late = { verdict: { kind: 'busy', reason: 'deadline' }, site: 'site', source: undefined };
  for (const stuck of ['name alice', 'sample']) {
    outage.stuck = stuck;
    for (const password of stuck === 'sample' ? ['guess'] : ['guess', undefined]) {
      const decision = ask('alice', password, soon());
      await turns();
      pass(20);
      t.match(await decision, late, `${stuck} does not answer`);
    }
  }
  t.equal(jobs.length, 0, 'nothing is hashed for them');
  const second = world([accountOf('alice')]);
  const { ask: askAgain, jobs: begun, queued: waiting, withdrawn: taken, clock: time } = second;
  const running = askAgain('alice', RIGHT, { deadlineAt: time.time + 20 });
  await turns();
  second.pass(20);
  t.match(await running, { ...late, verdict: { ...late.verdict, retryAfter: 3 } }, 'a hash that takes long');
  t.equal(taken.length, 1);
  begun[0]?.answer(true);
  await turns();
  t.match(askAgain('alice', RIGHT), { verdict: { kind: 'granted' }, source: 'cached' }, 'it leaves a proof');

  waiting.now = true;
  const guess = askAgain('alice', 'guess', { deadlineAt: time.time + 20 });
  await turns();
  second.pass(20);
  t.match(await guess, late, 'a hash that waits');
  t.same(
    begun.splice(0).map(({ job }) => job),
    taken,
    'it is taken back',
  );
  void askAgain('alice', 'guess');
  await turns();
  t.match(begun, [{ job: { lane: 'greylisted' } }], 'who asks again goes before other strangers');
  t.same([queued.now, withdrawn], [false, []]);
});

t.test('a hash is dropped when nobody waits for it any more', async (t) => {
  const { ask, calls, jobs, queued, withdrawn } = world([accountOf('alice')]);
  queued.now = true;
  const clients = [new Presence(), new Presence()];
  const decisions = clients.map((presence) => ask('alice', RIGHT, { presence }));
  await turns();
  t.equal(jobs.length, 1, 'equal questions share one hash');
  clients[0]?.end();
  t.match(await decisions[0], { verdict: { kind: 'busy', reason: 'abandoned' } });
  t.same(withdrawn, [], 'the other one still waits');
  clients[1]?.end();
  await decisions[1];
  t.same(withdrawn, [jobs[0]?.job]);
  t.match(ask('alice', 'guess', { presence: clients[0] as Presence }), Promise);
  await turns();
  t.equal(jobs.length, 1, 'nothing is hashed for a client that is gone');
  const read = calls.length;
  t.match(ask('bob', 'guess', { presence: clients[0] as Presence }), Promise);
  await turns();
  t.equal(calls.length, read, 'nor is the database asked');
});

t.test('whoever is told busy does not escape the throttle', async (t) => {
  const settled: string[] = [];
  const admission: Admission = {
    admit: () => ({ settle: ({ kind }) => settled.push(kind) }),
  };
  const { ask, jobs, clock, pass } = world([accountOf('alice')], { admission });
  const decision = ask('alice', 'guess', { deadlineAt: clock.time + 20 });
  await turns();
  pass(20);
  t.match(await decision, { verdict: { kind: 'busy' } });
  jobs[0]?.answer(false);
  await turns();
  t.same(settled, ['denied'], 'what came of the hash is told when it is known');
});

t.test('a question that is not admitted costs no hash', async (t) => {
  const asked: string[] = [];
  const settled: string[] = [];
  let refuses = true;
  const admission: Admission = {
    admit({ username }) {
      asked.push(username);
      if (refuses) throw new Busy('throttled', 7);
      return { settle: ({ kind }) => settled.push(`${username} ${kind}`) };
    },
  };
  const { ask, askHashed, jobs } = world([accountOf('alice')], { admission });
  t.match(await ask('alice', RIGHT), { verdict: { kind: 'busy', reason: 'throttled', retryAfter: 7 }, site: 'site' });
  t.match(await ask('nobody', RIGHT), { verdict: { kind: 'busy', reason: 'throttled' } });
  t.equal(jobs.length, 0);
  t.equal(brief(await ask('alice')), 'granted', 'nor is vouching asked about');
  t.same(asked, ['alice', 'nobody']);

  refuses = false;
  t.equal(brief(await askHashed('nobody', 'guess')), 'unknown-user');
  t.equal(brief(await askHashed('alice', RIGHT)), 'granted');
  refuses = true;
  t.equal(brief(await ask('alice', RIGHT)), 'granted', 'a proof is never refused');
  t.equal(asked.length, 4);
  t.same(settled, ['nobody denied', 'alice granted'], 'what came of an admitted question is told, and nothing else');

  refuses = false;
  const failing = ask('carol', 'guess');
  await turns();
  jobs.at(-1)?.fail(new Fault('the hash worker died'));
  await failing;
  const full = ask('carol', 'guess');
  await turns();
  jobs.at(-1)?.fail(new Busy('queue-full'));
  await full;
  t.same(settled.slice(2), ['carol error', 'carol busy'], 'a fault and busy too');
});

t.test('whatever goes wrong is a verdict', async (t) => {
  const { ask, jobs, pipeline } = world([
    accountOf('alice'),
    accountOf('dear', { encoded: hashOf('x').replace('$1000$', '$2000000000$') }),
  ]);
  const dead = ask('alice', RIGHT);
  await turns();
  jobs[0]?.fail(new Fault('the hash worker died'));
  t.match(await dead, { verdict: { kind: 'error', reason: 'the hash worker died' }, source: undefined });
  const full = ask('alice', RIGHT);
  await turns();
  jobs[1]?.fail(new Busy('queue-full', 3));
  t.match(await full, { verdict: { kind: 'busy', reason: 'queue-full', retryAfter: 3 } });
  t.match(await ask('dear', RIGHT), { verdict: { kind: 'error', reason: /hash\.max_time/ } });
  t.equal(jobs.length, 2);

  const broken = { ...pipeline, verifiers: { ...pipeline.verifiers, vouched: undefined as never } };
  const question = world([]).question('alice', undefined);
  t.match(decide(question, broken), { verdict: { kind: 'error' } }, 'a mistake of ours too');

  const bare = { ...STOCK, user: { ...STOCK.user, staff: undefined }, userGroups: undefined };
  const { ask: askBare, calls } = world([accountOf('alice')], { schema: bare });
  for (const [requirements, lacks] of [
    [{ staff: true }, 'is_staff'],
    [{ groups: ['a'] }, 'groups'],
  ] as const) {
    const all = { ...{ staff: false, superuser: false, permissions: [], groups: [] }, ...requirements };
    const { verdict } = askBare('alice', RIGHT, { requirements: all }) as Decision;
    t.match(verdict, { kind: 'error', reason: `the user model of site "site" has no ${lacks}, which was required` });
  }
  t.same(calls, [], 'before any account is read');
});

t.test('a request becomes a question', async (t) => {
  t.equal(USERNAME_OCTETS_MAX, USERNAME_MAX, 'the limits that PROTOCOL.md states are the ones that are enforced');
  t.equal(PASSWORD_OCTETS_MAX, PASSWORD_MAX);
  const read = (operation: string, parameters: object) => {
    const request = decodeRequest(encodeRequest(7, operation, parameters).subarray(4));
    if (request.operation !== 'check' && request.operation !== 'authorize') throw new Error('no question');
    return questionOf(request, 1_000);
  };
  const octets = (length: number) => Buffer.alloc(length, 0xe9);
  const username = Buffer.from('alice');
  const full = read('check', {
    ...{ site: 's', username: octets(2), password: octets(3), require: { staff: true, groups: ['G'] } },
    ...{ client: { address: '192.0.2.1', service: 'svn' }, deadline_ms: 500, want: ['permissions'] },
  });
  t.match(full, {
    ...{ site: 's', username: 'éé', tooLong: false, deadlineAt: 1_500, wantPermissions: true },
    requirements: { staff: true, superuser: false, permissions: [], groups: ['G'] },
    client: { address: '192.0.2.1', service: 'svn' },
  });
  t.equal(full.evidence.secret?.octets.toString(), 'ééé');
  const vouched = read('authorize', { username });
  t.match(vouched, { site: undefined, evidence: { kind: 'vouched', secret: undefined }, deadlineAt: 11_000 });
  // Octets are counted as the client sent them: in UTF-8 these are twice as many.
  for (const [name, secret, tooLong] of [
    [USERNAME_MAX, 1, false],
    [USERNAME_MAX + 1, 1, true],
    [1, PASSWORD_MAX, false],
    [1, PASSWORD_MAX + 1, true],
  ] as const) {
    t.equal(read('check', { username: octets(name), password: octets(secret) }).tooLong, tooLong, `${name}, ${secret}`);
  }
});

t.test('a reply leaves out lists that do not fit a frame, and says so', async (t) => {
  const many = (prefix: string) => Array.from({ length: 1_500 }, (_, at) => `${prefix}.${at}-${'x'.repeat(60)}`);
  const reply = (account: Partial<Account>, wantPermissions: boolean) => {
    const answer = replyOf({ kind: 'granted', account: accountOf('alice', account) }, wantPermissions);
    const { status, content } = decodeReply(encodeReply(0xffff_ffff, answer).subarray(4));
    t.equal(status, 0);
    const { groups, permissions, ...rest } = Object.fromEntries(content.get('account') as Map<string, unknown>);
    const { groups_omitted, permissions_omitted } = rest;
    return [groups, groups_omitted, permissions, permissions_omitted];
  };
  const few = { groups: ['G'], permissions: new Set(['a.b']) };
  t.same(reply(few, false), [['G'], undefined, undefined, undefined]);
  t.same(reply(few, true), [['G'], undefined, ['a.b'], undefined]);
  const inMany = { ...few, groups: many('g') };
  t.same(reply(inMany, false), [undefined, true, undefined, undefined]);
  t.same(reply(inMany, true), [undefined, true, ['a.b'], undefined]);
  const mayMuch = { ...few, permissions: new Set(many('p')) };
  t.same(reply(mayMuch, false), [['G'], undefined, undefined, undefined]);
  t.same(reply(mayMuch, true), [['G'], undefined, undefined, true]);
  t.same(reply({ ...inMany, ...mayMuch, groups: many('g') }, true), [undefined, true, undefined, true]);
  // The longest that fits, and one octet more.
  const fits = (length: number) => reply({ groups: ['g'.repeat(length)] }, false)[0] !== undefined;
  let length = 64_000;
  while (fits(length + 1)) length++;
  t.ok(length > 65_300 && length < 65_536, `${length} octets`);
});

t.test('while the database is away, what was known may grant and nothing else', async (t) => {
  const people = [
    accountOf('alice', { staff: true }),
    accountOf('bob', { active: false }),
    accountOf('carol'),
    accountOf('dave'),
  ];
  for (const ttlMs of [1_000, 0]) {
    const { ask, askHashed, clock, outage, jobs, table, calls } = world(people, { ttlMs, staleMs: 30_000 });
    const known = [
      ['alice', RIGHT, 'granted'],
      ['alice', 'wrong', 'wrong-password'],
      ['bob', RIGHT, 'inactive'],
      ['carol', RIGHT, 'granted'],
      ['nobody', RIGHT, 'unknown-user'],
    ] as const;
    for (const [name, password, verdict] of known) t.equal(brief(await askHashed(name, password)), verdict);
    await ask('dave'); // read, but his password is not remembered
    const hashed = jobs.length;
    const { time } = clock;

    clock.time = time + 1_000;
    outage.fault = new Fault('down', AWAY);
    table.set('carol', accountOf('carol', { active: false }));
    t.match(await ask('alice', RIGHT), { verdict: { kind: 'granted', stale: true }, source: 'cached', known: true });
    const later = ask('alice', RIGHT, STAFF);
    t.notOk(later instanceof Promise, 'a database that was asked in vain a moment ago is not waited for');
    t.match(later, { verdict: { kind: 'granted', stale: true } });
    t.match(ask('carol', RIGHT), { verdict: { kind: 'granted', stale: true } }, 'what was taken away is not known');
    for (const [name, password, more] of [
      ['alice', 'wrong'],
      ['alice', 'a new one'],
      ['bob', RIGHT],
      ['carol', RIGHT, STAFF],
      ['dave', RIGHT],
      ['nobody', RIGHT],
      ['never asked about', RIGHT],
      ['alice', undefined],
    ] as const) {
      t.match(await ask(name, password, more), { verdict: { kind: 'error', reason: 'down' } }, `${name}, ${password}`);
    }
    t.equal(jobs.length, hashed, 'nothing is hashed, so the time tells nothing');

    clock.time = time + ttlMs + 30_000;
    t.match(await ask('alice', RIGHT), { verdict: { kind: 'error' } }, 'too old by then');

    outage.fault = undefined;
    t.match(await ask('carol', RIGHT), { verdict: { kind: 'denied', reason: 'inactive' } }, 'the database is back');
    t.match(await ask('alice', RIGHT), { verdict: { kind: 'granted', stale: undefined } });
    const count = calls.length;
    outage.fault = new Fault('42501: permission denied');
    clock.time += 2_000;
    t.match(await ask('alice', RIGHT), { verdict: { kind: 'error' } }, 'a database that refuses is not away');
    t.match(await ask('alice', RIGHT), { verdict: { kind: 'error' } });
    t.equal(calls.length, count + 2, 'it is asked each time');
  }
});

t.test('a database that is back is noticed in the background', async (t) => {
  const { ask, askHashed, clock, outage, table, calls } = world([accountOf('alice')], { staleMs: 3_600_000 });
  await askHashed('alice', RIGHT);
  outage.fault = new Fault('down', AWAY);
  clock.time += 10_000;
  t.match(await ask('alice', RIGHT), { verdict: { kind: 'granted', stale: true } });
  const count = calls.length;
  for (let i = 0; i < 100; i++) {
    clock.time += 10;
    t.match(ask('alice', RIGHT), { verdict: { kind: 'granted', stale: true } });
    await turns();
  }
  t.ok(calls.length - count >= 3 && calls.length - count <= 5, `asked ${calls.length - count} times in a second`);

  table.set('alice', accountOf('alice', { active: false }));
  outage.fault = undefined;
  clock.time += 250;
  t.match(ask('alice', RIGHT), { verdict: { stale: true } }, 'one question more');
  await turns();
  t.match(ask('alice', RIGHT), { verdict: { kind: 'denied', reason: 'inactive' } }, 'whose read tells');

  // A pause is not an outage: nobody has asked since.
  table.set('alice', accountOf('alice'));
  clock.time += 1_000;
  t.match(await ask('alice', RIGHT), { verdict: { kind: 'granted' } });
  outage.fault = new Fault('down', AWAY);
  clock.time += 1_000;
  t.match(await ask('alice', RIGHT), { verdict: { stale: true } });
  outage.fault = undefined;
  table.set('alice', accountOf('alice', { active: false }));
  clock.time += 1_000;
  t.match(await ask('alice', RIGHT), { verdict: { kind: 'denied', reason: 'inactive' } });
});

t.test('a user whom a client vouches for needs a key of the configuration for that', async (t) => {
  for (const staleAuthorize of [false, true]) {
    const { ask, clock, outage } = world([accountOf('alice')], { staleMs: 60_000, staleAuthorize });
    t.match(await ask('alice'), { verdict: { kind: 'granted' } });
    clock.time += 1_000;
    outage.fault = new Fault('down', AWAY);
    const expected = staleAuthorize ? { kind: 'granted', stale: true } : { kind: 'error' };
    t.match(await ask('alice'), { verdict: expected });
    t.match(await ask('alice'), { verdict: expected });
    t.match(await ask('alice', undefined, STAFF), { verdict: { kind: 'error' } });
  }
});

t.test('without cache.stale_if_error nothing old decides', async (t) => {
  const { ask, askHashed, clock, outage } = world([accountOf('alice')], { staleAuthorize: true });
  await askHashed('alice', RIGHT);
  outage.fault = new Fault('down', AWAY);
  clock.time += 1_000;
  for (const password of [RIGHT, undefined]) {
    t.match(await ask('alice', password), { verdict: { kind: 'error' } });
    t.match(await ask('alice', password), { verdict: { kind: 'error' } });
  }
});

t.test('the reply to a grant from what was known says so', async (t) => {
  const account = accountOf('alice', { permissions: new Set(['shop.see']) });
  for (const [stale, want] of [
    [true, false],
    [true, true],
    [undefined, false],
  ] as const) {
    const reply = replyOf({ kind: 'granted', account, ...(stale && { stale }) }, want);
    const { content } = decodeReply(encodeReply(7, reply).subarray(4));
    t.equal(content.get('stale'), stale);
    t.ok(content.get('account') instanceof Map);
  }
});
