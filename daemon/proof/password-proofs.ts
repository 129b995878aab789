import type { HashPool, HashWork, Job } from '../hasher/pool.ts';
import type { Password } from '../password.ts';
import type { Claim, ProofCache } from './proof-cache.ts';
import { RecentLogins } from './recent-logins.ts';

export interface PasswordProofsOptions {
  readonly proofs: ProofCache;
  readonly pool: HashPool;
  /** How many recent logins are remembered. */
  readonly recentLogins: number;
}

/** One password shown for one claim. It holds no password. */
export interface Shown {
  /** The name of its proof in the proof cache. */
  readonly key: string;
  /** The user and the address, as recent logins remember them. */
  readonly login: string;
}

/**
 * Says whether a password is the one of an encoded hash: from a proof if there is one, otherwise by hashing, once for
 * all equal questions that are asked at the same time.
 */
export class PasswordProofs {
  readonly #proofs: ProofCache;
  readonly #pool: HashPool;
  readonly #recentLogins: RecentLogins;
  /** The hashes under way, by the name of the proof that they will give. */
  readonly #flights = new Map<string, { readonly job: Job; readonly answer: Promise<boolean> }>();

  constructor({ proofs, pool, recentLogins }: PasswordProofsOptions) {
    this.#proofs = proofs;
    this.#pool = pool;
    this.#recentLogins = new RecentLogins(recentLogins);
  }

  /**
   * @param address where the user comes from. Only a user who logged in from there recently goes first: another
   * client's guesses at the same account do not.
   */
  shown(claim: Claim, password: Password, address: string): Shown {
    return {
      key: this.#proofs.keyOf(claim, password),
      login: `${claim.site}\n${address}\n${claim.subject}`,
    };
  }

  /** Whether the password matches; undefined if there is no proof. */
  recall(shown: Shown): boolean | undefined {
    return this.#proofs.get(shown.key);
  }

  /** Whether the user was granted recently. */
  returns({ login }: Shown): boolean {
    return this.#recentLogins.has(login);
  }

  /**
   * Whether the password matches, by computing the given work. Rejects with Busy or Fault. The password is copied
   * before this returns.
   *
   * @param deadlineAt the time at which the client stops waiting, by the pool's clock
   */
  hash({ key, login }: Shown, password: Password, work: HashWork, deadlineAt: number): Promise<boolean> {
    const flight = this.#flights.get(key);
    if (flight !== undefined) {
      flight.job.deadlineAt = Math.max(flight.job.deadlineAt, deadlineAt);
      return flight.answer;
    }
    const lane = this.#recentLogins.has(login) ? 'returning' : 'other';
    const job: Job = { ...work, lane, deadlineAt };
    const answer = this.#pool.verify(password, job);
    this.#flights.set(key, { job, answer });
    answer.then(
      (matches) => {
        this.#flights.delete(key);
        this.#proofs.set(key, matches, false);
      },
      () => this.#flights.delete(key), // every waiting question is told
    );
    return answer;
  }

  /** Called when the user is granted: keeps the proof for long and remembers the login. */
  promote({ key, login }: Shown): void {
    this.#proofs.promote(key);
    this.#recentLogins.add(login);
  }
}
