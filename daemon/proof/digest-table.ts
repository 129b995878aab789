import type { Clock } from '../clock.ts';

/** A digest has 32 octets, stored as words of four. */
export const DIGEST_WORDS = 8;

export interface DigestTableOptions {
  /** How many digests are kept; past it the least recently used one is evicted. */
  readonly max: number;
  /** How long a digest is kept from the moment when it was set, in ms. */
  readonly ttlMs: number;
  readonly clock: Clock;
}

/** Means "none" in links. Its own links are the two ends of the list in order of use. */
const NONE = 0;

/** How many expired digests are evicted each time that one is set, the least recently used first. */
const EVICTED_PER_SET = 2;

/**
 * Digests with a flag each, in a few typed arrays. An entry takes 61 octets; an object in a Map with a text as its key
 * takes 250 and is work for the garbage collector. The system allocates memory only as it is filled.
 *
 * Digests must be keyed with a secret: then nobody can choose two that share a chain. A digest is found only if all of
 * its octets are equal, and all of them are compared. Removed entries are overwritten.
 */
export class DigestTable {
  readonly #options: DigestTableOptions;
  /** The first entry of each chain, by the digest's first word. */
  readonly #heads: Uint32Array;
  readonly #mask: number;
  // By entry, beginning with 1.
  readonly #digests: Uint32Array;
  readonly #setAt: Float64Array;
  readonly #flags: Uint8Array;
  /** The next entry of the same chain, or the next free entry. */
  readonly #next: Uint32Array;
  readonly #newer: Uint32Array;
  readonly #older: Uint32Array;
  #size = 0;
  /** The highest entry ever used, and the first entry that is free again. */
  #top = 0;
  #free = NONE;

  constructor(options: DigestTableOptions) {
    const { max } = options;
    this.#options = options;
    const chains = 2 ** Math.ceil(Math.log2(Math.max(2, max)));
    this.#mask = chains - 1;
    this.#heads = new Uint32Array(chains);
    this.#digests = new Uint32Array((max + 1) * DIGEST_WORDS);
    this.#setAt = new Float64Array(max + 1);
    this.#flags = new Uint8Array(max + 1);
    this.#next = new Uint32Array(max + 1);
    this.#newer = new Uint32Array(max + 1);
    this.#older = new Uint32Array(max + 1);
  }

  get size(): number {
    return this.#size;
  }

  /** The flag of that digest, which counts as a use of it; undefined if it is not kept. */
  get(digest: Uint32Array): boolean | undefined {
    const entry = this.#find(digest);
    if (entry === NONE) return undefined;
    if (this.#expired(entry)) {
      this.#remove(entry);
      return undefined;
    }
    this.#touch(entry);
    return this.#flags[entry] === 1;
  }

  set(digest: Uint32Array, flag: boolean): void {
    this.#evictExpired();
    let entry = this.#find(digest);
    if (entry === NONE) {
      entry = this.#take();
      this.#digests.set(digest, entry * DIGEST_WORDS);
      const chain = (digest[0] as number) & this.#mask;
      this.#next[entry] = this.#heads[chain] as number;
      this.#heads[chain] = entry;
      this.#link(entry);
    } else {
      this.#touch(entry);
    }
    this.#flags[entry] = flag ? 1 : 0;
    this.#setAt[entry] = this.#options.clock.now();
  }

  /** Returns whether the digest was kept. */
  delete(digest: Uint32Array): boolean {
    const entry = this.#find(digest);
    if (entry === NONE) return false;
    this.#remove(entry);
    return true;
  }

  clear(): void {
    const used = this.#top + 1;
    this.#heads.fill(NONE);
    this.#digests.fill(0, 0, used * DIGEST_WORDS);
    for (const each of [this.#setAt, this.#flags, this.#next, this.#newer, this.#older]) each.fill(0, 0, used);
    this.#size = 0;
    this.#top = 0;
    this.#free = NONE;
  }

  #find(digest: Uint32Array): number {
    const digests = this.#digests;
    let entry = this.#heads[(digest[0] as number) & this.#mask] as number;
    while (entry !== NONE) {
      const from = entry * DIGEST_WORDS;
      let difference = 0;
      for (let at = 0; at < DIGEST_WORDS; at++) difference |= (digests[from + at] as number) ^ (digest[at] as number);
      if (difference === 0) return entry;
      entry = this.#next[entry] as number;
    }
    return NONE;
  }

  /** An entry to fill: the least recently used one if all are in use. */
  #take(): number {
    if (this.#size >= this.#options.max) this.#remove(this.#newer[NONE] as number);
    this.#size++;
    const entry = this.#free;
    if (entry === NONE) return ++this.#top;
    this.#free = this.#next[entry] as number;
    return entry;
  }

  #remove(entry: number): void {
    const from = entry * DIGEST_WORDS;
    const chain = (this.#digests[from] as number) & this.#mask;
    const after = this.#next[entry] as number;
    let before = this.#heads[chain] as number;
    if (before === entry) this.#heads[chain] = after;
    else {
      while (this.#next[before] !== entry) before = this.#next[before] as number;
      this.#next[before] = after;
    }
    this.#unlink(entry);
    this.#digests.fill(0, from, from + DIGEST_WORDS);
    this.#flags[entry] = 0;
    this.#setAt[entry] = 0;
    this.#next[entry] = this.#free;
    this.#free = entry;
    this.#size--;
  }

  #expired(entry: number): boolean {
    return this.#options.clock.now() - (this.#setAt[entry] as number) >= this.#options.ttlMs;
  }

  /** Otherwise expired entries would stay until their place is needed. */
  #evictExpired(): void {
    for (let count = 0; count < EVICTED_PER_SET; count++) {
      const oldest = this.#newer[NONE] as number;
      if (oldest === NONE || !this.#expired(oldest)) return;
      this.#remove(oldest);
    }
  }

  #touch(entry: number): void {
    if (this.#older[NONE] === entry) return;
    this.#unlink(entry);
    this.#link(entry);
  }

  /** Puts an entry at the newest end of the list. `newer` of NONE is the oldest entry, `older` of NONE the newest. */
  #link(entry: number): void {
    const newest = this.#older[NONE] as number;
    this.#newer[newest] = entry;
    this.#older[entry] = newest;
    this.#newer[entry] = NONE;
    this.#older[NONE] = entry;
  }

  #unlink(entry: number): void {
    const newer = this.#newer[entry] as number;
    const older = this.#older[entry] as number;
    this.#newer[older] = newer;
    this.#older[newer] = older;
  }
}
