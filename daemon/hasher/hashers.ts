import { argon2 } from './argon2.ts';
import { bcrypt, bcryptSha256 } from './bcrypt.ts';
import { crypt } from './crypt.ts';
import { md5, sha1, unsaltedMd5, unsaltedSha1 } from './digest.ts';
import type { Hasher } from './hasher.ts';
import { pbkdf2Sha1, pbkdf2Sha256 } from './pbkdf2.ts';
import { scrypt } from './scrypt.ts';

/** Every algorithm that can be computed here. */
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

/** Whether Django calls the password "unusable": it is empty or begins with "!". */
export function isUnusable(encoded: string | null): boolean {
  return encoded === null || encoded === '' || encoded.startsWith('!');
}

/** The algorithm that Django's `identify_hasher` reads from an encoded hash; it may be an unknown one. */
export function algorithmOf(encoded: string): string {
  const dollar = encoded.indexOf('$');
  if (dollar < 0) return hasLength(encoded, 32) ? unsaltedMd5.algorithm : encoded;
  if (encoded.startsWith('md5$$') && hasLength(encoded, 37)) return unsaltedMd5.algorithm;
  if (encoded.startsWith('sha1$$') && hasLength(encoded, 46)) return unsaltedSha1.algorithm;
  return encoded.slice(0, dollar);
}

/** In characters, as Python counts them; a character has at most two UTF-16 units. */
function hasLength(text: string, characters: number): boolean {
  return text.length <= 2 * characters && [...text].length === characters;
}

/** The hasher of an encoded hash, found as Django finds it; undefined if there is none. */
export function hasherOf(encoded: string): Hasher | undefined {
  return isUnusable(encoded) ? undefined : byAlgorithm.get(algorithmOf(encoded));
}
