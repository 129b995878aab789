import { isUtf8 } from 'node:buffer';
import { inspect } from 'node:util';

const REDACTED = '[redacted]';

/**
 * A typed password, as the octets that Django hashes: UTF-8. It is wiped as soon as the question is answered, and it
 * cannot be printed, whoever tries. Unless it is a view, it has its own memory, outside of any pool.
 *
 * That memory is an ArrayBuffer from the start: V8 keeps the octets of small typed arrays among its objects, which it
 * moves about, and a copy left behind is wiped by nobody.
 */
export class Password {
  #octets: Buffer;
  /** Whether the memory is this one's own, not a frame's. */
  #own: boolean;

  private constructor(octets: Buffer, own: boolean) {
    this.#octets = octets;
    this.#own = own;
  }

  /**
   * What a person typed, where it lies: most questions are answered before the frame goes, and memory of one's own
   * costs more than all that is done with it. Until `keep` it is good for as long as the frame is.
   */
  static viewOf(typed: Buffer): Password {
    return isUtf8(typed) ? new Password(typed, false) : Password.fromTyped(typed);
  }

  /** Copies what a person typed. Octets that are no UTF-8 are taken as Latin-1, as for usernames. */
  static fromTyped(typed: Uint8Array): Password {
    if (isUtf8(typed)) return Password.#copyOf(typed);
    const octets = Buffer.from(new ArrayBuffer(typed.length * 2));
    let length = 0;
    // By hand, for a string in between could not be wiped.
    for (const octet of typed) {
      if (octet < 0x80) octets[length++] = octet;
      else {
        octets[length++] = 0xc0 | (octet >> 6);
        octets[length++] = 0x80 | (octet & 0x3f);
      }
    }
    const password = Password.#copyOf(octets.subarray(0, length));
    octets.fill(0);
    return password;
  }

  static #copyOf(octets: Uint8Array): Password {
    const copy = Buffer.from(new ArrayBuffer(octets.length));
    copy.set(octets);
    return new Password(copy, true);
  }

  /** Copies a view into memory of its own, where it stays until it is wiped. */
  keep(): void {
    if (this.#own) return;
    this.#octets = Password.#copyOf(this.#octets).#octets;
    this.#own = true;
  }

  /** The octets themselves, for hashing at once. Do not keep them. */
  get octets(): Buffer {
    return this.#octets;
  }

  /** The memory itself, all of it, to be moved to another thread. */
  get memory(): Uint8Array<ArrayBuffer> {
    this.keep();
    return new Uint8Array(this.#octets.buffer as ArrayBuffer);
  }

  /** A copy with a life of its own. */
  copy(): Password {
    return Password.#copyOf(this.#octets);
  }

  wipe(): void {
    if (this.#octets.length > 0) this.#octets.fill(0); // there is none where the memory has been moved
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [inspect.custom](): string {
    return REDACTED;
  }
}
