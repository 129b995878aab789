import { createHash, randomBytes } from 'node:crypto';
import { equalInConstantTime } from './compare.ts';
import type { Hasher } from './hasher.ts';

/** Computing such a hash is faster than anything else in a question. */
const SECONDS = 1e-6;

/** `algorithm$salt$hex` of salt and password together, as `SHA1PasswordHasher` and `MD5PasswordHasher` of Django. */
function salted(algorithm: 'md5' | 'sha1', octets: number): Hasher {
  function saltOf(encoded: string): string | undefined {
    const fields = encoded.split('$');
    return fields.length === 3 && fields[0] === algorithm ? fields[1] || undefined : undefined;
  }

  return {
    algorithm,

    work(encoded) {
      return saltOf(encoded) === undefined ? undefined : { cost: algorithm, seconds: SECONDS, memory: 0 };
    },

    verify(password, encoded) {
      const salt = saltOf(encoded);
      if (salt === undefined) return false;
      const hash = createHash(algorithm).update(salt).update(password).digest('hex');
      return equalInConstantTime(`${algorithm}$${salt}$${hash}`, encoded);
    },

    decoy() {
      return `${algorithm}$${randomBytes(6).toString('hex')}$${randomBytes(octets).toString('hex')}`;
    },
  };
}

/** Without a salt: `sha1$$hex` as `UnsaltedSHA1PasswordHasher`; for MD5 also the bare digest, as before Django 1.0. */
function unsalted(algorithm: string, digest: 'md5' | 'sha1', octets: number, form: RegExp): Hasher {
  const prefix = `${digest}$$`;
  return {
    algorithm,

    work(encoded) {
      return form.test(encoded) ? { cost: algorithm, seconds: SECONDS, memory: 0 } : undefined;
    },

    verify(password, encoded) {
      const hash = createHash(digest).update(password).digest('hex');
      return equalInConstantTime(encoded.startsWith(prefix) ? prefix + hash : hash, encoded);
    },

    decoy() {
      return prefix + randomBytes(octets).toString('hex');
    },
  };
}

export const md5 = salted('md5', 16);
export const sha1 = salted('sha1', 20);
export const unsaltedMd5 = unsalted('unsalted_md5', 'md5', 16, /^(?:md5\$\$)?[^$]{32}$/u);
export const unsaltedSha1 = unsalted('unsalted_sha1', 'sha1', 20, /^sha1\$\$.{40}$/su);
