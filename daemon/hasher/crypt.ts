import { randomBytes } from 'node:crypto';
import des from 'unix-crypt-td-js';
import { equalInConstantTime } from './compare.ts';
import type { Hasher } from './hasher.ts';

/** DES crypt looks at no more of a password than this many octets. */
const PASSWORD_OCTETS = 8;

/**
 * What crypt(3) wrote; Django passes over the field before it. Only DES, the one scheme that Django itself ever wrote
 * there: others that a libc knows ($1$, $6$, _) come out as malformed.
 */
function dataOf(encoded: string): string | undefined {
  return /^crypt\$[^$]*\$([./0-9A-Za-z]{13})$/.exec(encoded)?.[1];
}

/** `crypt$$data`, before 1.4 `crypt$salt$data`, as Django 1.0 to 4.2 `CryptPasswordHasher`. */
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
    des(key, data); // the library keeps its last key schedule, from which the password can be told
    const same = equalInConstantTime(hash, data);
    return same && !password.includes(0); // crypt(3) takes a text that ends at a NUL, and Python raises on it
  },

  decoy() {
    return `crypt$$aa${randomBytes(6).toString('hex').slice(0, 10)}.`;
  },
};
