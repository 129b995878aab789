import { argon2 } from './argon2.ts';
import { bcrypt, bcryptSha256 } from './bcrypt.ts';
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
];

const byAlgorithm = new Map(hashers.map((hasher) => [hasher.algorithm, hasher]));

/** Whether Django calls this "unusable": it begins with "!", or there is nothing. */
export function isUnusable(encoded: string | null): boolean {
  return encoded === null || encoded === '' || encoded.startsWith('!');
}

/** The hasher of an encoded hash, found as Django's `identify_hasher` finds it; undefined where it finds none. */
export function hasherOf(encoded: string): Hasher | undefined {
  if (isUnusable(encoded)) return undefined;
  const length = [...encoded].length; // in characters, as Python counts
  if ((length === 32 && !encoded.includes('$')) || (length === 37 && encoded.startsWith('md5$$'))) return unsaltedMd5;
  if (length === 46 && encoded.startsWith('sha1$$')) return unsaltedSha1;
  const dollar = encoded.indexOf('$');
  return byAlgorithm.get(dollar < 0 ? encoded : encoded.slice(0, dollar));
}
