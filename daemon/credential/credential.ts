import type { HashPool, Job } from '../hasher/pool.ts';
import type { Password } from '../password.ts';
import type { Claim, ProofCache } from './proof-cache.ts';
import { RecentLogins } from './recent-logins.ts';

export interface CredentialsOptions {
  readonly proofs: ProofCache;
  readonly pool: HashPool;
  /** How many people are known to have got in lately. */
  readonly known: number;
}

export interface Verified {
  readonly matches: boolean;
  /** Whether it was remembered. */
  readonly cached: boolean;
  /** To be called when the person is let in: remembers the proof for long, and the person as known. */
  admit(): void;
}

/** How to find out. Without it: by the claim's own encoded hash, from wherever. */
export interface Way {
  /** The encoding to verify against, and those to be computed besides. */
  readonly effort?: () => readonly [string, ...(readonly string[])];
  /** Where the person asks from. Only who got in from there lately goes first: another's guesses do not. */
  readonly from?: string | undefined;
}

/**
 * Whether a password is the one of an encoded hash: by a proof where there is one, else by hashing, once however many
 * ask the same at the same time.
 */
export class Credentials {
  readonly #options: CredentialsOptions;
  readonly #known: RecentLogins;
  readonly #flights = new Map<string, { job: Job; answer: Promise<boolean> }>();

  constructor(options: CredentialsOptions) {
    this.#options = options;
    this.#known = new RecentLogins(options.known);
  }

  /**
   * At once where it is remembered. Otherwise rejects with Busy or Fault; the password is copied before this returns.
   * `deadlineAt` is until when the asker waits, by the clock given.
   */
  verify(claim: Claim, password: Password, deadlineAt: number, way: Way = {}): Verified | Promise<Verified> {
    const { proofs, pool } = this.#options;
    const key = proofs.keyOf(claim, password);
    const person = `${claim.site}\n${way.from ?? ''}\n${claim.subject}`;
    const admit = () => {
      proofs.promote(key);
      this.#known.add(person);
    };
    const remembered = proofs.get(key);
    if (remembered !== undefined) return { matches: remembered, cached: true, admit };

    let flight = this.#flights.get(key);
    if (flight === undefined) {
      const lane = this.#known.has(person) ? 'returning' : 'other';
      const [encoded, ...padding] = way.effort?.() ?? [claim.encoded];
      const job: Job = { encoded, padding, lane, deadlineAt };
      const answer = pool.verify(password, job);
      flight = { job, answer };
      this.#flights.set(key, flight);
      answer.then(
        (matches) => {
          this.#flights.delete(key);
          proofs.set(key, matches, false);
        },
        () => this.#flights.delete(key), // whoever waits hears of it
      );
    } else {
      flight.job.deadlineAt = Math.max(flight.job.deadlineAt, deadlineAt);
    }
    return flight.answer.then((matches) => ({ matches, cached: false, admit }));
  }
}
