import { randomBytes } from 'node:crypto';
import { desCrypt, whyNoDesCrypt } from '../native/crypt.ts';
import { equalInConstantTime } from './compare.ts';
import type { Hasher } from './hasher.ts';

/** How many characters of the data are the salt. */
const SALT = 2;

/**
 * What crypt(3) wrote; Django ignores the field before it. Only DES, the one scheme that Django itself ever wrote there:
 * other schemes that a libc knows ($1$, $6$, _) are malformed.
 */
function dataOf(encoded: string): string | undefined {
  return /^crypt\$[^$]*\$([./0-9A-Za-z]{13})$/.exec(encoded)?.[1];
}

/** `crypt$$data`, before 1.4 `crypt$salt$data`, as `CryptPasswordHasher` of Django 1.0 to 4.2. */
export const crypt: Hasher = {
  algorithm: 'crypt',

  work(encoded) {
    return dataOf(encoded) === undefined ? undefined : { cost: 'crypt', seconds: 7e-4, memory: 0 };
  },

  verify(password, encoded) {
    const data = dataOf(encoded);
    if (data === undefined) return false;
    if (password.includes(0)) return false; // crypt(3) reads up to a NUL, and Python raises on one
    const hash = desCrypt(password, data.slice(0, SALT));
    return hash !== null && equalInConstantTime(hash, data);
  },

  unavailable: whyNoDesCrypt,

  decoy() {
    return `crypt$$aa${randomBytes(6).toString('hex').slice(0, 10)}.`;
  },
};
