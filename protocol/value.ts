import { isUtf8 } from 'node:buffer';
import { DEPTH_MAX } from './limits.ts';

/** What a message is made of. Maps arrive as Map, so that no key of a peer's can be a property of ours. */
export type Value = null | boolean | number | string | Buffer | Value[] | Map<string, Value>;

/** The octets are not one value as PROTOCOL.md section 2 allows it. The message is a sentence for the peer. */
export class ShapeError extends Error {}

/** Texts up to this long are looked at octet by octet, which is quicker than asking C++ about them. */
const SHORT = 32;

/**
 * The one MessagePack value that `octets` are. Octet strings are views of them: copy what must outlive them.
 *
 * What makes decoding harmless is looked at on the way: depth, claimed counts against the octets that are there, no
 * extension, float, negative number, broken UTF-8 or repeated key, nothing left over. msgpackr allows all of these and
 * makes room for an array's claimed count before it has seen one element; walking over every body before it decoded it
 * took twice the time of reading it once here, and it was the dearest part of a check that needs no hash.
 *
 * @throws ShapeError
 */
export function readValue(octets: Buffer): Value {
  const reader = new Reader(octets);
  const value = reader.value(0);
  reader.end();
  return value;
}

class Reader {
  readonly #octets: Buffer;
  #at = 0;

  constructor(octets: Buffer) {
    this.#octets = octets;
  }

  end(): void {
    const left = this.#octets.length - this.#at;
    if (left > 0) throw new ShapeError(`${left} octets are left over after the value`);
  }

  value(depth: number): Value {
    const head = this.#octet();
    if (head <= 0x7f) return head;
    if (head <= 0x8f) return this.#map(head & 0x0f, depth);
    if (head <= 0x9f) return this.#array(head & 0x0f, depth);
    if (head <= 0xbf) return this.#text(head & 0x1f);
    switch (head) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#bin(this.#number((1 << (head - 0xc4)) as 1 | 2 | 4));
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#number((1 << (head - 0xcc)) as 1 | 2 | 4);
      case 0xd0:
      case 0xd1:
      case 0xd2:
        return this.#signed((1 << (head - 0xd0)) as 1 | 2 | 4);
      case 0xcf:
        return this.#long();
      case 0xd3:
        if (this.#peek() & 0x80) throw new ShapeError('numbers below 0 are not allowed');
        return this.#long();
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#number((1 << (head - 0xd9)) as 1 | 2 | 4));
      case 0xdc:
      case 0xdd:
        return this.#array(this.#number((2 << (head - 0xdc)) as 2 | 4), depth);
      case 0xde:
      case 0xdf:
        return this.#map(this.#number((2 << (head - 0xde)) as 2 | 4), depth);
      case 0xca:
      case 0xcb:
        throw new ShapeError('floating-point numbers are not allowed');
      case 0xc1:
        throw new ShapeError('the octet 0xc1 is never used');
      default:
        throw new ShapeError(head >= 0xe0 ? 'numbers below 0 are not allowed' : 'extension types are not allowed');
    }
  }

  #peek(): number {
    const octet = this.#octets[this.#at];
    if (octet === undefined) throw new ShapeError('the frame ends inside a value');
    return octet;
  }

  #octet(): number {
    const octet = this.#peek();
    this.#at++;
    return octet;
  }

  /** Goes on by `size` octets; where they begin. */
  #skip(size: number): number {
    const start = this.#at;
    if (size > this.#octets.length - start) throw new ShapeError('the frame ends inside a value');
    this.#at = start + size;
    return start;
  }

  /** The big-endian number of that many octets. */
  #number(size: 1 | 2 | 4): number {
    const start = this.#skip(size);
    let number = 0;
    for (let at = start; at < start + size; at++) number = number * 0x100 + (this.#octets[at] as number);
    return number;
  }

  #signed(size: 1 | 2 | 4): number {
    const number = this.#number(size);
    if (number >= 2 ** (8 * size - 1)) throw new ShapeError('numbers below 0 are not allowed');
    return number;
  }

  /** The number of eight octets. */
  #long(): number {
    const high = this.#number(4);
    if (high > 0x1f_ffff) throw new ShapeError('a number is over 2^53-1');
    return high * 2 ** 32 + this.#number(4);
  }

  #bin(size: number): Buffer {
    const start = this.#skip(size);
    return this.#octets.subarray(start, start + size);
  }

  #text(size: number): string {
    const start = this.#skip(size);
    if (size <= SHORT) {
      const text = wordOf(this.#octets, start, size) ?? ascii(this.#octets, start, start + size);
      if (text !== undefined) return text;
    }
    const octets = this.#octets.subarray(start, start + size);
    if (!isUtf8(octets)) throw new ShapeError('a str is not well-formed UTF-8');
    return octets.toString();
  }

  #array(count: number, depth: number): Value[] {
    this.#room(count, depth);
    const values: Value[] = [];
    for (let i = 0; i < count; i++) values.push(this.value(depth + 1));
    return values;
  }

  #map(count: number, depth: number): Map<string, Value> {
    this.#room(count * 2, depth);
    const values = new Map<string, Value>();
    for (let i = 0; i < count; i++) {
      const head = this.#peek();
      if (!((head >= 0xa0 && head <= 0xbf) || (head >= 0xd9 && head <= 0xdb))) {
        throw new ShapeError('a map has a key that is not a str');
      }
      const key = this.value(depth + 1) as string;
      values.set(key, this.value(depth + 1));
    }
    if (values.size !== count) throw new ShapeError('a key stands twice in a map');
    return values;
  }

  /** Each element takes an octet at least, so a count that the rest of the frame cannot hold is refused at once. */
  #room(count: number, depth: number): void {
    if (depth >= DEPTH_MAX) throw new ShapeError(`arrays and maps are more than ${DEPTH_MAX} deep`);
    if (count > this.#octets.length - this.#at) {
      throw new ShapeError('an array or map claims more than the frame holds');
    }
  }
}

/**
 * The words that requests are made of. A map whose keys are these very strings is many times quicker to fill and to ask
 * than one of strings made anew. What is not listed is only slower; what came is never kept, for it may be a password.
 */
const WORDS = [
  ...['check', 'authorize', 'ping', 'stats', 'flush', 'reload', 'site', 'username', 'password', 'require', 'client'],
  ...['deadline_ms', 'want', 'staff', 'superuser', 'permissions', 'groups', 'address', 'service'],
];

const PLACES = 64;
const places: (string | undefined)[] = new Array(PLACES).fill(undefined);
for (const word of WORDS) places[placeOf(word.length, word.charCodeAt(0), word.charCodeAt(word.length - 1))] = word;

/** Where in the table a word stands, by its length and its first and last octet: so that no two of ours fall together. */
function placeOf(length: number, first: number, last: number): number {
  return (length + 5 * first + 19 * last) % PLACES;
}

function wordOf(octets: Buffer, start: number, size: number): string | undefined {
  if (size === 0) return undefined;
  const word = places[placeOf(size, octets[start] as number, octets[start + size - 1] as number)];
  if (word?.length !== size) return undefined;
  for (let at = 0; at < size; at++) {
    if (word.charCodeAt(at) !== octets[start + at]) return undefined;
  }
  return word;
}

/** The text of these octets where all of them are ASCII. */
function ascii(octets: Buffer, start: number, end: number): string | undefined {
  for (let at = start; at < end; at++) {
    if ((octets[at] as number) > 0x7f) return undefined;
  }
  return octets.toString('latin1', start, end);
}
