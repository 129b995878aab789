import type { Clock } from '../clock.ts';
import type { Password } from '../password.ts';
import type { DigestMemory } from './digest-memory.ts';
import { DIGEST_WORDS, DigestTable, type DigestTableOptions } from './digest-table.ts';
import { KeyedDigest, readDigest } from './keyed-digest.ts';

/** What a password is verified against. */
export interface Claim {
  readonly site: string;
  /** Whose password: contains the account's primary key, or stands for an account that does not exist. */
  readonly subject: string;
  /** The encoded hash exactly as just read: when it changes, no older proof can be found. */
  readonly encoded: string;
}

export interface ProofCacheOptions {
  /** How many proofs of right passwords are kept, and for how long, in ms. */
  readonly rights: number;
  readonly rightTtlMs: number;
  /** The same for those that granted nobody. They are kept apart, so that guessing cannot evict users who log in. */
  readonly wrongs: number;
  readonly wrongTtlMs: number;
  readonly clock: Clock;
  /** A block of octets, random by default. */
  readonly key?: Uint8Array;
  /** Where the proofs are, as for a `DigestTable`. */
  readonly memory?: { readonly rights: DigestMemory; readonly wrongs: DigestMemory } | undefined;
}

/**
 * Remembers whether a password matched an encoded hash, without the password: only an HMAC-SHA-256 under a random key
 * that never leaves memory. A proof states a fact that cannot change; its age is bounded only so that it is removed
 * some day. The account, which may change, is read separately.
 */
export class ProofCache {
  readonly #keyed: KeyedDigest;
  #rights: DigestTable;
  #wrongs: DigestTable;
  /** The key that was used last, and its octets: a key is looked up and then set or promoted. */
  #lastKey = '';
  /** Whether that key was just found among the rights, whose use `get` counts. */
  #isRight = false;
  readonly #digest = new Uint32Array(DIGEST_WORDS);

  constructor(options: ProofCacheOptions) {
    this.#keyed = new KeyedDigest(options.key);
    this.#rights = new DigestTable(rightsOf(options));
    this.#wrongs = new DigestTable(wrongsOf(options));
  }

  /** Keeps the proofs, as many as there is room for then. The key stays. */
  resize(options: ProofCacheOptions): void {
    this.#isRight = false;
    this.#rights = this.#rights.resized(rightsOf(options));
    this.#wrongs = this.#wrongs.resized(wrongsOf(options));
  }

  get size(): number {
    return this.#rights.size + this.#wrongs.size;
  }

  /** The key of a proof: 32 octets, each as a character. */
  keyOf({ site, subject, encoded }: Claim, password: Password): string {
    return this.#keyed.of(site, subject, encoded, password.octets);
  }

  /** Whether the password matched; undefined if there is no proof. */
  get(key: string): boolean | undefined {
    const digest = this.#digestOf(key);
    const right = this.#rights.get(digest);
    this.#isRight = right === true;
    return right ?? this.#wrongs.get(digest);
  }

  /**
   * Keeps a proof. Not `lasting`: among the wrong ones and for as long, so that a user who is denied for another reason
   * cannot find out by asking again that the password was right.
   */
  set(key: string, matches: boolean, lasting = matches): void {
    const digest = this.#digestOf(key);
    this.#isRight = false;
    if (matches && lasting) this.#rights.set(digest, true);
    else this.#wrongs.set(digest, matches);
  }

  /**
   * Called when the user of a right proof is granted: from now on the proof is lasting. Returns whether it was not.
   */
  promote(key: string): boolean {
    if (key === this.#lastKey && this.#isRight) return false;
    const digest = this.#digestOf(key);
    if (this.#rights.get(digest)) return false;
    this.#wrongs.delete(digest);
    this.#rights.set(digest, true);
    return true;
  }

  /** Removes all proofs, and returns how many. Nothing tells which proofs belong to one account. */
  flush(): number {
    const size = this.size;
    this.#rights.clear();
    this.#wrongs.clear();
    this.#lastKey = '';
    this.#digest.fill(0);
    return size;
  }

  #digestOf(key: string): Uint32Array {
    const digest = this.#digest;
    if (key === this.#lastKey) return digest;
    readDigest(key, digest);
    this.#lastKey = key;
    this.#isRight = false;
    return digest;
  }
}

function rightsOf({ rights, rightTtlMs, clock, memory }: ProofCacheOptions): DigestTableOptions {
  return { max: rights, ttlMs: rightTtlMs, clock, memory: memory?.rights };
}

function wrongsOf({ wrongs, wrongTtlMs, clock, memory }: ProofCacheOptions): DigestTableOptions {
  return { max: wrongs, ttlMs: wrongTtlMs, clock, memory: memory?.wrongs };
}
