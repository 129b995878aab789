import { availableParallelism } from 'node:os';
import type { Worker } from 'node:worker_threads';
import type { Clock } from '../clock.ts';
import { Busy, Fault, messageOf } from '../fault.ts';
import type { Password } from '../password.ts';
import { type Estimate, Estimates } from './estimates.ts';
import type { HashWork } from './hasher.ts';
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

interface Running {
  readonly queued: Queued;
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
    return this.#lanes.length;
  }

  /** How many jobs wait in a lane. */
  waiting(lane: Lane): number {
    return this.#lanes.waiting(lane);
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
    return (this.#remaining() + this.#lanes.seconds) / this.#size;
  }

  /**
   * Whether the password matches. The password is copied before this returns.
   * Rejects with Busy (no place, deadline) or Fault (the hash cannot be computed, the worker died).
   */
  verify(password: Password, job: Job): Promise<boolean> {
    if (this.#closed) return Promise.reject(new Busy('shutting-down'));
    const estimate = this.#estimates.of(job);
    const asked = { lane: job.lane, origin: job.origin, name: job.name, seconds: estimate.seconds };
    const busy = this.#refuse(asked, job.deadlineAt);
    if (busy !== undefined) return Promise.reject(busy);
    return new Promise((resolve, reject) => {
      const queued: Queued = { ...asked, job, estimate, password: password.copy(), resolve, reject };
      this.#queued.set(job, queued);
      this.#lanes.push(queued);
      this.#dispatch();
      if (job.lane !== 'returning') this.#trim(estimate.seconds);
    });
  }

  /** Takes back a job for which nobody waits any more. A job that runs goes on; false then, or if it is over. */
  withdraw(job: Job, reason: Busy): boolean {
    const queued = this.#queued.get(job);
    if (queued === undefined) return false;
    this.#lanes.remove(queued);
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
    if (this.#lanes.length === 0 && this.#busy.size < this.#size) return undefined;
    const waitSeconds = (this.#remaining() + this.#lanes.before(asked)) / this.#size;
    if (this.#options.clock.now() + (waitSeconds + asked.seconds) * 1000 > deadlineAt) return this.#late();
    if (asked.lane === 'returning') {
      return this.#lanes.waiting('returning') < this.#options.queue ? undefined : this.#full();
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
        (this.#remaining() + this.#lanes.strangersWait(last)) / this.#size > this.#longest(last))
    ) {
      const dropped = this.#lanes.drop();
      if (dropped === undefined) return;
      this.#fail(dropped, this.#full());
    }
  }

  #dispatch(): void {
    while (this.#lanes.length > 0 && (this.#idle.length > 0 || this.#busy.size < this.#size)) {
      const queued = this.#lanes.shift() as Queued;
      const left = queued.job.deadlineAt - this.#options.clock.now();
      // What cannot be finished in time makes way for those who wait.
      if (left <= 0 || (this.#lanes.length > 0 && left < queued.seconds * 1000)) {
        this.#lanes.refund(queued);
        this.#fail(queued, this.#late());
      } else this.#run(this.#idle.pop() ?? this.#start(), queued);
    }
  }

  /** What is left of the jobs that run, in seconds of a worker. */
  #remaining(): number {
    const now = this.#options.clock.now();
    let seconds = 0;
    for (const { queued, startedAt } of this.#busy.values()) {
      seconds += Math.max(0, queued.seconds - (now - startedAt) / 1000);
    }
    return seconds;
  }

  #full(): Busy {
    return new Busy('queue-full', this.backlogSeconds);
  }

  #late(): Busy {
    return new Busy('deadline', this.backlogSeconds);
  }

  #run(worker: Worker, queued: Queued): void {
    const startedAt = this.#options.clock.now();
    this.#queued.delete(queued.job);
    this.#busy.set(worker, { queued, startedAt });
    worker.ref();
    worker.once('message', (answer: HashAnswer) => {
      this.#busy.delete(worker);
      this.#idle.push(worker);
      worker.unref();
      this.#computed++;
      const ms = this.#options.clock.now() - startedAt;
      queued.job.ran = { startedAt, ms };
      this.#measured(worker, queued.estimate, ms);
      if ('fault' in answer) queued.reject(new Fault(`cannot compute the password hash: ${answer.fault}`));
      else queued.resolve(answer.matches);
      this.#dispatch();
    });
    const octets = queued.password.memory; // transferred to the worker, which wipes it
    const { encoded, padding = [] } = queued.job;
    const question: HashQuestion = { password: octets, encoded, padding };
    worker.postMessage(question, [octets.buffer]);
  }

  #measured(worker: Worker, estimate: Estimate, ms: number): void {
    this.#averageMs += WEIGHT * (ms - this.#averageMs);
    if (this.#warm.has(worker)) this.#estimates.learn(estimate, ms / 1000);
    else this.#warm.add(worker);
  }

  #start(): Worker {
    const worker = this.#options.startWorker();
    worker.on('error', (error) => this.#options.onTrouble(`a hash worker failed: ${messageOf(error)}`));
    worker.once('exit', () => {
      const index = this.#idle.indexOf(worker);
      if (index >= 0) this.#idle.splice(index, 1);
      const running = this.#busy.get(worker);
      this.#busy.delete(worker);
      if (running) this.#fail(running.queued, new Fault('the hash worker died'));
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
