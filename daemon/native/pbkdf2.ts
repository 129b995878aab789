import { pbkdf2Sync, randomBytes } from 'node:crypto';
import { messageOf } from '../fault.ts';
import { loadAddon } from './addon.ts';

export type Digest = 'sha256' | 'sha1';

/** What computes PBKDF2: the addon if it could be built and loaded, otherwise node:crypto, with the reason. */
export type Implementation =
  /** `pairs`: whether two passwords at once take less time than one after the other. */
  { readonly name: 'addon'; readonly pairs: boolean } | { readonly name: 'node:crypto'; readonly because: string };

interface Addon {
  pbkdf2(digest: number, password: Uint8Array, salt: Uint8Array, iterations: number, result: Uint8Array): void;
  pair(...arguments_: [...PairArguments, ...PairArguments]): void;
  /** Returns whether the processor's SHA extensions are used from now on. */
  accelerate(wanted: boolean): boolean;
  /** They compute something wrong on this machine: from now on no thread uses them. */
  condemn(): void;
}

type PairArguments = [password: Uint8Array, salt: Uint8Array, iterations: number, result: Uint8Array];

/** One of two passwords that are hashed at the same time. */
export interface Derivation {
  readonly password: Uint8Array;
  readonly salt: string;
  readonly iterations: number;
}

/** The octets of a digest of SHA-256. */
const PAIR_OCTETS = 32;

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
    const loaded = load();
    addon = loaded.addon;
    chosen = { name: 'addon', pairs: loaded.pairs };
  } catch (error) {
    chosen = { name: 'node:crypto', because: messageOf(error) };
  }
  return chosen;
}

/** Whether two passwords at once take less time than one after the other, by what was chosen last in this thread. */
export function pbkdf2Pairs(): boolean {
  return chosen?.name === 'addon' && chosen.pairs;
}

/** For the log and the doctor. */
export function describePbkdf2(implementation: Implementation): string {
  if (implementation.name === 'addon') return `the addon${implementation.pairs ? ', two hashes at once' : ''}`;
  return `node:crypto (${implementation.because})`;
}

/** The first `octets` of PBKDF2 with HMAC. Blocks this thread. */
export function pbkdf2(digest: Digest, password: Uint8Array, salt: string, iterations: number, octets: number): Buffer {
  if (!chosen) choosePbkdf2(true);
  if (!addon || iterations > ITERATIONS_MAX) return pbkdf2Sync(password, salt, iterations, octets, digest);
  return compute(addon, digest, password, salt, iterations, octets);
}

/**
 * PBKDF2 with HMAC-SHA-256 of two passwords, 32 octets each, in hardly more time than the longer one takes where the
 * processor has SHA extensions. Blocks this thread.
 */
export function pbkdf2Pair(first: Derivation, second: Derivation): [Buffer, Buffer] {
  if (!chosen) choosePbkdf2(true);
  if (addon && Math.max(first.iterations, second.iterations) <= ITERATIONS_MAX)
    return computePair(addon, first, second);
  const derive = ({ password, salt, iterations }: Derivation) =>
    pbkdf2('sha256', password, salt, iterations, PAIR_OCTETS);
  return [derive(first), derive(second)];
}

function computePair(addon: Addon, first: Derivation, second: Derivation): [Buffer, Buffer] {
  const results: [Buffer, Buffer] = [Buffer.alloc(PAIR_OCTETS), Buffer.alloc(PAIR_OCTETS)];
  const given = ({ password, salt, iterations }: Derivation, result: Buffer): PairArguments => [
    password,
    Buffer.from(salt),
    iterations,
    result,
  ];
  addon.pair(...given(first, results[0]), ...given(second, results[1]));
  return results;
}

function compute(addon: Addon, digest: Digest, password: Uint8Array, salt: string, iterations: number, octets: number) {
  const result = Buffer.alloc(octets);
  addon.pbkdf2(DIGESTS.indexOf(digest), password, Buffer.from(salt), iterations, result);
  return result;
}

function load(): { addon: Addon; pairs: boolean } {
  const loaded = loadAddon<Addon>('pbkdf2');
  // An addon that computes anything else would deny every user.
  const accelerated = loaded.accelerate(true);
  const pairs = accelerated && disagreement(loaded) === undefined;
  if (accelerated && !pairs) loaded.condemn();
  const digest = disagreement(loaded);
  if (digest !== undefined) throw new Error(`the addon computes PBKDF2 with ${digest} incorrectly`);
  return { addon: loaded, pairs };
}

/** A digest with which the addon and OpenSSL differ, on fixed and on random passwords; undefined if there is none. */
function disagreement(loaded: Addon): Digest | undefined {
  const agrees = (digest: Digest, password: Uint8Array, iterations: number, octets: number) =>
    compute(loaded, digest, password, 'salt', iterations, octets).equals(
      pbkdf2Sync(password, 'salt', iterations, octets, digest),
    );
  const passwords = ['', 'password', 'p'.repeat(65)].map((text) => Buffer.from(text)).concat(randomBytes(20));
  for (const digest of DIGESTS) {
    for (const [at, password] of passwords.entries()) {
      if (!agrees(digest, password, at + 1, 16) || !agrees(digest, password, 9 - at, 50)) return digest;
    }
  }
  for (const [at, password] of passwords.entries()) {
    const derivations = [
      { password, salt: 'salt', iterations: 1 + at },
      { password: passwords.at(-1 - at) as Buffer, salt: 'pepper', iterations: 7 - at },
    ] as const;
    const expected = derivations.map((each) =>
      pbkdf2Sync(each.password, each.salt, each.iterations, PAIR_OCTETS, 'sha256'),
    );
    if (!computePair(loaded, ...derivations).every((result, which) => result.equals(expected[which] as Buffer))) {
      return 'sha256';
    }
  }
  return undefined;
}
