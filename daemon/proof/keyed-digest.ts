import { randomBytes } from 'node:crypto';
import { BLOCK_OCTETS, DIGEST_OCTETS, hmac } from '../native/hmac.ts';

/** The size of a key: a whole block. */
export const KEY_OCTETS = BLOCK_OCTETS;

/** Up to this size a message needs no memory of its own; most have 150 to 300 octets. */
const USUAL_OCTETS = 4096;

/**
 * HMAC-SHA-256 under a random key that never leaves this process: names things that hold a secret without holding it.
 * Whoever has no key can neither test guesses against a digest nor choose two that share a chain of a table.
 */
export class KeyedDigest {
  /** The key as HMAC puts it before the message, with space for a message behind it; the same for the outer hash. */
  readonly #inner = allocate(BLOCK_OCTETS + USUAL_OCTETS);
  readonly #outer = allocate(BLOCK_OCTETS + DIGEST_OCTETS);

  /** @param key a block of octets; tests give one */
  constructor(key: Uint8Array = randomBytes(BLOCK_OCTETS)) {
    for (const [at, octet] of key.entries()) {
      this.#inner[at] = octet ^ 0x36;
      this.#outer[at] = octet ^ 0x5c;
    }
  }

  /**
   * The digest of three texts and a secret: 32 octets, each as a character. Each part is preceded by its length, so that
   * two different lists of parts never become the same octets. What was written on the way is wiped.
   */
  of(first: string, second: string, third: string, secret: Uint8Array): string {
    const limit = BLOCK_OCTETS + 4 * 4 + 3 * (first.length + second.length + third.length) + secret.length;
    const fits = limit <= this.#inner.length;
    const message = fits ? this.#inner : allocate(limit);
    if (!fits) message.set(this.#inner.subarray(0, BLOCK_OCTETS));

    let end = putText(message, BLOCK_OCTETS, first);
    end = putText(message, end, second);
    end = putText(message, end, third);
    message.writeUInt32BE(secret.length, end);
    message.set(secret, end + 4);
    end += 4 + secret.length;

    const digest = hmac(message, end, this.#outer);
    if (!fits) message.fill(0);
    return digest;
  }
}

/** Memory that V8 does not move: wiping it leaves no copy. */
function allocate(octets: number): Buffer {
  return Buffer.from(new ArrayBuffer(octets));
}

/** Writes the length of a text and the text. Returns the end. */
function putText(into: Buffer, at: number, text: string): number {
  const octets = into.write(text, at + 4);
  into.writeUInt32BE(octets, at);
  return at + 4 + octets;
}

/** A digest as words of four octets, written into `words`, which is returned. */
export function readDigest(digest: string, words: Uint32Array): Uint32Array {
  for (let at = 0; at < words.length; at++) {
    const from = at * 4;
    words[at] =
      digest.charCodeAt(from) |
      (digest.charCodeAt(from + 1) << 8) |
      (digest.charCodeAt(from + 2) << 16) |
      (digest.charCodeAt(from + 3) << 24);
  }
  return words;
}
