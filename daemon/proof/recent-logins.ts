import { hash, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { DIGEST_WORDS, DigestTable } from './digest-table.ts';

/** How many logins are kept as text as well, so that a user of many questions is digested once. */
const TEXTS_MAX = 1024;

const NEVER = { now: () => 0 };

/**
 * The users who were granted recently, each with the address as one text. They are kept as digests, because texts take
 * several times as much memory.
 */
export class RecentLogins {
  readonly #key = randomBytes(32).toString('base64');
  readonly #digests: DigestTable;
  readonly #texts: LRUCache<string, true>;
  readonly #digest = new Uint32Array(DIGEST_WORDS);
  readonly #octets = Buffer.from(this.#digest.buffer);

  /** @param max how many are kept; past it the least recent one is evicted */
  constructor(max: number) {
    this.#digests = new DigestTable({ max, ttlMs: Number.POSITIVE_INFINITY, clock: NEVER });
    this.#texts = new LRUCache({ max: Math.min(max, TEXTS_MAX) });
  }

  has(login: string): boolean {
    return this.#texts.has(login) || this.#digests.get(this.#digestOf(login)) !== undefined;
  }

  add(login: string): void {
    if (this.#texts.get(login)) return;
    this.#texts.set(login, true);
    this.#digests.set(this.#digestOf(login), true);
  }

  /** Keyed with a secret, so that nobody can choose whose digests share a chain. */
  #digestOf(login: string): Uint32Array {
    this.#octets.write(hash('sha256', this.#key + login, 'binary'), 'latin1');
    return this.#digest;
  }
}
