import { createHmac, hash, randomBytes } from 'node:crypto';
import { loadAddon } from './addon.ts';

/** The sizes of the blocks that SHA-256 takes, and of its digest. */
export const BLOCK_OCTETS = 64;
export const DIGEST_OCTETS = 32;

/**
 * HMAC-SHA-256: 32 octets, each as a character. What the message was is overwritten.
 *
 * @param inner the key's block for the inner hash, and behind it the message, up to `end`
 * @param outer the key's block for the outer hash, and space for a digest
 */
type Hmac = (inner: Buffer, end: number, outer: Buffer) => string;

/**
 * Exactly as in RFC 2104: H(K^opad, H(K^ipad, message)), each H one call. The objects that `createHmac` creates take four
 * times as long.
 */
export function hmacOfNode(inner: Buffer, end: number, outer: Buffer): string {
  const digest = hash('sha256', inner.subarray(0, end), 'binary');
  inner.fill(0, BLOCK_OCTETS, end);
  outer.write(digest, BLOCK_OCTETS, 'latin1');
  return hash('sha256', outer, 'binary');
}

let chosen: Hmac | undefined;

/** By the addon if it is there and computes what node:crypto does, else by that: both are the same function. */
export const hmac: Hmac = (inner, end, outer) => {
  chosen ??= choose();
  return chosen(inner, end, outer);
};

function choose(): Hmac {
  try {
    const addon = loadAddon<{ hmac: Hmac }>('hmac');
    return agrees(addon.hmac) ? addon.hmac : hmacOfNode;
  } catch {
    return hmacOfNode; // nothing but time is lost
  }
}

/** Sizes around those at which SHA-256 needs a block more, and a usual one. */
const COMPARED = [0, 1, 55, 56, 63, 64, 65, 119, 120, 150, 1000];

function agrees(candidate: Hmac): boolean {
  const key = randomBytes(BLOCK_OCTETS);
  const outer = Buffer.alloc(BLOCK_OCTETS + DIGEST_OCTETS);
  return COMPARED.every((size) => {
    const message = randomBytes(size);
    const inner = Buffer.concat([key.map((octet) => octet ^ 0x36), message]);
    outer.set(key.map((octet) => octet ^ 0x5c));
    const expected = createHmac('sha256', key).update(message).digest('binary');
    return candidate(inner, inner.length, outer) === expected;
  });
}
