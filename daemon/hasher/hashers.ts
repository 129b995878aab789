import { argon2 } from './argon2.ts';
import { bcrypt, bcryptSha256 } from './bcrypt.ts';
import { crypt } from './crypt.ts';
import { md5, sha1, unsaltedMd5, unsaltedSha1 } from './digest.ts';
import type { Hasher } from './hasher.ts';
import { pbkdf2Sha1, pbkdf2Sha256 } from './pbkdf2.ts';
import { scrypt } from './scrypt.ts';

/** Every algorithm that can be verified. */
export const hashers: readonly Hasher[] = [
  pbkdf2Sha256,
  pbkdf2Sha1,
  argon2,
  bcryptSha256,
  bcrypt,
  scrypt,
  sha1,
  md5,
  unsaltedSha1,
  unsaltedMd5,
  crypt,
];

const byAlgorithm = new Map(hashers.map((hasher) => [hasher.algorithm, hasher]));

/** Whether Django calls this "unusable": it begins with "!", or there is nothing. */
export function isUnusable(encoded: string | null): boolean {
  return encoded === null || encoded === '' || encoded.startsWith('!');
}

/** The name of an encoded hash's algorithm, as Django's `identify_hasher` tells it; there need be no such algorithm. */
export function algorithmOf(encoded: string): string {
  // In characters, as Python counts; none has more than two units. What is longer need not be counted.
  const length = encoded.length > 2 * 46 ? Number.POSITIVE_INFINITY : [...encoded].length;
  const unsaltedForm = (length === 32 && !encoded.includes('$')) || (length === 37 && encoded.startsWith('md5$$'));
  if (unsaltedForm) return unsaltedMd5.algorithm;
  if (length === 46 && encoded.startsWith('sha1$$')) return unsaltedSha1.algorithm;
  const dollar = encoded.indexOf('$');
  return dollar < 0 ? encoded : encoded.slice(0, dollar);
}

/** The hasher of an encoded hash, found as Django finds it; undefined where it finds none. */
export function hasherOf(encoded: string): Hasher | undefined {
  return isUnusable(encoded) ? undefined : byAlgorithm.get(algorithmOf(encoded));
}
