/** A digest has 32 octets, stored as words of four. */
export const DIGEST_WORDS = 8;

/** The part of a table of digests that may outlive the process: by entry, beginning with 1. */
export interface DigestMemory {
  /** Eight words for each entry. */
  readonly digests: Uint32Array;
  /** When each was set, by CLOCK_MONOTONIC, in ms. */
  readonly setAt: Float64Array;
  /** A check over all that belongs to the entry, with its flag as the lowest bit; EMPTY: there is no entry. */
  readonly seals: Uint32Array;
  /** Whether something may be in it. */
  readonly used: boolean;
}

/** The seal of an entry that is none. */
export const EMPTY = 0;

const ENTRY_OCTETS = DIGEST_WORDS * 4 + Float64Array.BYTES_PER_ELEMENT + Uint32Array.BYTES_PER_ELEMENT;

/** How much memory the digests of a table of `max` entries take, a multiple of eight octets. */
export function digestOctets(max: number): number {
  return Math.ceil(((max + 1) * ENTRY_OCTETS) / 8) * 8;
}

/** Divides memory; `offset` is a multiple of eight. */
export function makeDigestMemory(
  max: number,
  buffer: ArrayBuffer = new ArrayBuffer(digestOctets(max)),
  offset = 0,
  used = false,
): DigestMemory {
  const entries = max + 1;
  const setAt = new Float64Array(buffer, offset, entries);
  const digests = new Uint32Array(buffer, offset + setAt.byteLength, entries * DIGEST_WORDS);
  const seals = new Uint32Array(buffer, offset + setAt.byteLength + digests.byteLength, entries);
  return { digests, setAt, seals, used };
}

const time = new Float64Array(1);
const timeWords = new Uint32Array(time.buffer);

/**
 * The seal of an entry. It tells an entry that was written as a whole from one that was not; it is no protection against
 * somebody who can write the memory.
 */
export function sealOf(digests: Uint32Array, from: number, setAt: number, flag: boolean): number {
  time[0] = setAt;
  let seal = mix(mix(flag ? 0x5bd1e995 : 0x1b873593, timeWords[0] as number), timeWords[1] as number);
  for (let at = 0; at < DIGEST_WORDS; at++) seal = mix(seal, digests[from + at] as number);
  seal = Math.imul(seal ^ (seal >>> 16), 0x85ebca6b);
  seal = Math.imul(seal ^ (seal >>> 13), 0xc2b2ae35);
  // Never EMPTY: the second bit is always set.
  return ((seal & ~3) | 2 | (flag ? 1 : 0)) >>> 0;
}

/** A round of MurmurHash3. */
function mix(seal: number, word: number): number {
  const spread = Math.imul(word, 0xcc9e2d51);
  const mixed = seal ^ Math.imul((spread << 15) | (spread >>> 17), 0x1b873593);
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
}
