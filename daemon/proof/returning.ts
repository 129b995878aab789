import type { Clock } from '../clock.ts';
import type { Password } from '../password.ts';
import type { DigestMemory } from './digest-memory.ts';
import { DigestSet, type DigestSetOptions } from './digest-set.ts';
import { KeyedDigest } from './keyed-digest.ts';

/** How long a granted password is remembered at least, in ms: over a weekend and a few days of leave. */
const LIFE_MS = 7 * 86_400_000;

/** How many times the life of a proof a granted password is remembered at least. */
const PROOF_LIVES = 2;

export interface ReturningOptions {
  /** How many granted passwords are remembered. */
  readonly max: number;
  /** How long the proof of a right password lives, in ms. */
  readonly proofTtlMs: number;
  readonly clock: Clock;
  /** A block of octets, random by default. */
  readonly key?: Uint8Array;
  /** Where the digests are, as for a `DigestTable`. */
  readonly memory?: DigestMemory | undefined;
}

/**
 * Users who return, by what they return with: the passwords that were granted, each as an HMAC of site, account and
 * password. It outlives the proof and, as it does not contain the encoded hash, a hash that Django made anew from the
 * same password. It says which lane a question waits in, never whether a password is right.
 *
 * Only granted passwords are added, so no guess is ever found, and nobody can fill the table who is not granted that
 * often: one account holder adds one digest for each change of the password. A digest is good for one hash: it is taken
 * away when that hash is known, and added again if the user is granted. So a former password goes first once and is a
 * guess like any other from then on.
 */
export class Returning {
  readonly #keyed: KeyedDigest;
  readonly #digests: DigestSet;

  constructor(options: ReturningOptions) {
    this.#keyed = new KeyedDigest(options.key);
    this.#digests = new DigestSet(setOf(options));
  }

  /** Keeps the passwords, as many as there is room for then. The key stays. */
  resize(options: ReturningOptions): void {
    this.#digests.resize(setOf(options));
  }

  get size(): number {
    return this.#digests.size;
  }

  /** @param account the primary key, or a text that stands for an account that does not exist */
  digestOf(site: string, account: string, password: Password): string {
    return this.#keyed.of('returning', site, account, password.octets);
  }

  has(digest: string): boolean {
    return this.#digests.has(digest);
  }

  /** Called when its user is granted. */
  add(digest: string): void {
    this.#digests.add(digest);
  }

  /** Called when the hash that it helped to compute is known. */
  take(digest: string): void {
    this.#digests.delete(digest);
  }

  /** Removes all, and returns how many. */
  flush(): number {
    return this.#digests.clear();
  }
}

function setOf({ max, proofTtlMs, clock, memory }: ReturningOptions): DigestSetOptions {
  return { max, ttlMs: Math.max(LIFE_MS, PROOF_LIVES * proofTtlMs), clock, memory };
}
