import { hash, randomBytes } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { Password } from '../password.ts';
import { DIGEST_WORDS, DigestTable } from './digest-table.ts';

/** What a password was verified against. */
export interface Claim {
  readonly site: string;
  /** Whose: the account's primary key, or what stands for one that does not exist. */
  readonly subject: string;
  /** The encoded hash exactly as just read: when it changes, every older proof is out of reach. */
  readonly encoded: string;
}

export interface ProofCacheOptions {
  /** How many right passwords are remembered, and for how long, in ms. */
  readonly rights: number;
  readonly rightTtlMs: number;
  /** How many that let nobody in, and for how long. Apart, so that guessing cannot push out the people who got in. */
  readonly wrongs: number;
  readonly wrongTtlMs: number;
  readonly clock: Clock;
  /** A block of random octets; made for itself where not given, as it is but in tests. */
  readonly key?: Uint8Array;
}

/** SHA-256 takes its input in blocks of so many octets, and gives so many. */
const BLOCK_OCTETS = 64;
const DIGEST_OCTETS = 32;

/** How long a claim may be for which no room has to be made anew; most are of 150 to 300 octets. */
const USUAL_OCTETS = 4096;

/**
 * Remembers whether a password matched an encoded hash, without the password: only an HMAC-SHA-256 under a key that
 * this process made for itself and tells nobody. An entry proves a fact that cannot change, so its age is bounded only
 * to let it go; what may change, the account, is read apart.
 */
export class ProofCache {
  /** The key as HMAC wants it before the message, and room for a message behind it; the same for the outer hash. */
  readonly #inner = room(BLOCK_OCTETS + USUAL_OCTETS);
  readonly #outer = room(BLOCK_OCTETS + DIGEST_OCTETS);
  readonly #rights: DigestTable;
  readonly #wrongs: DigestTable;
  /** The name that was looked at last, and its octets: it is looked up, and then set or made to last. */
  #name = '';
  readonly #digest = new Uint32Array(DIGEST_WORDS);

  constructor(options: ProofCacheOptions) {
    for (const [at, octet] of (options.key ?? randomBytes(BLOCK_OCTETS)).entries()) {
      this.#inner[at] = octet ^ 0x36;
      this.#outer[at] = octet ^ 0x5c;
    }
    const { rights, rightTtlMs, wrongs, wrongTtlMs, clock } = options;
    this.#rights = new DigestTable({ max: rights, ttlMs: rightTtlMs, clock });
    this.#wrongs = new DigestTable({ max: wrongs, ttlMs: wrongTtlMs, clock });
  }

  get size(): number {
    return this.#rights.size + this.#wrongs.size;
  }

  /**
   * The name under which a proof is remembered: 32 octets, each a character. Each part is preceded by its length, so
   * that no two different claims run together into the same octets.
   *
   * This is HMAC-SHA-256 with a random key of a whole block, to the letter of RFC 2104: H(K^opad, H(K^ipad, claim)),
   * each H one call. The objects that `createHmac` makes for it take four times as long as the hashing.
   */
  keyOf({ site, subject, encoded }: Claim, password: Password): string {
    const { octets } = password;
    const most = BLOCK_OCTETS + 4 * 4 + 3 * (site.length + subject.length + encoded.length) + octets.length;
    const fits = most <= this.#inner.length;
    const message = fits ? this.#inner : room(most);
    if (!fits) message.set(this.#inner.subarray(0, BLOCK_OCTETS));

    let end = putText(message, BLOCK_OCTETS, site);
    end = putText(message, end, subject);
    end = putText(message, end, encoded);
    message.writeUInt32BE(octets.length, end);
    message.set(octets, end + 4);
    end += 4 + octets.length;

    const digest = hash('sha256', message.subarray(0, end), 'binary');
    message.fill(0, BLOCK_OCTETS, end);
    if (!fits) message.fill(0);
    this.#outer.write(digest, BLOCK_OCTETS, 'latin1');
    return hash('sha256', this.#outer, 'binary');
  }

  /** Whether the password matched; undefined where that is not remembered. */
  get(key: string): boolean | undefined {
    const digest = this.#digestOf(key);
    return this.#rights.get(digest) ?? this.#wrongs.get(digest);
  }

  /**
   * Remembers it. `lasting` false: for as long as a wrong one and among them, so that nobody who is denied for another
   * reason can find out by asking again that the password was right.
   */
  set(key: string, matches: boolean, lasting = matches): void {
    const digest = this.#digestOf(key);
    if (matches && lasting) this.#rights.set(digest, true);
    else this.#wrongs.set(digest, matches);
  }

  /** A right one has let somebody in: from now on it lasts. */
  promote(key: string): void {
    const digest = this.#digestOf(key);
    if (this.#rights.get(digest)) return;
    this.#wrongs.delete(digest);
    this.#rights.set(digest, true);
  }

  /** Forgets everything. Returns how many entries went. ProofCache of one account alone cannot be told from others. */
  flush(): number {
    const size = this.size;
    this.#rights.clear();
    this.#wrongs.clear();
    this.#name = '';
    this.#digest.fill(0);
    return size;
  }

  #digestOf(key: string): Uint32Array {
    const digest = this.#digest;
    if (key === this.#name) return digest;
    for (let at = 0; at < DIGEST_WORDS; at++) {
      const from = at * 4;
      digest[at] =
        key.charCodeAt(from) |
        (key.charCodeAt(from + 1) << 8) |
        (key.charCodeAt(from + 2) << 16) |
        (key.charCodeAt(from + 3) << 24);
    }
    this.#name = key;
    return digest;
  }
}

/** Memory that is not V8's to move about: what is wiped there is gone. */
function room(octets: number): Buffer {
  return Buffer.from(new ArrayBuffer(octets));
}

/** Writes a text behind its length. Returns where it ends. */
function putText(into: Buffer, at: number, text: string): number {
  const octets = into.write(text, at + 4);
  into.writeUInt32BE(octets, at);
  return at + 4 + octets;
}
