import type { Clock } from '../clock.ts';
import { DIGEST_WORDS, type DigestMemory, EMPTY, makeDigestMemory, sealOf } from './digest-memory.ts';

export { DIGEST_WORDS };

export interface DigestTableOptions {
  /** How many digests are kept; past it the least recently used one is evicted. */
  readonly max: number;
  /** How long a digest is kept from the moment when it was set, in ms. */
  readonly ttlMs: number;
  readonly clock: Clock;
  /** Where the digests are, for `max` of them; by default in new memory. What it holds is taken over. */
  readonly memory?: DigestMemory | undefined;
}

/** Means "none" in links. Its own links are the two ends of the list in order of use. */
const NONE = 0;

/** A number of an entry has so many bits, at most: there are 10 million. What is left of a number is for its age. */
const ENTRY_LIMIT = 2 ** 24;
const AGE_LIMIT = 2 ** 29;

/** How many expired digests are evicted each time that one is set, the least recently used first. */
const EVICTED_PER_SET = 2;

/**
 * Digests with a flag each, in a few typed arrays. An entry takes 64 octets; an object in a Map with a text as its key
 * takes 250 and is work for the garbage collector. The system allocates memory only as it is filled.
 *
 * Digests must be keyed with a secret: then nobody can choose two that share a chain. A digest is found only if all of
 * its octets are equal, and all of them are compared. Removed entries are overwritten.
 *
 * The digests may be in memory that an earlier process filled. Of that nothing is believed but entries whose seal is
 * right and whose time is not over; links, order and counters are made anew. An entry is valid from the moment when its
 * seal is written, which is done last, so one that was interrupted is none.
 */
export class DigestTable {
  readonly #max: number;
  readonly #clock: Clock;
  #ttlMs: number;
  /** The first entry of each chain, by the digest's first word. */
  readonly #heads: Uint32Array;
  readonly #mask: number;
  // By entry, beginning with 1.
  readonly #digests: Uint32Array;
  readonly #setAt: Float64Array;
  /** The lowest bit of a seal is the flag. */
  readonly #seals: Uint32Array;
  /** The next entry of the same chain, or the next free entry. */
  readonly #next: Uint32Array;
  readonly #newer: Uint32Array;
  readonly #older: Uint32Array;
  #size = 0;
  /** The highest entry ever used, and the first entry that is free again. */
  #top = 0;
  #free = NONE;

  constructor({ max, ttlMs, clock, memory = makeDigestMemory(max) }: DigestTableOptions) {
    this.#max = max;
    this.#ttlMs = ttlMs;
    this.#clock = clock;
    const chains = 2 ** Math.ceil(Math.log2(Math.max(2, max)));
    this.#mask = chains - 1;
    this.#heads = new Uint32Array(chains);
    this.#digests = memory.digests;
    this.#setAt = memory.setAt;
    this.#seals = memory.seals;
    this.#next = new Uint32Array(max + 1);
    this.#newer = new Uint32Array(max + 1);
    this.#older = new Uint32Array(max + 1);
    if (memory.used) this.#takeOver();
  }

  get size(): number {
    return this.#size;
  }

  /**
   * The digests of this table with other options: in a new table, or in this one if only the time changes and there is no
   * other memory. Each keeps its time; if there is no room for all, the last used stay. The options apply to them too.
   */
  resized(options: DigestTableOptions): DigestTable {
    if (options.max === this.#max && options.memory === undefined) {
      this.#ttlMs = options.ttlMs;
      return this;
    }
    const table = new DigestTable(options);
    let skipped = this.#size - options.max;
    for (let entry = this.#newer[NONE] as number; entry !== NONE; entry = this.#newer[entry] as number) {
      if (skipped-- > 0) continue;
      const digest = this.#digests.subarray(entry * DIGEST_WORDS, (entry + 1) * DIGEST_WORDS);
      table.#put(digest, ((this.#seals[entry] as number) & 1) === 1, this.#setAt[entry] as number);
    }
    return table;
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
    return ((this.#seals[entry] as number) & 1) === 1;
  }

  set(digest: Uint32Array, flag: boolean): void {
    this.#evictExpired();
    this.#put(digest, flag, this.#clock.now());
  }

  #put(digest: Uint32Array, flag: boolean, setAt: number): void {
    let entry = this.#find(digest);
    if (entry === NONE) {
      entry = this.#take();
      this.#digests.set(digest, entry * DIGEST_WORDS);
      this.#chain(entry);
      this.#link(entry);
    } else {
      this.#touch(entry);
      this.#seals[entry] = EMPTY;
    }
    this.#setAt[entry] = setAt;
    this.#seals[entry] = sealOf(digest, 0, setAt, flag);
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
    for (const each of [this.#seals, this.#setAt, this.#next, this.#newer, this.#older]) each.fill(0, 0, used);
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

  /** Makes links, order and counters for what the memory holds, and wipes what is not valid. */
  #takeOver(): void {
    const now = this.#clock.now();
    let first = now;
    for (let entry = 1; entry <= this.#max; entry++) {
      if (this.#isValid(entry, now)) {
        this.#chain(entry);
        this.#size++;
        this.#top = entry;
        first = Math.min(first, this.#setAt[entry] as number);
      } else {
        this.#wipe(entry);
      }
    }
    this.#wipe(NONE);
    // In order of age, as no order of use is known: age and entry in one number, which is sorted without a function.
    const step = Math.max(1, (now - first) / AGE_LIMIT);
    const order = new Float64Array(this.#size);
    let count = 0;
    for (let entry = 1; entry <= this.#top; entry++) {
      if (this.#seals[entry] === EMPTY) {
        this.#next[entry] = this.#free;
        this.#free = entry;
      } else {
        order[count++] = Math.floor(((this.#setAt[entry] as number) - first) / step) * ENTRY_LIMIT + entry;
      }
    }
    for (const each of order.sort()) this.#link(each % ENTRY_LIMIT);
  }

  #isValid(entry: number, now: number): boolean {
    const seal = this.#seals[entry] as number;
    const setAt = this.#setAt[entry] as number;
    if (seal === EMPTY || !(setAt <= now) || this.#expired(entry)) return false;
    const from = entry * DIGEST_WORDS;
    if (seal !== sealOf(this.#digests, from, setAt, (seal & 1) === 1)) return false;
    return this.#find(this.#digests.subarray(from, from + DIGEST_WORDS)) === NONE;
  }

  /** The seal first: an entry without one is none. */
  #wipe(entry: number): void {
    this.#seals[entry] = EMPTY;
    this.#digests.fill(0, entry * DIGEST_WORDS, (entry + 1) * DIGEST_WORDS);
    this.#setAt[entry] = 0;
  }

  #chain(entry: number): void {
    const chain = (this.#digests[entry * DIGEST_WORDS] as number) & this.#mask;
    this.#next[entry] = this.#heads[chain] as number;
    this.#heads[chain] = entry;
  }

  /** An entry to fill: the least recently used one if all are in use. */
  #take(): number {
    if (this.#size >= this.#max) this.#remove(this.#newer[NONE] as number);
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
    this.#wipe(entry);
    this.#next[entry] = this.#free;
    this.#free = entry;
    this.#size--;
  }

  #expired(entry: number): boolean {
    return this.#clock.now() - (this.#setAt[entry] as number) >= this.#ttlMs;
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
