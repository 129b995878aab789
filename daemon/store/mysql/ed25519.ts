import { createHash } from 'node:crypto';
import { Point } from '@noble/ed25519';

/** The order of the group. */
const ORDER = 2n ** 252n + 27_742_317_777_372_353_535_851_937_790_883_648_493n;

/**
 * The signature of a scramble by which MariaDB's plugin `client_ed25519` proves a password. It is Ed25519 (RFC 8032,
 * 5.1.6), except that the password, of any length, is in the place of the 32 octets of the private key; libraries that
 * sign take no such key.
 */
export function signScramble(password: string, scramble: Buffer): Buffer {
  const hash = sha512(Buffer.from(password));
  const secret = Buffer.from(hash.subarray(0, 32));
  secret[0] = (secret[0] as number) & 0xf8;
  secret[31] = ((secret[31] as number) & 0x3f) | 0x40;
  const scalar = numberOf(secret) % ORDER;
  const nonce = numberOf(sha512(hash.subarray(32), scramble)) % ORDER;
  const publicKey = Point.BASE.multiply(scalar).toBytes();
  const commitment = Point.BASE.multiply(nonce).toBytes();
  const challenge = numberOf(sha512(commitment, publicKey, scramble)) % ORDER;
  return Buffer.concat([commitment, octetsOf((nonce + challenge * scalar) % ORDER)]);
}

function sha512(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha512');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** Little-endian. */
function numberOf(octets: Buffer): bigint {
  return BigInt(`0x${Buffer.from(octets).reverse().toString('hex')}`);
}

function octetsOf(number: bigint): Buffer {
  return Buffer.from(number.toString(16).padStart(64, '0'), 'hex').reverse();
}
