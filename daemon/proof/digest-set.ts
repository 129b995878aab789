import type { Clock } from '../clock.ts';
import type { DigestMemory } from './digest-memory.ts';
import { DIGEST_WORDS, DigestTable } from './digest-table.ts';
import { readDigest } from './keyed-digest.ts';

export interface DigestSetOptions {
  /** How many digests are kept; past it the least recently used one is evicted. */
  readonly max: number;
  /** How long a digest is kept after it was added, in ms. */
  readonly ttlMs: number;
  readonly clock: Clock;
  /** As for a `DigestTable`. */
  readonly memory?: DigestMemory | undefined;
}

/** A bounded set of keyed digests, each a text of 32 characters as `KeyedDigest` makes them. */
export class DigestSet {
  #table: DigestTable;
  readonly #digest = new Uint32Array(DIGEST_WORDS);

  constructor(options: DigestSetOptions) {
    this.#table = new DigestTable(options);
  }

  /** Keeps its digests, as many as there is room for then. */
  resize(options: DigestSetOptions): void {
    this.#table = this.#table.resized(options);
  }

  get size(): number {
    return this.#table.size;
  }

  has(digest: string): boolean {
    return this.#table.get(readDigest(digest, this.#digest)) !== undefined;
  }

  add(digest: string): void {
    this.#table.set(readDigest(digest, this.#digest), true);
  }

  delete(digest: string): void {
    this.#table.delete(readDigest(digest, this.#digest));
  }

  /** Removes all, and returns how many. */
  clear(): number {
    const { size } = this;
    this.#table.clear();
    this.#digest.fill(0);
    return size;
  }
}
