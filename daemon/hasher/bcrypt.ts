import { createHash, randomBytes } from 'node:crypto';
import { loadPackage } from '../native/bundle.ts';
import { equalInConstantTime } from './compare.ts';
import type { Hasher } from './hasher.ts';

const ALPHABET = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
/** With which everything begins that the library computes. */
const PREFIX = '$2b';

/** bcrypt uses only this many octets of a password. */
export const BCRYPT_OCTETS = 72;

type Library = typeof import('@node-rs/bcrypt');
let loaded: Library | undefined;

/** Loaded only when a hash is computed, in a worker: the event loop starts without it. */
function library(): Library {
  loaded ??= loadPackage<Library>('@node-rs/bcrypt');
  return loaded;
}

interface Parts {
  /** `$2a`, `$2b` or `$2y`, which are computed alike. */
  prefix: string;
  rounds: number;
  salt: Buffer;
}

/**
 * Reads what follows the algorithm: the settings and 31 characters of hash. $2x$, which is known to be broken, is
 * malformed. The last character of a salt carries two bits: one that carries more never compares equal in Django.
 */
function read(data: string): Parts | undefined {
  const [, prefix, rounds, salt] =
    /^(\$2[aby])\$([0-9]{2})\$([./A-Za-z0-9]{21}[.Oeu])[./A-Za-z0-9]{31}$/.exec(data) ?? [];
  if (prefix === undefined || salt === undefined || Number(rounds) < 4 || Number(rounds) > 31) return undefined;
  return { prefix, rounds: Number(rounds), salt: decode(salt) };
}

/** bcrypt's base64, which has another alphabet. */
function decode(text: string): Buffer {
  return Buffer.from(
    text.replace(/./g, (character) => BASE64[ALPHABET.indexOf(character)] as string),
    'base64',
  );
}

function random(length: number): string {
  return [...randomBytes(length)].map((octet) => ALPHABET[octet & 63]).join('');
}

/**
 * `bcrypt$` or `bcrypt_sha256$` and bcrypt's own string, as `BCryptPasswordHasher` since Django 1.4 and
 * `BCryptSHA256PasswordHasher` since 1.6.
 */
function bcryptOf(algorithm: string, prepare: (password: Buffer) => Buffer | undefined): Hasher {
  const dataOf = (encoded: string) =>
    encoded.startsWith(`${algorithm}$`) ? encoded.slice(algorithm.length + 1) : undefined;
  const partsOf = (encoded: string) => read(dataOf(encoded) ?? '');

  function decoyOf(rounds = 0): string {
    return `${algorithm}$$2b$${String(rounds).padStart(2, '0')}$${random(21)}.${random(30)}.`;
  }

  return {
    algorithm,

    work(encoded) {
      const parts = partsOf(encoded);
      if (!parts) return undefined;
      return { cost: `${algorithm}$${parts.rounds}`, seconds: 2 ** parts.rounds * 6.5e-5, memory: 4096 };
    },

    verify(password, encoded) {
      const parts = partsOf(encoded);
      if (!parts) return false;
      const key = prepare(password);
      // Instead of what bcrypt cannot hash, something else is hashed: the denial takes as long as any other.
      const hash = library().hashSync(key ?? Buffer.from('-'), parts.rounds, parts.salt);
      if (key?.buffer !== password.buffer) key?.fill(0);
      const same = equalInConstantTime(`${algorithm}$${parts.prefix}${hash.slice(PREFIX.length)}`, encoded);
      return key !== undefined && same;
    },

    decoy(encoded) {
      return decoyOf(partsOf(encoded)?.rounds);
    },

    // Each further round doubles the work: 2^12 is 2^10 plus 2^10 and 2^11.
    missing(encoded, wanted) {
      const rounds = partsOf(encoded)?.rounds;
      if (rounds === undefined) return undefined;
      const count = Math.max(0, (partsOf(wanted)?.rounds ?? 0) - rounds);
      return Array.from({ length: count }, (_, further) => decoyOf(rounds + further));
    },
  };
}

/**
 * As with pyca/bcrypt before 5, which most sites have: octets after the 72nd are cut off, and a password with a NUL, on
 * which it raises, is denied.
 */
export const bcrypt = bcryptOf('bcrypt', (password) =>
  password.includes(0) ? undefined : password.subarray(0, BCRYPT_OCTETS),
);

/** The password is hashed with SHA-256 first: its length and its NULs do not matter. */
export const bcryptSha256 = bcryptOf('bcrypt_sha256', (password) =>
  Buffer.from(createHash('sha256').update(password).digest('hex')),
);
