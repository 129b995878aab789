import { availableParallelism } from 'node:os';
import type { Worker } from 'node:worker_threads';
import type { Clock } from '../clock.ts';
import { Busy, Fault, messageOf } from '../fault.ts';
import type { Password } from '../password.ts';
import { type Estimate, Estimates } from './estimates.ts';
import type { HashWork } from './hasher.ts';
import { hasherOf } from './hashers.ts';
import { type Lane, type Laned, Lanes } from './lanes.ts';
import type { HashAnswer, HashQuestion } from './worker.ts';

/** Work to be done for a question. */
export interface Job extends HashWork {
  readonly lane: Lane;
  /** Where the question comes from: origins take turns. "" if unknown. */
  readonly origin: string;
  /** Whom it is about: within an origin, names take turns. */
  readonly name: string;
  /** The time at which the last waiting client stops waiting, by the pool's clock. May be extended while queued. */
  deadlineAt: number;
  /** Set when it has been computed. */
  ran?: Ran;
}

/** When a worker began with a job, by the pool's clock, and how long it took, in ms. */
export interface Ran {
  readonly startedAt: number;
  readonly ms: number;
}

interface Queued extends Laned {
  readonly job: Job;
  readonly estimate: Estimate;
  /** The pool's own copy, which the pool wipes. */
  readonly password: Password;
  readonly resolve: (matches: boolean) => void;
  readonly reject: (error: Error) => void;
}

/** What a worker computes: one job, or two at once. */
interface Running {
  readonly batch: readonly Queued[];
  readonly startedAt: number;
}

export interface HashPoolOptions {
  /** Starts a thread that runs `runHashWorker`. */
  readonly startWorker: () => Worker;
  /** How many hashes are computed at once; 0: one per core. */
  readonly workers: number;
  /** How many jobs wait at most: in the lane `returning`, and of strangers. */
  readonly queue: number;
  /** How long a stranger's job waits at most, in ms, as estimated when it is queued. */
  readonly maxWaitMs: number;
  /** Whether a worker computes two hashes that can be paired in less time than one after the other. */
  readonly pairs?: () => boolean;
  readonly clock: Clock;
  readonly onTrouble: (message: string) => void;
}

/** The weight of the latest measurement in the average time of a hash. */
const WEIGHT = 0.2;

/** How many jobs of strangers wait at most about one name, in each lane, from all origins together. */
const NAME_MAX = 4;

/**
 * Computes hashes on threads of its own, with a lower priority than the event loop. A job is queued only if it will be
 * computed before its client stops waiting and, for strangers, within `maxWaitMs`; otherwise the answer is Busy,
 * immediately. Whose turn it is, `Lanes` says. A stranger who comes when the queue is full takes the place of the longest
 * origin's latest job, if that origin has more jobs than the stranger's own.
 */
export class HashPool {
  readonly #options: HashPoolOptions;
  readonly #size: number;
  readonly #idle: Worker[] = [];
  readonly #busy = new Map<Worker, Running>();
  readonly #lanes = new Lanes<Queued>();
  readonly #queued = new Map<Job, Queued>();
  /** A job whose turn it was as the second of two, and that could not be computed with the first: it is the next. */
  #next: Queued | undefined;
  readonly #estimates = new Estimates();
  /** Threads that have computed a job: the first one includes the start of the thread. */
  readonly #warm = new WeakSet<Worker>();
  #averageMs = 100;
  #computed = 0;
  #closed = false;

  constructor(options: HashPoolOptions) {
    this.#options = options;
    this.#size = options.workers || availableParallelism();
  }

  get queued(): number {
    return this.#lanes.length + (this.#next ? 1 : 0);
  }

  /** How many jobs wait in a lane. */
  waiting(lane: Lane): number {
    return this.#lanes.waiting(lane) + (this.#next?.lane === lane ? 1 : 0);
  }

  /** How many hashes are computed at once. */
  get size(): number {
    return this.#size;
  }

  /** The moving average of the time that one hash takes, in ms. */
  get averageMs(): number {
    return this.#averageMs;
  }

  get running(): number {
    return this.#busy.size;
  }

  /** How many hashes have been computed since the start. */
  get computed(): number {
    return this.#computed;
  }

  /** How long the running and waiting jobs will take, in seconds: a client that asks again sooner meets the same queue. */
  get backlogSeconds(): number {
    return (this.#ahead() + this.#lanes.seconds) / this.#size;
  }

  /**
   * Whether the password matches. The password is copied before this returns.
   * Rejects with Busy (no place, deadline) or Fault (the hash cannot be computed, the worker died).
   */
  verify(password: Password, job: Job): Promise<boolean> {
    if (this.#closed) return Promise.reject(new Busy('shutting-down'));
    const estimate = this.#estimates.of(job);
    const seconds = this.#estimates.admitted(job);
    const asked = { lane: job.lane, origin: job.origin, name: job.name, seconds };
    const busy = this.#refuse(asked, job.deadlineAt);
    if (busy !== undefined) return Promise.reject(busy);
    return new Promise((resolve, reject) => {
      const queued: Queued = { ...asked, job, estimate, password: password.copy(), resolve, reject };
      this.#queued.set(job, queued);
      this.#lanes.push(queued);
      this.#dispatch();
      if (job.lane !== 'returning') this.#trim(seconds);
    });
  }

  /** Takes back a job for which nobody waits any more. A job that runs goes on; false then, or if it is over. */
  withdraw(job: Job, reason: Busy): boolean {
    const queued = this.#queued.get(job);
    if (queued === undefined) return false;
    if (this.#next === queued) {
      this.#next = undefined;
      this.#lanes.refund(queued);
    } else this.#lanes.remove(queued);
    this.#fail(queued, reason);
    return true;
  }

  /** Ends the threads. Queued jobs are rejected with Busy, running ones with a Fault. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const job of [...this.#queued.keys()]) this.withdraw(job, new Busy('shutting-down'));
    const workers = [...this.#idle.splice(0), ...this.#busy.keys()];
    await Promise.all(workers.map((worker) => worker.terminate()));
  }

  /** Why the job cannot be queued; undefined if it can. */
  #refuse(asked: Laned, deadlineAt: number): Busy | undefined {
    // A free worker begins whatever comes: its estimate may be wrong, and is learned from what it computes.
    if (this.queued === 0 && this.#busy.size < this.#size) return undefined;
    const waitSeconds = (this.#ahead() + this.#lanes.before(asked)) / this.#size;
    if (this.#options.clock.now() + (waitSeconds + this.#atMost(asked.seconds)) * 1000 > deadlineAt)
      return this.#late();
    if (asked.lane === 'returning') {
      return this.waiting('returning') < this.#options.queue ? undefined : this.#full();
    }
    const named = this.#lanes.named(asked.lane, asked.name);
    return waitSeconds > this.#longest(asked.seconds) || named >= NAME_MAX ? this.#full() : undefined;
  }

  /** How long a stranger's job waits at most, in seconds; a dear one as long as it takes. */
  #longest(seconds: number): number {
    return Math.max(this.#options.maxWaitMs / 1000, seconds);
  }

  /** Of strangers who are too many, the latest of the longest origin give way, which may be the one who has just come. */
  #trim(last: number): void {
    const { queue } = this.#options;
    while (
      this.#lanes.strangers > queue ||
      (this.#lanes.strangers > 0 &&
        (this.#ahead() + this.#lanes.strangersWait(last)) / this.#size > this.#longest(last))
    ) {
      const dropped = this.#lanes.drop();
      if (dropped === undefined) return;
      this.#fail(dropped, this.#full());
    }
  }

  #dispatch(): void {
    while (this.queued > 0 && (this.#idle.length > 0 || this.#busy.size < this.#size)) {
      const first = this.#take();
      if (first === undefined) return;
      this.#run(this.#idle.pop() ?? this.#start(), [first, ...this.#companion(first)]);
    }
  }

  /** The job whose turn it is; undefined if none is left. */
  #take(): Queued | undefined {
    for (;;) {
      const queued = this.#next ?? this.#lanes.shift();
      this.#next = undefined;
      if (queued === undefined) return undefined;
      const left = queued.job.deadlineAt - this.#options.clock.now();
      // What cannot be finished in time makes way for those who wait.
      if (left > 0 && (this.#lanes.length === 0 || left >= queued.seconds * 1000)) return queued;
      this.#lanes.refund(queued);
      this.#fail(queued, this.#late());
    }
  }

  /** The job that is computed together with one, if two take less time so and no other worker is free. */
  #companion(first: Queued): Queued[] {
    const otherFree = this.#busy.size + 1 < this.#size;
    if (otherFree || this.#options.pairs?.() !== true || !isPaired(first.job)) return [];
    const second = this.#take();
    if (second === undefined) return [];
    const inTime = (queued: Queued) =>
      queued.job.deadlineAt - this.#options.clock.now() >= (first.seconds + second.seconds) * 1000;
    if (isPaired(second.job) && inTime(first) && inTime(second)) return [second];
    this.#next = second;
    return [];
  }

  /** The longest that a job of so many seconds may take: together with another one. */
  #atMost(seconds: number): number {
    return this.#options.pairs?.() === true ? 2 * seconds : seconds;
  }

  /** What comes before everything in the lanes, in seconds of a worker. */
  #ahead(): number {
    return this.#remaining() + (this.#next?.seconds ?? 0);
  }

  /** What is left of the jobs that run, in seconds of a worker. */
  #remaining(): number {
    const now = this.#options.clock.now();
    let seconds = 0;
    for (const { batch, startedAt } of this.#busy.values()) {
      const work = batch.reduce((sum, { estimate }) => sum + estimate.seconds, 0);
      seconds += Math.max(0, work - (now - startedAt) / 1000);
    }
    return seconds;
  }

  #full(): Busy {
    return new Busy('queue-full', this.backlogSeconds);
  }

  #late(): Busy {
    return new Busy('deadline', this.backlogSeconds);
  }

  #run(worker: Worker, batch: readonly Queued[]): void {
    const startedAt = this.#options.clock.now();
    for (const { job } of batch) this.#queued.delete(job);
    this.#busy.set(worker, { batch, startedAt });
    worker.ref();
    worker.once('message', (answers: readonly HashAnswer[]) => {
      this.#busy.delete(worker);
      this.#idle.push(worker);
      worker.unref();
      this.#computed += batch.length;
      const ms = this.#options.clock.now() - startedAt;
      this.#measured(worker, batch, ms);
      for (const [at, queued] of batch.entries()) {
        const answer = answers[at] ?? { fault: 'no answer' };
        queued.job.ran = { startedAt, ms };
        if ('fault' in answer) queued.reject(new Fault(`cannot compute the password hash: ${answer.fault}`));
        else queued.resolve(answer.matches);
      }
      this.#dispatch();
    });
    const questions = batch.map(({ password, job: { encoded, padding = [] } }): HashQuestion => {
      return { password: password.memory, encoded, padding };
    });
    // The octets go to the worker, which wipes them.
    worker.postMessage(
      questions,
      questions.map(({ password }) => password.buffer as ArrayBuffer),
    );
  }

  /** Of two jobs each took half the time: that is what one more job adds to a queue. */
  #measured(worker: Worker, batch: readonly Queued[], batchMs: number): void {
    const ms = batchMs / batch.length;
    this.#averageMs += WEIGHT * (ms - this.#averageMs);
    if (!this.#warm.has(worker)) this.#warm.add(worker);
    else for (const { estimate } of batch) this.#estimates.learn(estimate, ms / 1000);
  }

  #start(): Worker {
    const worker = this.#options.startWorker();
    worker.on('error', (error) => this.#options.onTrouble(`a hash worker failed: ${messageOf(error)}`));
    worker.once('exit', () => {
      const index = this.#idle.indexOf(worker);
      if (index >= 0) this.#idle.splice(index, 1);
      const running = this.#busy.get(worker);
      this.#busy.delete(worker);
      for (const queued of running?.batch ?? []) this.#fail(queued, new Fault('the hash worker died'));
      if (!this.#closed) this.#dispatch();
    });
    return worker;
  }

  #fail(queued: Queued, error: Error): void {
    this.#queued.delete(queued.job);
    queued.password.wipe();
    queued.reject(error);
  }
}

/** Whether a part of the work is faster if two do it at once. */
function isPaired({ encoded, padding = [] }: Job): boolean {
  return [encoded, ...padding].some((hash) => hasherOf(hash)?.verifyTwo !== undefined);
}
