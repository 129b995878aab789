import { Accounts } from './account/accounts.ts';
import type { Clock } from './clock.ts';
import { decoyLike } from './hasher/decoy.ts';
import { hasherOf } from './hasher/hashers.ts';
import type { Schema } from './store/schema.ts';
import type { Store } from './store/store.ts';

/** How many of a site's hashes are looked at to find out what most of them cost, and how often, in ms. */
const SAMPLE = 500;
const SAMPLE_AGE_MS = 600_000;

export interface SiteOptions {
  readonly name: string;
  readonly store: Store;
  readonly schema: Schema;
  /** The algorithms that the site accepts; undefined: every known one. */
  readonly hashers: readonly string[] | undefined;
  readonly accountTtlMs: number;
  readonly accountsMax: number;
  readonly clock: Clock;
}

/** One Django site: its accounts, and what a hash of its own costs. */
export class Site {
  readonly name: string;
  readonly store: Store;
  readonly schema: Schema;
  readonly accounts: Accounts;
  readonly #hashers: ReadonlySet<string> | undefined;
  readonly #clock: Clock;
  #decoy: { readonly encoded: string; readonly sampledAt: number } | undefined;
  #sampling: Promise<void> | undefined;

  constructor(options: SiteOptions) {
    this.name = options.name;
    this.store = options.store;
    this.schema = options.schema;
    this.#hashers = options.hashers && new Set(options.hashers);
    this.#clock = options.clock;
    this.accounts = new Accounts({
      read: (username) => options.store.account(username),
      ttlMs: options.accountTtlMs,
      max: options.accountsMax,
      clock: options.clock,
    });
  }

  /** Whether somebody can be let in by this encoding: well-formed, and of an algorithm that the site accepts. */
  verifiable(encoded: string): boolean {
    const hasher = hasherOf(encoded);
    if (!hasher || (this.#hashers && !this.#hashers.has(hasher.algorithm))) return false;
    return hasher.work(encoded) !== undefined;
  }

  /**
   * An encoded hash that costs what most of this site's cost and that nobody has the password of. Waits for the
   * database only the first time. Rejects with its fault.
   */
  async decoy(): Promise<string> {
    if (this.#decoy === undefined) await this.#sample();
    else if (this.#clock.now() - this.#decoy.sampledAt > SAMPLE_AGE_MS) this.#sample().catch(() => {}); // next time
    return (this.#decoy as { encoded: string }).encoded;
  }

  #sample(): Promise<void> {
    this.#sampling ??= this.store
      .sample(SAMPLE)
      .then((sampled) => {
        this.#decoy = { encoded: decoyLike(sampled), sampledAt: this.#clock.now() };
      })
      .finally(() => {
        this.#sampling = undefined;
      });
    return this.#sampling;
  }
}
