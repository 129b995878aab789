import { createHmac, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock.ts';
import type { Password } from '../password.ts';

/** What a password was verified against. */
export interface Claim {
  readonly site: string;
  /** Whose: the account's primary key, or what stands for one that does not exist. */
  readonly subject: string;
  /** The encoded hash exactly as just read: when it changes, every older proof is out of reach. */
  readonly encoded: string;
}

export interface ProofsOptions {
  /** How many right passwords are remembered, and for how long, in ms. */
  readonly rights: number;
  readonly rightTtlMs: number;
  /** How many that let nobody in, and for how long. Apart, so that guessing cannot push out the people who got in. */
  readonly wrongs: number;
  readonly wrongTtlMs: number;
  readonly clock: Clock;
}

const KEY_OCTETS = 32;

/**
 * Remembers whether a password matched an encoded hash, without the password: only an HMAC-SHA-256 under a key that
 * this process made for itself and tells nobody. An entry proves a fact that cannot change, so its age is bounded only
 * to let it go; what may change, the account, is read apart.
 */
export class Proofs {
  readonly #key = randomBytes(KEY_OCTETS);
  readonly #rights: LRUCache<string, true>;
  readonly #wrongs: LRUCache<string, boolean>;

  constructor(options: ProofsOptions) {
    // ttlAutopurge would be a timer for each entry; the bound on entries frees what has expired.
    const perf = options.clock;
    this.#rights = new LRUCache({ max: options.rights, ttl: options.rightTtlMs, ttlResolution: 0, perf });
    this.#wrongs = new LRUCache({ max: options.wrongs, ttl: options.wrongTtlMs, ttlResolution: 0, perf });
  }

  get size(): number {
    return this.#rights.size + this.#wrongs.size;
  }

  /**
   * The name under which a proof is remembered. Each part is preceded by its length, so that no two different claims
   * run together into the same octets.
   */
  keyOf(claim: Claim, password: Password): string {
    const hmac = createHmac('sha256', this.#key);
    for (const part of [claim.site, claim.subject, claim.encoded]) {
      hmac.update(`${Buffer.byteLength(part)}:`).update(part);
    }
    return hmac.update(`${password.octets.length}:`).update(password.octets).digest('base64');
  }

  /** Whether the password matched; undefined where that is not remembered. */
  get(key: string): boolean | undefined {
    return this.#rights.get(key) ?? this.#wrongs.get(key);
  }

  /**
   * Remembers it. `lasting` false: for as long as a wrong one and among them, so that nobody who is denied for another
   * reason can find out by asking again that the password was right.
   */
  set(key: string, matches: boolean, lasting = matches): void {
    if (matches && lasting) this.#rights.set(key, true);
    else this.#wrongs.set(key, matches);
  }

  /** A right one has let somebody in: from now on it lasts. */
  last(key: string): void {
    if (this.#rights.has(key)) return;
    this.#wrongs.delete(key);
    this.#rights.set(key, true);
  }

  /** Forgets everything. Returns how many entries went. Proofs of one account alone cannot be told from others. */
  flush(): number {
    const size = this.size;
    this.#rights.clear();
    this.#wrongs.clear();
    return size;
  }
}
