import { randomBytes } from 'node:crypto';
import des from 'unix-crypt-td-js';
import { equalInConstantTime } from './compare.ts';
import type { Hasher } from './hasher.ts';

/** DES crypt uses only this many octets of a password. */
const PASSWORD_OCTETS = 8;

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
    const key = [...password.subarray(0, PASSWORD_OCTETS)];
    const hash = des(key, data);
    key.fill(0);
    des(key, data); // overwrites the key schedule that the library keeps, which reveals the password
    const same = equalInConstantTime(hash, data);
    return same && !password.includes(0); // crypt(3) reads up to a NUL, and Python raises on one
  },

  decoy() {
    return `crypt$$aa${randomBytes(6).toString('hex').slice(0, 10)}.`;
  },
};
