import { LRUCache } from 'lru-cache';
import type { Account } from '../account/account.ts';
import { Accounts } from '../account/accounts.ts';
import type { Clock } from '../clock.ts';
import { Fault } from '../fault.ts';
import { BCRYPT_OCTETS, bcrypt } from '../hasher/bcrypt.ts';
import { algorithmOf, hasherOf } from '../hasher/hashers.ts';
import type { Password } from '../password.ts';
import { InstrumentedStore } from '../store/instrumented-store.ts';
import type { Schema } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import { decoysLike } from './decoys.ts';
import { exceeds, type HashBounds } from './hash-policy.ts';

/** How many of a site's hashes are looked at to find out what they cost, and how often, in ms. */
const SAMPLE = 500;
const SAMPLE_AGE_MS = 600_000;

/** How many encoded hashes are remembered as having been looked at. */
const EXAMINED_MAX = 4_096;

/** How many accounts with a hash that nobody can be let in by are remembered as having been reported. */
const REPORTED_MAX = 10_000;

export interface SiteOptions {
  readonly name: string;
  readonly store: Store;
  readonly schema: Schema;
  /** The algorithms that the site accepts; undefined: every known one. */
  readonly hashers: readonly string[] | undefined;
  /** Algorithms that the site accepts and nobody knows here. */
  readonly foreignHashers?: readonly string[];
  /** What becomes of a password with more octets than bcrypt takes; by default it is cut off. */
  readonly bcryptLong?: 'truncate' | 'refuse';
  readonly accountTtlMs: number;
  readonly accountsMax: number;
  readonly clock: Clock;
  /** Told, once for each account, of a stored hash that nobody can be let in by. */
  readonly onUnverifiable?: (flaw: UnverifiableHash) => void;
}

/** A stored hash that nobody can be let in by. */
export interface UnverifiableHash {
  /** The account's name, as the database spells it. */
  readonly user: string;
  /** undefined where the column does not look like an encoded hash: it may be anything, a password too. */
  readonly algorithm: string | undefined;
  /** A sentence. */
  readonly message: string;
}

/** What was found out about an encoding. */
interface Examined {
  readonly bounds: HashBounds;
  readonly verifiable: boolean;
  /** Why it cannot be told whether somebody can be let in by it. */
  readonly fault: string | undefined;
}

/** One Django site: its accounts, what it accepts as a hash, and what a hash of its own costs. */
export class Site {
  readonly name: string;
  readonly store: InstrumentedStore;
  readonly schema: Schema;
  readonly accounts: Accounts;
  readonly #options: SiteOptions;
  readonly #hashers: ReadonlySet<string> | undefined;
  readonly #foreign: ReadonlySet<string>;
  /** What each encoding would take, read once and not for each check. */
  readonly #examined = new LRUCache<string, Examined>({ max: EXAMINED_MAX });
  readonly #reported = new LRUCache<string, true>({ max: REPORTED_MAX });
  #decoys: { readonly encoded: readonly string[]; readonly bounds: HashBounds; readonly sampledAt: number } | undefined;
  #sampling: Promise<readonly string[]> | undefined;

  constructor(options: SiteOptions) {
    this.name = options.name;
    this.store = new InstrumentedStore(options.store, options.clock);
    this.schema = options.schema;
    this.#options = options;
    this.#hashers = options.hashers && new Set(options.hashers);
    this.#foreign = new Set(options.foreignHashers);
    this.accounts = new Accounts({
      read: (username) => this.store.accountByName(username),
      ttlMs: options.accountTtlMs,
      max: options.accountsMax,
      clock: options.clock,
    });
  }

  /**
   * Whether somebody can be let in by this encoding: well-formed, and of an algorithm that the site accepts.
   *
   * @throws Fault where the site has an algorithm of its own for it: then only the site itself can tell. And where
   * verifying it would take more than the bounds allow.
   */
  verifiable(encoded: string, bounds: HashBounds): boolean {
    let examined = this.#examined.get(encoded);
    if (examined?.bounds !== bounds) {
      examined = { bounds, ...this.#examine(encoded, bounds) };
      this.#examined.set(encoded, examined);
    }
    if (examined.fault !== undefined) throw new Fault(examined.fault);
    return examined.verifiable;
  }

  #examine(encoded: string, bounds: HashBounds): Omit<Examined, 'bounds'> {
    const algorithm = algorithmOf(encoded);
    if (this.#foreign.has(algorithm)) {
      const fault = `the password is hashed with "${algorithm}", an algorithm of the site's own`;
      return { verifiable: false, fault };
    }
    const verifiable = this.#accepts(algorithm) && hasherOf(encoded)?.work(encoded) !== undefined;
    return { verifiable, fault: verifiable ? exceeds(encoded, bounds) : undefined };
  }

  /** Whether the site, by the bcrypt library that it has, denies a password of that many octets. */
  refuses(encoded: string, password: Password): boolean {
    if (this.#options.bcryptLong !== 'refuse' || password.octets.length <= BCRYPT_OCTETS) return false;
    return hasherOf(encoded) === bcrypt;
  }

  /** Tells of an account with a hash that is not verifiable, once for each account. */
  reportUnverifiable({ id, username, encoded }: Account): void {
    if (encoded === null || this.#reported.has(id)) return;
    this.#reported.set(id, true);
    const shape = /^[a-z][a-z0-9_]{0,39}(?=\$.*\$)/s.exec(encoded)?.[0];
    const algorithm = hasherOf(encoded)?.algorithm ?? shape;
    this.#options.onUnverifiable?.({
      user: username,
      algorithm,
      message:
        algorithm !== undefined && this.#accepts(algorithm) && hasherOf(encoded)
          ? 'the stored hash is malformed: nobody can be let in by it'
          : 'the stored hash is of no algorithm that is accepted: nobody can be let in by it',
    });
  }

  /**
   * Encoded hashes that nobody has the password of and that, together, cost what a hash of this site costs. Waits for
   * the database only the first time. Rejects with its fault.
   */
  decoys(bounds: HashBounds): readonly string[] | Promise<readonly string[]> {
    const decoys = this.#decoys;
    if (decoys?.bounds !== bounds) return this.#sample(bounds);
    if (this.#options.clock.now() - decoys.sampledAt > SAMPLE_AGE_MS) this.#sample(bounds).catch(() => {}); // next time
    return decoys.encoded;
  }

  #accepts(algorithm: string): boolean {
    return this.#hashers === undefined || this.#hashers.has(algorithm);
  }

  #sample(bounds: HashBounds): Promise<readonly string[]> {
    this.#sampling ??= this.store
      .sample(SAMPLE)
      .then((sampled) => {
        const counted = sampled.filter(
          (encoded) => this.#accepts(algorithmOf(encoded)) && exceeds(encoded, bounds) === undefined,
        );
        this.#decoys = { encoded: decoysLike(counted), bounds, sampledAt: this.#options.clock.now() };
        return this.#decoys.encoded;
      })
      .finally(() => {
        this.#sampling = undefined;
      });
    return this.#sampling;
  }
}
