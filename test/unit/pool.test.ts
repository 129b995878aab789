import { EventEmitter } from 'node:events';
import type { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import t from 'tap';
import { Busy, Fault } from '../../daemon/fault.ts';
import type { Lane } from '../../daemon/hasher/lanes.ts';
import { HashPool, type Job } from '../../daemon/hasher/pool.ts';
import type { HashAnswer, HashQuestion } from '../../daemon/hasher/worker.ts';
import { Password } from '../../daemon/password.ts';

/** A thread whose answers the test gives by hand. */
class FakeWorker extends EventEmitter {
  readonly asked: HashQuestion[] = [];
  answered = 0;
  terminated = false;

  postMessage(questions: readonly HashQuestion[], moved: ArrayBuffer[]): void {
    this.asked.push(...structuredClone(questions, { transfer: moved }));
  }
  /** @param answers one for each question of the present batch; a single one is the answer to all */
  answer(...answers: HashAnswer[]): void {
    const batch = this.asked.length - this.answered || 1;
    this.answered = this.asked.length;
    this.emit(
      'message',
      Array.from({ length: batch }, (_, at) => answers[at] ?? answers[0]),
    );
  }
  die(): void {
    this.answered = this.asked.length;
    this.emit('error', new Error('out of memory'));
    this.emit('exit', 1);
  }
  async terminate(): Promise<void> {
    this.terminated = true;
    this.emit('exit', 1);
  }
  ref(): void {}
  unref(): void {}
}

/** A kind of work: the pool assumes 250 ms for it until it has measured. */
const QUARTER = 'pbkdf2_sha256$1000000$salt$x';

interface Options {
  workers?: number;
  queue?: number;
  maxWaitMs?: number;
  pairs?: boolean;
}

function world(options: Options = {}) {
  const threads: FakeWorker[] = [];
  const trouble: string[] = [];
  const clock = { time: 1000, now: () => clock.time };
  const pool = new HashPool({
    startWorker() {
      const thread = new FakeWorker();
      threads.push(thread);
      return thread as unknown as Worker;
    },
    workers: options.workers ?? 1,
    queue: options.queue ?? 10,
    maxWaitMs: options.maxWaitMs ?? 1_000_000,
    pairs: () => options.pairs === true,
    clock,
    onTrouble: (message) => trouble.push(message),
  });
  const job = (name: string, more: Partial<Job> = {}): Job => ({
    ...{ encoded: QUARTER, lane: 'other', origin: '', name, deadlineAt: clock.time + 1_000_000 },
    ...more,
  });
  const verify = (text: string, more: Partial<Job> | Lane = {}) =>
    pool.verify(Password.fromTyped(Buffer.from(text)), job(text, typeof more === 'string' ? { lane: more } : more));
  /** The passwords that the threads received, in order. */
  const asked = () => threads.flatMap((thread) => thread.asked.map(({ password }) => Buffer.from(password).toString()));
  return { pool, threads, trouble, clock, job, verify, asked };
}

const outcome = (answer: Promise<boolean>) =>
  answer.then(
    (matches) => matches,
    (error: Error) => (error instanceof Busy ? error.reason : error instanceof Fault ? 'fault' : error),
  );

t.test('a hash is computed on a thread, one at a time', async (t) => {
  const { pool, threads, verify, asked } = world({ workers: 2 });
  t.equal(threads.length, 0, 'no thread before there is work');
  const answers = ['a', 'b', 'c'].map((text) => verify(text));
  t.equal(threads.length, 2, 'and not more than configured');
  t.same(asked(), ['a', 'b']);
  t.equal(pool.running, 2);
  t.equal(pool.queued, 1);
  threads[1]?.answer({ matches: true });
  threads[1]?.answer({ matches: false });
  threads[0]?.answer({ fault: 'no memory' });
  t.same(await Promise.all(answers.map(outcome)), ['fault', true, false], 'a fault is not a mismatch');
  t.equal(pool.computed, 3);
  void verify('d');
  t.equal(threads.length, 2, 'threads are reused');
  t.equal(pool.running, 1);
});

t.test('the password is transferred to the thread', async (t) => {
  const { threads, verify } = world();
  const password = Password.fromTyped(Buffer.from('secret'));
  const copies: Password[] = [];
  const copy = password.copy.bind(password);
  password.copy = () => {
    const made = copy();
    copies.push(made);
    return made;
  };
  const { pool, job } = world();
  void pool.verify(password, job('secret', { lane: 'returning' }));
  t.equal(copies.length, 1);
  t.equal(copies[0]?.octets.length, 0, "the pool's copy belongs to the thread now");
  t.equal(password.octets.toString(), 'secret', 'the caller wipes its own');
  void verify('a');
  t.equal(threads[0]?.asked[0]?.password.byteLength, 1);
});

t.test('retry_after is how long the present queue takes', async (t) => {
  const { threads, clock, verify } = world({ queue: 1000 });
  const first = verify('first');
  threads[0]?.answer({ matches: false }); // the first one of a thread includes its start
  await first;
  const second = verify('second');
  clock.time += 500;
  threads[0]?.answer({ matches: false });
  await second;
  void verify('runs');
  for (let i = 0; i < 100; i++) void verify(`waits ${i}`);
  const late = await verify('late', { deadlineAt: clock.time + 40_000 }).catch((error) => error);
  t.match(late, { reason: 'deadline', retryAfter: 51 }, '101 hashes of half a second, as measured');
  clock.time += 250;
  t.match(await verify('late', { deadlineAt: clock.time + 40_000 }).catch((error) => error), { retryAfter: 51 });
  void verify('in time', { deadlineAt: clock.time + 60_000 });
});

t.test('a stranger waits for max_wait at most, as estimated by the work of the jobs before', async (t) => {
  const { pool, verify } = world({ queue: 1000, maxWaitMs: 1_000 });
  void verify('runs');
  const waiting = Array.from({ length: 20 }, (_, i) => verify(`stranger ${i}`));
  t.equal(pool.queued, 4, 'what runs and three others take a second, then the fourth begins');
  t.same(
    (await Promise.all(waiting.slice(4).map(outcome))).filter((each) => each !== 'queue-full'),
    [],
  );
  const padded = { encoded: 'pbkdf2_sha256$400000$salt$x', padding: ['pbkdf2_sha256$600000$salt$x'] };
  t.equal(await outcome(verify('padded', padded)), 'queue-full', 'padding counts');
  void verify('dear', { encoded: 'pbkdf2_sha256$8000000$salt$x', origin: '192.0.2.1' });
  t.equal(pool.queued, 5, 'a hash of two seconds may wait for as long');
  for (let i = 0; i < 20; i++) void verify(`returning ${i}`, 'returning');
  t.equal(pool.waiting('returning'), 20, 'users who return wait as long as their client');
  t.equal(await outcome(verify('returning', { lane: 'returning', deadlineAt: 5_000 })), 'deadline');
});

t.test('the estimate is learned by the kind of work', async (t) => {
  const { pool, threads, clock, verify } = world({ maxWaitMs: 1_010, queue: 1000 });
  const run = async (ms: number, encoded = QUARTER) => {
    const answer = verify(`${ms}`, { encoded });
    clock.time += ms;
    threads[0]?.answer({ matches: false });
    await answer;
  };
  await run(5_000); // the start of the thread
  await run(50);
  await run(1_000, 'bcrypt$$2b$12$x');
  void verify('runs');
  for (let i = 0; i < 100; i++) void verify(`stranger ${i}`).catch(() => {});
  t.equal(pool.queued, 20, 'of 50 ms each, whatever other kinds take');
});

t.test('a free worker begins a job whatever its estimate', async (t) => {
  const { threads, clock, verify, asked } = world({ maxWaitMs: 1 });
  const first = verify('dear', { encoded: 'pbkdf2_sha256$8000000$salt$x', deadlineAt: clock.time + 500 });
  t.same(asked(), ['dear'], 'or nobody would ever find out that it is cheap here');
  threads[0]?.answer({ matches: true });
  t.equal(await first, true);
});

t.test('a full queue is busy immediately', async (t) => {
  const { pool, verify } = world({ queue: 3 });
  const waiting = ['running', 'a', 'b', 'c'].map((text) => verify(text));
  t.equal(pool.queued, 3);
  const refused = verify('d').catch((error) => error);
  t.match(await refused, { reason: 'queue-full', retryAfter: 1 });
  t.equal(pool.queued, 3);
  const known = verify('e', 'returning');
  t.equal(pool.queued, 4, 'returning users have a lane of their own');
  await pool.close();
  t.same(await Promise.all([...waiting, known].map(outcome)), [
    'fault',
    'shutting-down',
    'shutting-down',
    'shutting-down',
    'shutting-down',
  ]);
  t.equal(await outcome(verify('f')), 'shutting-down');
});

t.test('a job that cannot be finished in time is not computed', async (t) => {
  const { threads, verify, clock, asked, pool, job } = world();
  const running = verify('running');
  t.equal(await outcome(verify('hopeless', { deadlineAt: clock.time + 400 })), 'deadline', 'it is not even queued');
  const tight = verify('tight', { deadlineAt: clock.time + 600 });
  const patient = verify('patient');
  clock.time += 400; // longer than estimated
  threads[0]?.answer({ matches: false });
  t.equal(await outcome(tight), 'deadline');
  t.same(asked(), ['running', 'patient']);
  const last = verify('last', { deadlineAt: clock.time + 600 });
  clock.time += 400;
  threads[0]?.answer({ matches: true });
  t.same(asked(), ['running', 'patient', 'last'], 'unless nobody else waits: it leaves a proof');
  clock.time += 250;
  threads[0]?.answer({ matches: true });
  t.same(await Promise.all([running, patient, last].map(outcome)), [false, true, true]);

  const put = job('joined', { deadlineAt: clock.time + 1_000 });
  void verify('running');
  const joined = pool.verify(Password.fromTyped(Buffer.from('joined')), put);
  void verify('other');
  put.deadlineAt += 1000; // another question waits for it, for longer
  clock.time += 1_000;
  threads[0]?.answer({ matches: false });
  threads[0]?.answer({ matches: true });
  t.equal(await outcome(joined), true, 'a deadline can be extended');
});

t.test('a job for which nobody waits is taken back', async (t) => {
  const { threads, verify, pool, job, asked } = world();
  const running = job('running');
  const first = pool.verify(Password.fromTyped(Buffer.from('running')), running);
  const dropped = job('dropped');
  const waits = pool.verify(Password.fromTyped(Buffer.from('dropped')), dropped);
  const next = verify('next');
  t.equal(pool.withdraw(running, new Busy('abandoned')), false, 'what runs goes on');
  t.equal(pool.withdraw(dropped, new Busy('abandoned')), true);
  t.equal(pool.withdraw(dropped, new Busy('abandoned')), false);
  t.equal(pool.queued, 1);
  threads[0]?.answer({ matches: true });
  threads[0]?.answer({ matches: false });
  t.same(await Promise.all([first, waits, next].map(outcome)), [true, 'abandoned', false]);
  t.same(asked(), ['running', 'next']);
});

t.test('who returns goes first, then who was turned away, and the others have their share', async (t) => {
  const { threads, verify, asked } = world({ queue: 200 });
  const answers = [verify('running')];
  const lanes = { o: 'other', g: 'greylisted', r: 'returning' } as const;
  for (const [letter, lane] of Object.entries(lanes)) {
    for (let i = 0; i < 64; i++) answers.push(verify(`${letter}${i}`, lane));
  }
  for (let i = 0; i < 193; i++) threads[0]?.answer({ matches: true });
  await Promise.all(answers);
  const order = asked()
    .slice(1)
    .map((text) => text[0]);
  t.equal(order[0], 'r');
  const first = order.slice(0, 64);
  for (const [lane, share] of [
    ['r', 48],
    ['g', 12],
    ['o', 4],
  ] as const) {
    const count = first.filter((each) => each === lane).length;
    t.ok(Math.abs(count - share) <= 1, `${lane}: ${count} of 64, with a share of ${share}`);
  }
});

t.test('a stranger who comes to a full queue takes the place of the longest origin', async (t) => {
  const { pool, verify, asked, threads } = world({ queue: 6 });
  void verify('running');
  const spray = Array.from({ length: 6 }, (_, i) => verify(`spray ${i}`, { origin: '192.0.2.66' }));
  const newcomer = verify('newcomer', { origin: '192.0.2.1' });
  t.equal(pool.queued, 6);
  t.equal(await outcome(spray[5] as Promise<boolean>), 'queue-full', 'its latest job is turned away');
  threads[0]?.answer({ matches: false });
  threads[0]?.answer({ matches: false });
  threads[0]?.answer({ matches: true });
  t.equal(await newcomer, true);
  t.same(asked().slice(0, 3), ['running', 'spray 0', 'newcomer'], 'it is its turn after one of each other origin');
});

t.test('few jobs wait about one name, wherever they come from', async (t) => {
  const { pool, verify } = world({ queue: 100 });
  void verify('running');
  const guesses = Array.from({ length: 20 }, (_, i) => verify(`${i}`, { name: 'root', origin: `192.0.2.${i}` }));
  t.equal(pool.queued, 4);
  t.equal((await Promise.all(guesses.slice(4).map(outcome))).filter((each) => each === 'queue-full').length, 16);
  void verify('another', { name: 'alice', origin: '192.0.2.1' });
  t.equal(pool.queued, 5);
});

t.test('whatever happens: nothing is computed too late, all are answered, no password is left', async () => {
  const event = fc.oneof(
    fc.record({
      kind: fc.constant('ask' as const),
      lane: fc.constantFrom<Lane>('returning', 'greylisted', 'other'),
      origin: fc.constantFrom('', 'a', 'b', 'c'),
      name: fc.constantFrom('w', 'x', 'y', 'z'),
      waits: fc.integer({ min: 1, max: 4_000 }),
      cost: fc.constantFrom(QUARTER, 'pbkdf2_sha256$100000$salt$x', 'x'),
    }),
    fc.record({ kind: fc.constant('answer' as const), worker: fc.nat(1) }),
    fc.record({ kind: fc.constant('pass' as const), ms: fc.nat(400) }),
    fc.record({ kind: fc.constant('withdraw' as const), which: fc.nat(50) }),
    fc.record({ kind: fc.constant('die' as const), worker: fc.nat(1) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 120 }), fc.boolean(), async (events, pairs) => {
      const { pool, threads, clock, job } = world({ workers: 2, queue: 6, maxWaitMs: 1_000, pairs });
      const jobs: { job: Job; answer: Promise<unknown>; withdrawn: boolean; begun: boolean }[] = [];
      const copies: Password[] = [];
      const free = new Set<FakeWorker>();
      const post = FakeWorker.prototype.postMessage;
      const busy = (worker: number) => threads.filter((thread) => thread.asked.length > thread.answered)[worker];
      let late = 0;
      FakeWorker.prototype.postMessage = function (questions, moved) {
        for (const { password } of questions) {
          const put = jobs[Number(Buffer.from(password).toString())];
          if (put === undefined || put.withdrawn || put.job.deadlineAt <= clock.time || put.begun) late++;
          else put.begun = true;
        }
        free.delete(this);
        post.call(this, questions, moved);
      };
      try {
        for (const each of events) {
          if (each.kind === 'ask') {
            const { lane, origin, name, cost: encoded } = each;
            const put = job(name, { lane, origin, encoded, deadlineAt: clock.time + each.waits });
            const password = Password.fromTyped(Buffer.from(`${jobs.length}`));
            const copy = password.copy.bind(password);
            password.copy = () => {
              const made = copy();
              copies.push(made);
              return made;
            };
            const entry = { job: put, answer: Promise.resolve() as Promise<unknown>, withdrawn: false, begun: false };
            jobs.push(entry);
            entry.answer = outcome(pool.verify(password, put));
          } else if (each.kind === 'pass') clock.time += each.ms;
          else if (each.kind === 'answer') busy(each.worker)?.answer({ matches: true });
          else if (each.kind === 'die') busy(each.worker)?.die();
          else {
            const put = jobs[each.which];
            if (put && pool.withdraw(put.job, new Busy('abandoned'))) put.withdrawn = true;
          }
          if (pool.waiting('returning') > 6 || pool.waiting('greylisted') + pool.waiting('other') > 6) return false;
          if (pool.queued > 0 && pool.running < 2) return false; // no worker is idle while jobs wait
        }
        await pool.close();
        await Promise.all(jobs.map(({ answer }) => answer)); // none is left without an answer
        return (
          late === 0 &&
          pool.queued === 0 &&
          copies.every(({ octets }) => octets.length === 0 || octets.every((octet) => octet === 0))
        );
      } finally {
        FakeWorker.prototype.postMessage = post;
      }
    }),
    { numRuns: 600 },
  );
});

t.test('whether a job is queued does not depend on whose hash it computes', async (t) => {
  const dear = { encoded: 'pbkdf2_sha256$8000000$salt$x', decoys: [QUARTER] };
  const places = (more: object) => {
    const { pool, verify } = world({ maxWaitMs: 2_000 });
    void verify('first');
    for (let i = 0; i < 20; i++) verify(`${i}`, { origin: `${i}`, ...more }).catch(() => {});
    return pool.queued;
  };
  t.equal(places(dear), places({ decoys: [QUARTER] }), 'as many places');
  const { verify } = world();
  void verify('first');
  const shortly = { deadlineAt: 1_600 };
  t.equal(await Promise.race([outcome(verify('a', { ...dear, ...shortly })), 'queued']), 'queued', 'the same deadline');
});

t.test('two hashes that are faster together are computed on one thread, where no other is free', async (t) => {
  const { pool, threads, verify, asked } = world({ workers: 2, pairs: true });
  const answers = ['a', 'b', 'c', 'd', 'e'].map((text) => verify(text));
  t.same(asked(), ['a', 'b'], 'two threads are better than one');
  threads[0]?.answer({ matches: true });
  t.same(asked(), ['a', 'c', 'd', 'b']);
  t.equal(pool.queued, 1);
  threads[0]?.answer({ matches: false }, { fault: 'no memory' });
  t.same(asked(), ['a', 'c', 'd', 'e', 'b'], 'alone if no other waits');
  threads[0]?.answer({ matches: true });
  threads[1]?.answer({ matches: true });
  t.same(await Promise.all(answers.map(outcome)), [true, true, false, 'fault', true]);
  t.equal(pool.computed, 5);

  const dying = ['f', 'g', 'h', 'i'].map((text) => verify(text));
  threads[0]?.answer({ matches: true });
  t.equal(pool.queued, 0);
  threads[0]?.die();
  threads[1]?.answer({ matches: true });
  t.same((await Promise.all(dying.map(outcome))).sort(), ['fault', 'fault', true, true]);
});

t.test('a hash of another kind is not computed with the one before it, and is the next', async (t) => {
  const { pool, threads, verify, asked, job } = world({ pairs: true });
  const other = { encoded: 'md5$salt$x' };
  const first = verify('first');
  const a = verify('a');
  const b = verify('b', other);
  const c = verify('c', other);
  const d = verify('d', { ...other, lane: 'returning' });
  threads[0]?.answer({ matches: true });
  t.equal(await outcome(first), true);
  t.same(asked(), ['first', 'd'], 'the turn is as ever');
  threads[0]?.answer({ matches: true });
  t.same(asked(), ['first', 'd', 'a']);
  t.equal(pool.queued, 2);
  t.equal(pool.waiting('other'), 2, 'one of them set aside');
  threads[0]?.answer({ matches: true });
  t.same(asked(), ['first', 'd', 'a', 'b']);
  threads[0]?.answer({ matches: true });
  threads[0]?.answer({ matches: true });
  t.same(await Promise.all([a, b, c, d].map(outcome)), [true, true, true, true]);

  // What was set aside can be withdrawn.
  void verify('e');
  void verify('f');
  const put = job('g', other);
  const g = pool.verify(Password.fromTyped(Buffer.from('g')), put);
  threads[0]?.answer({ matches: true });
  t.equal(pool.queued, 1);
  t.equal(pool.withdraw(put, new Busy('abandoned')), true);
  t.equal(await outcome(g), 'abandoned');
  t.equal(pool.queued, 0);
  threads[0]?.answer({ matches: true });
  t.equal(pool.running, 0);
});

t.test('ten thousand queued jobs cost no more than a hundred, each', async (t) => {
  const took = (queue: number) => {
    const { pool, job, threads } = world({ queue });
    const password = Password.fromTyped(Buffer.from('x'));
    const put = (i: number) => job(`${i % 5_000}`, { lane: 'returning', origin: `${i % 3_000}` });
    for (let i = 0; i <= queue; i++) pool.verify(password, put(i)).catch(() => {});
    const startedAt = performance.now();
    for (let i = 0; i < 5_000; i++) {
      threads[0]?.answer({ matches: false });
      pool.verify(password, put(i)).catch(() => {});
      pool.verify(password, put(i)).catch(() => {});
    }
    return performance.now() - startedAt;
  };
  took(100);
  t.ok(took(20_000) < 20 * took(100) + 1_000, 'scanning would take two hundred times as long');
});

t.test('a thread that dies is a fault, and is replaced', async (t) => {
  const { threads, verify, trouble, pool } = world();
  const first = verify('first');
  const second = verify('second');
  threads[0]?.die();
  t.equal(await outcome(first), 'fault');
  t.equal(threads.length, 2);
  threads[1]?.answer({ matches: true });
  t.equal(await second, true);
  t.match(trouble, [/out of memory/]);
  threads[1]?.die(); // idle
  const third = outcome(verify('third'));
  t.equal(threads.length, 3, 'a thread that died while idle is not used');
  await pool.close();
  t.equal(await third, 'fault', 'an interrupted job is not answered wrongly');
  t.ok(threads[2]?.terminated);
});
