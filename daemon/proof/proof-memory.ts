import { randomBytes } from 'node:crypto';
import { VERSION } from '../version.ts';
import { type DigestMemory, digestOctets, makeDigestMemory } from './digest-memory.ts';
import { KEY_OCTETS } from './keyed-digest.ts';

/** The tables of digests that are kept, in the order of their places in memory. */
export const TABLES = ['rights', 'wrongs', 'returning'] as const;
export type TableName = (typeof TABLES)[number];

/** How many digests each table has room for. */
export type TableSizes = Readonly<Record<TableName, number>>;

/** As an octet order of another machine would not read it. */
const MAGIC = 0x646a7072;
/** Changes whenever the octets of a digest, the order of the tables or anything else here does. */
const LAYOUT = 1;

/** The keys of the digests: of both tables of proofs, and of `returning`. */
export const KEYS = ['proofs', 'returning'] as const;
export type KeyName = (typeof KEYS)[number];

/** Words of the header: magic, layout, version, the size of each table, the keys, and a check over all of that. */
const SIZES_AT = 3;
const KEYS_AT = SIZES_AT + TABLES.length;
const CHECK_AT = KEYS_AT + (KEYS.length * KEY_OCTETS) / 4;
const HEADER_OCTETS = 256;

const THIS_VERSION = fnv(Buffer.from(VERSION));

/** Past it a header cannot be right. */
const SIZE_MAX = 10_000_000;

/**
 * All that a daemon needs to know again whom it has granted, in one piece of memory: the tables of digests and the keys
 * under which they were made. It may have been filled by an earlier process.
 */
export class ProofMemory {
  readonly buffer: ArrayBuffer;
  readonly sizes: TableSizes;
  readonly #used: boolean;

  private constructor(buffer: ArrayBuffer, sizes: TableSizes, used: boolean) {
    this.buffer = buffer;
    this.sizes = sizes;
    this.#used = used;
  }

  /** The octets that tables of these sizes need. */
  static octets(sizes: TableSizes): number {
    return TABLES.reduce((sum, name) => sum + digestOctets(sizes[name]), HEADER_OCTETS);
  }

  /** Begins in empty memory. @param earlier whose digests will be copied: its keys are used, otherwise new ones */
  static make(buffer: ArrayBuffer, sizes: TableSizes, earlier?: ProofMemory): ProofMemory {
    const header = headerOf(buffer);
    header.set([MAGIC, LAYOUT, THIS_VERSION, ...TABLES.map((name) => sizes[name])]);
    const memory = new ProofMemory(buffer, sizes, false);
    for (const name of KEYS) memory.key(name).set(earlier?.key(name) ?? randomBytes(KEY_OCTETS));
    header[CHECK_AT] = checkOf(header);
    return memory;
  }

  /** What an earlier process left. @throws Error, a sentence, if it is not memory of this layout */
  static read(buffer: ArrayBuffer): ProofMemory {
    if (buffer.byteLength < HEADER_OCTETS) throw new Error('it is too short');
    const header = headerOf(buffer);
    if (header[0] !== MAGIC || header[1] !== LAYOUT) throw new Error('it has another layout');
    if (header[CHECK_AT] !== checkOf(header)) throw new Error('its header is damaged');
    const sizes = Object.fromEntries(TABLES.map((name, at) => [name, header[SIZES_AT + at]])) as TableSizes;
    const possible = TABLES.every((name) => sizes[name] >= 1 && sizes[name] <= SIZE_MAX);
    if (!possible || ProofMemory.octets(sizes) !== buffer.byteLength) throw new Error('its size is not what it says');
    return new ProofMemory(buffer, sizes, true);
  }

  /** Whether this version of djauthd computed what is in it. The proofs of another may be what this one corrects. */
  get isOfThisVersion(): boolean {
    return headerOf(this.buffer)[2] === THIS_VERSION;
  }

  /** Marks it as a version's, this one's by default; its tables of proofs must be empty. */
  adopt(version = THIS_VERSION): void {
    const header = headerOf(this.buffer);
    header[2] = version;
    header[CHECK_AT] = checkOf(header);
  }

  /** A view. */
  key(name: KeyName): Uint8Array {
    return new Uint8Array(this.buffer, KEYS_AT * 4 + KEYS.indexOf(name) * KEY_OCTETS, KEY_OCTETS);
  }

  table(name: TableName): DigestMemory {
    let offset = HEADER_OCTETS;
    for (const each of TABLES) {
      if (each === name) break;
      offset += digestOctets(this.sizes[each]);
    }
    return makeDigestMemory(this.sizes[name], this.buffer, offset, this.#used);
  }

  wipe(): void {
    new Uint8Array(this.buffer).fill(0);
  }
}

function headerOf(buffer: ArrayBuffer): Uint32Array {
  return new Uint32Array(buffer, 0, HEADER_OCTETS / 4);
}

function checkOf(header: Uint32Array): number {
  return fnv(header.subarray(0, CHECK_AT));
}

/** FNV-1a. */
function fnv(words: Iterable<number>): number {
  let check = 0x811c9dc5;
  for (const word of words) check = Math.imul(check ^ word, 0x01000193);
  return check >>> 0;
}
