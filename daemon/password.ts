import { inspect } from 'node:util';
import { isWellFormed } from './utf8.ts';

const REDACTED = '[redacted]';

/**
 * A typed password, as the octets that Django hashes: UTF-8. It is wiped as soon as the question is answered, and
 * nothing prints it. Unless it is a view, it has its own memory, outside of any pool.
 *
 * That memory is an ArrayBuffer from the start: V8 stores the octets of small typed arrays among its objects and moves
 * them, and no one would wipe the copy that it leaves behind.
 */
export class Password {
  #octets: Buffer;
  /** Whether the memory belongs to this password, not to a frame. */
  #own: boolean;

  private constructor(octets: Buffer, own: boolean) {
    this.#octets = octets;
    this.#own = own;
  }

  /**
   * A view of what the user typed: most questions are answered before the frame is wiped, and memory of its own would
   * cost more than everything else that is done with it. Until `keep` it is valid for as long as the frame.
   */
  static viewOf(typed: Buffer): Password {
    return isWellFormed(typed) ? new Password(typed, false) : Password.fromTyped(typed);
  }

  /** A copy of what the user typed. Octets that are not UTF-8 are read as Latin-1, as for usernames. */
  static fromTyped(typed: Uint8Array): Password {
    if (isWellFormed(typed)) return Password.#copyOf(typed);
    const octets = Buffer.from(new ArrayBuffer(typed.length * 2));
    let length = 0;
    // Without a string in between, which could not be wiped.
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

  /** Copies a view into memory of its own, which is valid until it is wiped. */
  keep(): void {
    if (this.#own) return;
    this.#octets = Password.#copyOf(this.#octets).#octets;
    this.#own = true;
  }

  /** The octets themselves, to be used at once and not kept. */
  get octets(): Buffer {
    return this.#octets;
  }

  /** The memory itself, all of it, to be transferred to another thread. */
  get memory(): Uint8Array<ArrayBuffer> {
    this.keep();
    return new Uint8Array(this.#octets.buffer as ArrayBuffer);
  }

  /** An independent copy. */
  copy(): Password {
    return Password.#copyOf(this.#octets);
  }

  wipe(): void {
    if (this.#octets.length > 0) this.#octets.fill(0); // no octets are left once the memory was transferred
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
