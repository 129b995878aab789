import { availableParallelism } from 'node:os';
import type { Worker } from 'node:worker_threads';
import type { Clock } from '../clock.ts';
import { Busy, Fault, messageOf } from '../fault.ts';
import type { Password } from '../password.ts';
import type { HashAnswer, HashQuestion } from './worker.ts';

/** Passwords that were granted before go before all others, so that guessing clients cannot starve their users. */
export type Lane = 'returning' | 'other';

/** What is computed for one question. */
export interface HashWork {
  readonly encoded: string;
  /** Encoded hashes that are computed as well, whatever comes of them, so that all jobs of a site take as long. */
  readonly padding?: readonly string[];
}

/** Work to be done for a question. */
export interface Job extends HashWork {
  readonly lane: Lane;
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

interface Queued {
  readonly job: Job;
  /** The pool's own copy, which the pool wipes. */
  readonly password: Password;
  readonly resolve: (matches: boolean) => void;
  readonly reject: (error: Error) => void;
}

export interface HashPoolOptions {
  /** Starts a thread that runs `runHashWorker`. */
  readonly startWorker: () => Worker;
  /** How many hashes are computed at once; 0: one per core. */
  readonly workers: number;
  /** The capacity of each lane. */
  readonly queue: number;
  readonly clock: Clock;
  readonly onTrouble: (message: string) => void;
}

/** The weight of the latest measurement in the average time of a hash. */
const WEIGHT = 0.2;

/**
 * Computes hashes on threads of its own, with a lower priority than the event loop. Its two lanes are bounded: if a lane
 * is full, the answer is Busy, immediately. A job whose deadline is over is dropped, not computed.
 */
export class HashPool {
  readonly #options: HashPoolOptions;
  readonly #size: number;
  readonly #idle: Worker[] = [];
  readonly #busy = new Map<Worker, Queued>();
  readonly #lanes: Record<Lane, Queued[]> = { returning: [], other: [] };
  #averageMs = 100;
  #computed = 0;
  #closed = false;

  constructor(options: HashPoolOptions) {
    this.#options = options;
    this.#size = options.workers || availableParallelism();
  }

  get queued(): number {
    return this.#lanes.returning.length + this.#lanes.other.length;
  }

  /** How many jobs wait in a lane. */
  waiting(lane: Lane): number {
    return this.#lanes[lane].length;
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

  /**
   * Whether the password matches. The password is copied before this returns.
   * Rejects with Busy (lane full, deadline over) or Fault (the hash cannot be computed, the worker died).
   */
  verify(password: Password, job: Job): Promise<boolean> {
    const lane = this.#lanes[job.lane];
    if (this.#closed) return Promise.reject(new Busy('shutting-down'));
    if (lane.length >= this.#options.queue) this.#dropLate(lane);
    if (lane.length >= this.#options.queue) {
      return Promise.reject(new Busy('queue-full', this.#backlogSeconds()));
    }
    return new Promise((resolve, reject) => {
      lane.push({ job, password: password.copy(), resolve, reject });
      this.#dispatch();
    });
  }

  /** Ends the threads. Queued jobs are rejected with Busy, running ones with a Fault. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const lane of Object.values(this.#lanes)) {
      for (const queued of lane.splice(0)) this.#fail(queued, new Busy('shutting-down'));
    }
    const workers = [...this.#idle.splice(0), ...this.#busy.keys()];
    await Promise.all(workers.map((worker) => worker.terminate()));
  }

  #dispatch(): void {
    while (this.queued > 0 && (this.#idle.length > 0 || this.#busy.size < this.#size)) {
      const queued = (this.#lanes.returning.shift() ?? this.#lanes.other.shift()) as Queued;
      if (queued.job.deadlineAt <= this.#options.clock.now()) {
        this.#fail(queued, new Busy('deadline', this.#backlogSeconds()));
        continue;
      }
      this.#run(this.#idle.pop() ?? this.#start(), queued);
    }
  }

  /** How long the running and waiting jobs will take: a client that asks again sooner meets the same queue. */
  #backlogSeconds(): number {
    return ((this.queued + this.running) * this.#averageMs) / this.#size / 1000;
  }

  /** Jobs whose deadline is over must not take the places of others. */
  #dropLate(lane: Queued[]): void {
    const now = this.#options.clock.now();
    for (const queued of lane.splice(0)) {
      if (queued.job.deadlineAt > now) lane.push(queued);
      else this.#fail(queued, new Busy('deadline', this.#backlogSeconds()));
    }
  }

  #run(worker: Worker, queued: Queued): void {
    const startedAt = this.#options.clock.now();
    this.#busy.set(worker, queued);
    worker.ref();
    worker.once('message', (answer: HashAnswer) => {
      this.#busy.delete(worker);
      this.#idle.push(worker);
      worker.unref();
      this.#computed++;
      const ms = this.#options.clock.now() - startedAt;
      queued.job.ran = { startedAt, ms };
      this.#averageMs += WEIGHT * (ms - this.#averageMs);
      if ('fault' in answer) queued.reject(new Fault(`cannot compute the password hash: ${answer.fault}`));
      else queued.resolve(answer.matches);
      this.#dispatch();
    });
    const octets = queued.password.memory; // transferred to the worker, which wipes it
    const { encoded, padding = [] } = queued.job;
    const question: HashQuestion = { password: octets, encoded, padding };
    worker.postMessage(question, [octets.buffer]);
  }

  #start(): Worker {
    const worker = this.#options.startWorker();
    worker.on('error', (error) => this.#options.onTrouble(`a hash worker failed: ${messageOf(error)}`));
    worker.once('exit', () => {
      const index = this.#idle.indexOf(worker);
      if (index >= 0) this.#idle.splice(index, 1);
      const queued = this.#busy.get(worker);
      this.#busy.delete(worker);
      if (queued) this.#fail(queued, new Fault('the hash worker died'));
      if (!this.#closed) this.#dispatch();
    });
    return worker;
  }

  #fail(queued: Queued, error: Error): void {
    queued.password.wipe();
    queued.reject(error);
  }
}
