import { EventEmitter } from 'node:events';
import type { Worker } from 'node:worker_threads';
import t from 'tap';
import { Busy, Fault } from '../../daemon/fault.ts';
import { HashPool, type Lane } from '../../daemon/hasher/pool.ts';
import type { HashAnswer, HashQuestion } from '../../daemon/hasher/worker.ts';
import { Password } from '../../daemon/password.ts';

/** A thread whose answers the test gives by hand. */
class FakeWorker extends EventEmitter {
  readonly asked: HashQuestion[] = [];
  terminated = false;

  postMessage(question: HashQuestion, moved: ArrayBuffer[]): void {
    this.asked.push(structuredClone(question, { transfer: moved }));
  }
  answer(answer: HashAnswer): void {
    this.emit('message', answer);
  }
  die(): void {
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

function world(options: { workers?: number; queue?: number } = {}) {
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
    clock,
    onTrouble: (message) => trouble.push(message),
  });
  const verify = (text: string, lane: Lane = 'other', waits = 1000) =>
    pool.verify(Password.fromTyped(Buffer.from(text)), { encoded: 'x', lane, deadlineAt: clock.time + waits });
  /** The passwords that the threads received, in order. */
  const asked = () => threads.flatMap((thread) => thread.asked.map(({ password }) => Buffer.from(password).toString()));
  return { pool, threads, trouble, clock, verify, asked };
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
  const { pool } = world();
  void pool.verify(password, { encoded: 'x', lane: 'returning', deadlineAt: 2000 });
  t.equal(copies.length, 1);
  t.equal(copies[0]?.octets.length, 0, "the pool's copy belongs to the thread now");
  t.equal(password.octets.toString(), 'secret', 'the caller wipes its own');
  void verify('a');
  t.equal(threads[0]?.asked[0]?.password.byteLength, 1);
});

t.test('retry_after accounts for all waiting jobs', async (t) => {
  const { threads, clock, verify } = world({ queue: 1000 });
  const first = verify('first');
  clock.time += 1000;
  threads[0]?.answer({ matches: false });
  await first;
  void verify('runs', 'other', 100_000);
  const late = verify('late', 'other', 10).catch((error) => error);
  for (let i = 0; i < 100; i++) void verify(`waits ${i}`, 'other', 100_000);
  clock.time += 500;
  threads[0]?.answer({ matches: false });
  const { reason, retryAfter } = await late;
  t.equal(reason, 'deadline');
  t.ok(retryAfter >= 20, `${retryAfter} s for a hundred hashes of a large part of a second`);
});

t.test('a full lane is busy immediately', async (t) => {
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

t.test('a job whose deadline is over is not computed', async (t) => {
  const { threads, verify, clock, asked, pool } = world({ queue: 2 });
  const running = verify('running');
  const late = [verify('late', 'other', 50), verify('patient', 'other', 500)];
  clock.time += 100;
  const next = verify('next');
  t.equal(pool.queued, 2, 'and takes no place in the lane');
  threads[0]?.answer({ matches: false });
  threads[0]?.answer({ matches: true });
  clock.time += 1000;
  threads[0]?.answer({ matches: true });
  t.same(await Promise.all([running, ...late, next].map(outcome)), [false, 'deadline', true, true]);
  t.same(asked(), ['running', 'patient', 'next']);

  const put = { encoded: 'x', lane: 'other' as const, deadlineAt: clock.time + 10 };
  void verify('running');
  const joined = pool.verify(Password.fromTyped(Buffer.from('joined')), put);
  put.deadlineAt += 1000; // another question waits for it, for longer
  clock.time += 100;
  threads[0]?.answer({ matches: false });
  threads[0]?.answer({ matches: true });
  t.equal(await outcome(joined), true, 'a deadline can be extended');
});

t.test('returning users go first', async (t) => {
  const { threads, verify, asked } = world();
  const answers = ['running', 'guess 1', 'guess 2', 'guess 3'].map((text) => verify(text));
  answers.push(verify('returning', 'returning'));
  for (let i = 0; i < 5; i++) threads[0]?.answer({ matches: true });
  await Promise.all(answers);
  t.same(asked(), ['running', 'returning', 'guess 1', 'guess 2', 'guess 3']);
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
