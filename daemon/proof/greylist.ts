import type { Clock } from '../clock.ts';
import type { Password } from '../password.ts';
import { DigestSet } from './digest-set.ts';
import { KeyedDigest } from './keyed-digest.ts';

/** How long a question that was turned away is remembered, in ms: until a user has tried again. */
const LIFE_MS = 120_000;

/**
 * How many are remembered. An attacker who is turned away 10,000 times a second needs 26 s to evict the question of a
 * user. The table then takes 16 MB; while nobody is turned away it takes none.
 */
const MAX = 262_144;

/**
 * Questions that were turned away as busy, each as an HMAC of site, username and password. Whoever returns with the
 * *same* password goes first among strangers: a user tries again, a client that guesses tries something else.
 *
 * It says who goes first, never whether a password is right, and the same of names that exist and names that do not. A
 * client that repeats each of its guesses is on it as well, and then shares with the others on it by source.
 */
export class Greylist {
  readonly #keyed = new KeyedDigest();
  readonly #digests: DigestSet;

  constructor({ clock, max = MAX }: { readonly clock: Clock; readonly max?: number }) {
    this.#digests = new DigestSet({ max, ttlMs: LIFE_MS, clock });
  }

  get size(): number {
    return this.#digests.size;
  }

  /** @param username as the user typed it */
  digestOf(site: string, username: string, password: Password): string {
    return this.#keyed.of('greylist', site, username, password.octets);
  }

  has(digest: string): boolean {
    return this.#digests.has(digest);
  }

  /** Called when the question is turned away. */
  add(digest: string): void {
    this.#digests.add(digest);
  }

  /** Removes all, and returns how many. */
  flush(): number {
    return this.#digests.clear();
  }
}
