import { isUtf8 } from 'node:buffer';
import { DEPTH_MAX } from './limits.ts';

/** What messages consist of. Maps become Map objects: a key that a peer sends is never a property of an object. */
export type Value = null | boolean | number | string | Buffer | Value[] | Map<string, Value>;

/** The octets are not one value as PROTOCOL.md section 2 allows it. The message is a sentence for the client. */
export class ShapeError extends Error {}

/** Texts up to this length are read octet by octet, which is faster than a call of C++. */
const SHORT = 32;

/**
 * The one MessagePack value in `octets`. Octet strings are views: copy what must outlive them.
 *
 * Everything that makes decoding safe is checked on the way: the depth, claimed counts against the octets that are
 * present, and that there is no extension, float, negative number, invalid UTF-8, repeated key or trailing octet.
 * msgpackr accepts all of these, and allocates an array of the claimed count before it has read one element. Checking
 * each body before msgpackr decoded it took twice as long as reading it once here, and was the most expensive part of a
 * cached check.
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
    if (left > 0) throw new ShapeError(`${left} trailing octets after the value`);
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
        if (this.#peek() & 0x80) throw new ShapeError('negative numbers are not allowed');
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
        throw new ShapeError('the octet 0xc1 is not allowed');
      default:
        throw new ShapeError(head >= 0xe0 ? 'negative numbers are not allowed' : 'extension types are not allowed');
    }
  }

  #peek(): number {
    const octet = this.#octets[this.#at];
    if (octet === undefined) throw new ShapeError('incomplete value');
    return octet;
  }

  #octet(): number {
    const octet = this.#peek();
    this.#at++;
    return octet;
  }

  /** Skips `size` octets, and returns where they begin. */
  #skip(size: number): number {
    const start = this.#at;
    if (size > this.#octets.length - start) throw new ShapeError('incomplete value');
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
    if (number >= 2 ** (8 * size - 1)) throw new ShapeError('negative numbers are not allowed');
    return number;
  }

  /** The number of eight octets. */
  #long(): number {
    const high = this.#number(4);
    if (high > 0x1f_ffff) throw new ShapeError('numbers above 2^53-1 are not allowed');
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
    if (!isUtf8(octets)) throw new ShapeError('invalid UTF-8 in a str');
    return octets.toString();
  }

  #array(count: number, depth: number): Value[] {
    this.#checkCount(count, depth);
    const values: Value[] = [];
    for (let i = 0; i < count; i++) values.push(this.value(depth + 1));
    return values;
  }

  #map(count: number, depth: number): Map<string, Value> {
    this.#checkCount(count * 2, depth);
    const values = new Map<string, Value>();
    for (let i = 0; i < count; i++) {
      const head = this.#peek();
      if (!((head >= 0xa0 && head <= 0xbf) || (head >= 0xd9 && head <= 0xdb))) {
        throw new ShapeError('invalid map key: not a str');
      }
      const key = this.value(depth + 1) as string;
      values.set(key, this.value(depth + 1));
    }
    if (values.size !== count) throw new ShapeError('repeated key in a map');
    return values;
  }

  /** Each element takes at least one octet: a count that the rest of the frame cannot hold is refused immediately. */
  #checkCount(count: number, depth: number): void {
    if (depth >= DEPTH_MAX) throw new ShapeError(`arrays and maps are nested more than ${DEPTH_MAX} deep`);
    if (count > this.#octets.length - this.#at) {
      throw new ShapeError('an array or map claims more elements than the frame holds');
    }
  }
}

/**
 * The words of requests. A map whose keys are these very strings is many times faster to fill and to query than a map
 * with new strings. Words that are not listed are only slower. Input is never added, because it may be a password.
 */
const WORDS = [
  ...['check', 'authorize', 'ping', 'stats', 'flush', 'reload', 'site', 'username', 'password', 'require', 'client'],
  ...['deadline_ms', 'want', 'staff', 'superuser', 'permissions', 'groups', 'address', 'service', 'lease', 'leased'],
];

export const WORD_SLOTS = 64;
const slots: (string | undefined)[] = new Array(WORD_SLOTS).fill(undefined);
for (const word of WORDS) slots[slotOf(word.length, word.charCodeAt(0), word.charCodeAt(word.length - 1))] = word;

/** The slot of a word, by its length and its first and last octet: no two words of the list share one. */
export function slotOf(length: number, first: number, last: number): number {
  return (length + 5 * first + 19 * last) % WORD_SLOTS;
}

/** The word at that place; undefined if there is none of the list. */
export function wordOf(octets: Buffer, start: number, size: number): string | undefined {
  if (size === 0) return undefined;
  const word = slots[slotOf(size, octets[start] as number, octets[start + size - 1] as number)];
  if (word?.length !== size) return undefined;
  for (let at = 0; at < size; at++) {
    if (word.charCodeAt(at) !== octets[start + at]) return undefined;
  }
  return word;
}

/** The text of these octets if all of them are ASCII. */
function ascii(octets: Buffer, start: number, end: number): string | undefined {
  for (let at = start; at < end; at++) {
    if ((octets[at] as number) > 0x7f) return undefined;
  }
  return octets.toString('latin1', start, end);
}
