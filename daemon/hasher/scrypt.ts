import { randomBytes, scryptSync } from 'node:crypto';
import { equalInConstantTime } from './compare.ts';
import { type Hasher, plainNumber } from './hasher.ts';

const OCTETS = 64;

/** OpenSSL's own limit, which Django leaves in force: 32 MiB. */
const MEMORY_MAX = 32 * 1024 * 1024;

interface Parts {
  n: number;
  r: number;
  p: number;
  salt: string;
}

/** `scrypt$N$salt$r$p$base64`: the salt stands between N and r. */
function read(encoded: string): Parts | undefined {
  const fields = encoded.split('$');
  if (fields.length !== 6 || fields[0] !== 'scrypt') return undefined;
  const n = plainNumber(fields[1]);
  const salt = fields[2];
  const r = plainNumber(fields[3]);
  const p = plainNumber(fields[4]);
  if (!n || !salt || !r || !p) return undefined;
  if (n < 2 || (n & (n - 1)) !== 0) return undefined;
  // Above these limits OpenSSL, and so Django, raises: no password can match.
  if (p > Math.floor((2 ** 30 - 1) / r) || (r < 2 && n >= 2 ** (16 * r)) || memoryOf({ n, r, p }) > MEMORY_MAX) {
    return undefined;
  }
  return { n, r, p, salt };
}

function memoryOf({ n, r, p }: { n: number; r: number; p: number }): number {
  return 128 * r * p + 32 * r * (n + 2) * 4;
}

/** As `ScryptPasswordHasher` since Django 4.0. */
export const scrypt: Hasher = {
  algorithm: 'scrypt',

  work(encoded) {
    const parts = read(encoded);
    if (!parts) return undefined;
    const { n, r, p } = parts;
    return { cost: `scrypt$${n}$${r}$${p}`, seconds: (n * 2.8e-7 + 1.8e-6) * r * p, memory: memoryOf(parts) };
  },

  verify(password, encoded) {
    const parts = read(encoded);
    if (!parts) return false;
    const { n, r, p, salt } = parts;
    const hash = scryptSync(password, salt, OCTETS, { N: n, r, p, maxmem: MEMORY_MAX });
    return equalInConstantTime(`scrypt$${n}$${salt}$${r}$${p}$${hash.toString('base64')}`, encoded);
  },

  decoy(encoded) {
    const parts = read(encoded);
    return parts ? decoyOf(parts) : encoded;
  },

  // The p blocks are computed one after the other.
  missing(encoded, wanted) {
    const parts = read(encoded);
    const goal = read(wanted);
    if (!parts || !goal || parts.n !== goal.n || parts.r !== goal.r) return undefined;
    return goal.p > parts.p ? [decoyOf({ ...goal, p: goal.p - parts.p })] : [];
  },
};

function decoyOf({ n, r, p }: Omit<Parts, 'salt'>): string {
  return `scrypt$${n}$${randomBytes(11).toString('hex')}$${r}$${p}$${randomBytes(OCTETS).toString('base64')}`;
}
