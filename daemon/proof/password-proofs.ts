import { Busy } from '../fault.ts';
import type { HashWork } from '../hasher/hasher.ts';
import { laneOf } from '../hasher/lanes.ts';
import type { HashPool, Job, Ran } from '../hasher/pool.ts';
import type { Password } from '../password.ts';
import type { Wait } from '../wait.ts';
import type { Greylist } from './greylist.ts';
import type { Claim, ProofCache } from './proof-cache.ts';
import type { Returning } from './returning.ts';

export interface PasswordProofsOptions {
  readonly proofs: ProofCache;
  readonly returning: Returning;
  readonly greylist: Greylist;
  readonly pool: HashPool;
}

/** A password that has to be hashed. It holds no password. */
export interface Unproved {
  /** The name of the proof that the hash will give. */
  readonly key: string;
  /** The password as `Returning` knows it. */
  readonly returning: string;
  /** The question as `Greylist` knows it. */
  readonly turnedAway: string;
  /** Set when it has been hashed: the job that did it. */
  ran?: Ran | undefined;
  /** Where the question comes from, and whom it is about: among strangers both take turns. */
  readonly origin: string;
  readonly name: string;
}

/** A hash under way and how many questions wait for it. */
interface Flight {
  readonly job: Job;
  readonly answer: Promise<boolean>;
  waiting: number;
}

/**
 * Says whether a password is the one of an encoded hash: from a proof if there is one, otherwise by hashing, once for
 * all equal questions that are asked at the same time.
 */
export class PasswordProofs {
  readonly #options: PasswordProofsOptions;
  /** The hashes under way, by the name of the proof that they will give. */
  readonly #flights = new Map<string, Flight>();

  constructor(options: PasswordProofsOptions) {
    this.#options = options;
  }

  /** The name of a proof in the proof cache. */
  keyOf(claim: Claim, password: Password): string {
    return this.#options.proofs.keyOf(claim, password);
  }

  /** Whether the password matches; undefined if there is no proof. */
  recall(key: string): boolean | undefined {
    return this.#options.proofs.get(key);
  }

  /** The name of a granted password, whatever the encoded hash is by now. */
  returningOf(site: string, account: string, password: Password): string {
    return this.#options.returning.digestOf(site, account, password);
  }

  /** Whether a user was granted with this password before. */
  returns(returning: string): boolean {
    return this.#options.returning.has(returning);
  }

  /** The name of a question that may have been turned away. */
  turnedAwayOf(site: string, username: string, password: Password): string {
    return this.#options.greylist.digestOf(site, username, password);
  }

  /**
   * Whether the password matches, by computing the given work. Rejects with Busy or Fault. The password is copied
   * before this returns. A queued job for which nobody waits any more is dropped; one that runs goes on, and the next
   * question finds its proof.
   */
  async hash(unproved: Unproved, password: Password, work: HashWork, wait: Wait): Promise<boolean> {
    wait.check();
    const flight = this.#flights.get(unproved.key) ?? this.#begin(unproved, password, work, wait);
    flight.waiting++;
    wait.outlook = () => this.#options.pool.backlogSeconds;
    flight.job.deadlineAt = Math.max(flight.job.deadlineAt, wait.deadlineAt);
    wait.whenOver((reason) => {
      if (--flight.waiting > 0 || !this.#options.pool.withdraw(flight.job, reason)) return;
      this.#end(unproved.key, flight);
    });
    const matches = await flight.answer;
    unproved.ran = flight.job.ran;
    return matches;
  }

  #begin(unproved: Unproved, password: Password, work: HashWork, { deadlineAt }: Wait): Flight {
    const { proofs, returning, greylist, pool } = this.#options;
    const { key, origin, name } = unproved;
    const lane = laneOf(returning.has(unproved.returning), () => greylist.has(unproved.turnedAway));
    const job: Job = { ...work, lane, origin, name, deadlineAt };
    const flight: Flight = { job, answer: pool.verify(password, job), waiting: 0 };
    this.#flights.set(key, flight);
    flight.answer.then(
      (matches) => {
        this.#end(key, flight);
        proofs.set(key, matches, false);
        if (!matches) returning.take(unproved.returning); // a former password
      },
      (error) => {
        this.#end(key, flight); // every waiting question is told
        if (error instanceof Busy && error.reason !== 'shutting-down') greylist.add(unproved.turnedAway);
      },
    );
    return flight;
  }

  /** An equal question that comes later is hashed anew. */
  #end(key: string, flight: Flight): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key);
  }

  /** Called when the user is granted: keeps the proof for long. Returns whether it was not kept so before. */
  promote(key: string): boolean {
    return this.#options.proofs.promote(key);
  }

  /** Called then: remembers the password's user as one who returns. */
  addReturning(returning: string): void {
    this.#options.returning.add(returning);
  }

  /** Called when a hash granted nobody: its password goes first no more. */
  demote(returning: string): void {
    this.#options.returning.take(returning);
  }
}
