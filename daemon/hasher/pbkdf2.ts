import { randomBytes } from 'node:crypto';
import { pbkdf2 as derive, pbkdf2Pair as deriveTwo } from '../native/pbkdf2.ts';
import { equalInConstantTime } from './compare.ts';
import { type Hasher, plainNumber, type Shown } from './hasher.ts';

/** `algorithm$iterations$salt$base64`, as `PBKDF2PasswordHasher` since Django 1.4. */
function pbkdf2(algorithm: string, digest: 'sha256' | 'sha1', octets: number, secondsPerIteration: number): Hasher {
  function read(encoded: string): { iterations: number; salt: string } | undefined {
    const fields = encoded.split('$');
    // Django splits at the first three "$" only: a fourth one ends up in the hash and never matches.
    if (fields.length !== 4 || fields[0] !== algorithm) return undefined;
    const iterations = plainNumber(fields[1]);
    const salt = fields[2];
    return iterations && salt ? { iterations, salt } : undefined;
  }

  function matches({ iterations, salt }: { iterations: number; salt: string }, hash: Buffer, encoded: string): boolean {
    return equalInConstantTime(`${algorithm}$${iterations}$${salt}$${hash.toString('base64')}`, encoded);
  }

  function decoyOf(iterations: number | undefined): string {
    return `${algorithm}$${iterations}$${randomBytes(11).toString('hex')}$${randomBytes(octets).toString('base64')}`;
  }

  return {
    algorithm,

    work(encoded) {
      const parts = read(encoded);
      if (!parts) return undefined;
      return { cost: `${algorithm}$${parts.iterations}`, seconds: parts.iterations * secondsPerIteration, memory: 0 };
    },

    verify(password, encoded) {
      const parts = read(encoded);
      if (!parts) return false;
      return matches(parts, derive(digest, password, parts.salt, parts.iterations, octets), encoded);
    },

    ...(digest === 'sha256' && {
      verifyTwo(first: Shown, second: Shown) {
        const one = read(first.encoded);
        const two = read(second.encoded);
        if (!one || !two)
          return [this.verify(first.password, first.encoded), this.verify(second.password, second.encoded)];
        const [left, right] = deriveTwo({ ...one, password: first.password }, { ...two, password: second.password });
        return [matches(one, left, first.encoded), matches(two, right, second.encoded)];
      },
    }),

    decoy(encoded) {
      return decoyOf(read(encoded)?.iterations);
    },

    missing(encoded, wanted) {
      const parts = read(encoded);
      if (!parts) return undefined;
      const iterations = (read(wanted)?.iterations ?? 0) - parts.iterations;
      return iterations > 0 ? [decoyOf(iterations)] : [];
    },
  };
}

export const pbkdf2Sha256: Hasher = pbkdf2('pbkdf2_sha256', 'sha256', 32, 2.5e-7);
export const pbkdf2Sha1 = pbkdf2('pbkdf2_sha1', 'sha1', 20, 2.8e-7);
