import { pbkdf2Sync } from 'node:crypto';
import { messageOf } from '../fault.ts';
import { loadAddon } from './addon.ts';

export type Digest = 'sha256' | 'sha1';

/** What computes PBKDF2: the addon if it could be built and loaded, otherwise node:crypto, with the reason. */
export type Implementation = { readonly name: 'addon' } | { readonly name: 'node:crypto'; readonly because: string };

interface Addon {
  pbkdf2(digest: number, password: Uint8Array, salt: Uint8Array, iterations: number, result: Uint8Array): void;
}

/** In the order of their numbers in the addon. */
const DIGESTS: readonly Digest[] = ['sha256', 'sha1'];

/** The largest number that the addon accepts. */
const ITERATIONS_MAX = 2 ** 32 - 1;

let addon: Addon | undefined;
let chosen: Implementation | undefined;

/**
 * Chooses for this thread. Without a call, the choice is made at the first password.
 *
 * @param wanted whether the addon may be used
 */
export function choosePbkdf2(wanted: boolean): Implementation {
  addon = undefined;
  if (!wanted) {
    chosen = { name: 'node:crypto', because: 'hash.native is false' };
    return chosen;
  }
  try {
    addon = load();
    chosen = { name: 'addon' };
  } catch (error) {
    chosen = { name: 'node:crypto', because: messageOf(error) };
  }
  return chosen;
}

/** For the log and the doctor. */
export function describePbkdf2(implementation: Implementation): string {
  return implementation.name === 'addon' ? 'the addon' : `node:crypto (${implementation.because})`;
}

/** The first `octets` of PBKDF2 with HMAC. Blocks this thread. */
export function pbkdf2(digest: Digest, password: Uint8Array, salt: string, iterations: number, octets: number): Buffer {
  if (!chosen) choosePbkdf2(true);
  if (!addon || iterations > ITERATIONS_MAX) return pbkdf2Sync(password, salt, iterations, octets, digest);
  return compute(addon, digest, password, salt, iterations, octets);
}

function compute(addon: Addon, digest: Digest, password: Uint8Array, salt: string, iterations: number, octets: number) {
  const result = Buffer.alloc(octets);
  addon.pbkdf2(DIGESTS.indexOf(digest), password, Buffer.from(salt), iterations, result);
  return result;
}

function load(): Addon {
  const loaded = loadAddon<Addon>('pbkdf2');
  // An addon that computes anything else would deny every user.
  for (const digest of DIGESTS) {
    for (const [password, iterations, octets] of [
      ['', 1, 16],
      ['password', 2, 32],
      ['p'.repeat(65), 3, 50],
    ] as const) {
      const expected = pbkdf2Sync(password, 'salt', iterations, octets, digest);
      if (!compute(loaded, digest, Buffer.from(password), 'salt', iterations, octets).equals(expected)) {
        throw new Error(`the addon computes PBKDF2 with ${digest} incorrectly`);
      }
    }
  }
  return loaded;
}
