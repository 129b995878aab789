import { hash, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { DIGEST_WORDS, DigestTable } from './digest-table.ts';

/** How many are kept by name as well, so that whom many questions are about is hashed once. */
const AT_HAND = 1024;

const NEVER = { now: () => 0 };

/** The people who got in lately, by whatever text stands for one. They are kept as digests: a text takes several times as much. */
export class RecentLogins {
  readonly #key = randomBytes(32).toString('base64');
  readonly #people: DigestTable;
  readonly #atHand: LRUCache<string, true>;
  readonly #digest = new Uint32Array(DIGEST_WORDS);
  readonly #octets = Buffer.from(this.#digest.buffer);

  /** @param max how many are kept; past it goes who has not got in for the longest */
  constructor(max: number) {
    this.#people = new DigestTable({ max, ttlMs: Number.POSITIVE_INFINITY, clock: NEVER });
    this.#atHand = new LRUCache({ max: Math.min(max, AT_HAND) });
  }

  has(person: string): boolean {
    return this.#atHand.has(person) || this.#people.get(this.#digestOf(person)) !== undefined;
  }

  add(person: string): void {
    if (this.#atHand.get(person)) return;
    this.#atHand.set(person, true);
    this.#people.set(this.#digestOf(person), true);
  }

  /** Under a key that nobody is told, so that nobody can choose whose digests lie together. */
  #digestOf(person: string): Uint32Array {
    this.#octets.write(hash('sha256', this.#key + person, 'binary'), 'latin1');
    return this.#digest;
  }
}
