import { LRUCache } from 'lru-cache';
import type { Account } from '../account/account.ts';
import { Accounts } from '../account/accounts.ts';
import { Hearing } from '../account/hearing.ts';
import type { WatchOptions } from '../account/watch.ts';
import type { Clock } from '../clock.ts';
import { Fault } from '../fault.ts';
import type { HashWork } from '../hasher/hasher.ts';
import type { Password } from '../password.ts';
import { InstrumentedStore } from '../store/instrumented-store.ts';
import type { Schema } from '../store/schema.ts';
import type { Listening, Store } from '../store/store.ts';
import type { DenyReason } from '../verdict.ts';
import { paddingOf } from './decoys.ts';
import { HashCosts } from './hash-costs.ts';
import type { Examined, HashPolicy } from './hash-policy.ts';

/**
 * How many of a site's encoded hashes are read at once to find out what they cost, and how often at the most, in ms: the
 * first samples follow each other quickly, so that all accounts of a site of ten thousand are known within a minute.
 */
const SAMPLE = 512;
const SAMPLE_AGE_MS = 60_000;
const FIRST_SAMPLES = 40;
const FIRST_SAMPLES_AGE_MS = 1_000;

/** How many accounts with a hash that can grant nobody are remembered as reported. */
const REPORTED_MAX = 10_000;

export interface SiteOptions {
  readonly name: string;
  readonly store: Store;
  readonly schema: Schema;
  readonly policy: HashPolicy;
  readonly accountTtlMs: number;
  /** As in `AccountsOptions`. */
  readonly staleMs?: number;
  /** Whether what was known may also decide on a user whom the client vouches for. */
  readonly staleAuthorize?: boolean;
  readonly accountsMax: number;
  readonly clock: Clock;
  /** By which the age of an account counts; `clock` by default. */
  readonly accountClock?: Clock;
  /** If the site is to hear of changes; the store can `listen`. */
  readonly listen?: ListenOptions | undefined;
  /** Called after accounts were forgotten because they may have changed. */
  readonly onForgotten?: () => void;
  /** For tests: what calls back while leases may be out. */
  readonly startTimer?: WatchOptions['startTimer'];
  /** Called once per account with a stored hash that can grant nobody. */
  readonly onUnverifiable?: (flaw: UnverifiableHash) => void;
}

export interface ListenOptions {
  /** How old an account may be while changes are heard, and while they are not, in ms. */
  readonly ttlMs: number;
  readonly fallbackMs: number;
  /** Called when it begins or ends to hear. */
  readonly onChange: (hears: boolean, reason: string | undefined) => void;
}

/** The longest time from one canary to the next, in ms, and the shortest: each takes a transaction ID of the server. */
const CANARY_MAX_MS = 5_000;
const CANARY_MIN_MS = 50;

/** A stored hash that can grant nobody. */
export interface UnverifiableHash {
  /** The account's username, as the database spells it. */
  readonly user: string;
  /** undefined if the column does not look like an encoded hash: it may contain anything, a password too. */
  readonly algorithm: string | undefined;
  /** A sentence. */
  readonly message: string;
}

/** One Django site: its accounts, what it accepts as a hash, and what a hash of its own costs. */
export class Site {
  readonly name: string;
  readonly store: InstrumentedStore;
  readonly schema: Schema;
  readonly accounts: Accounts;
  readonly policy: HashPolicy;
  /** What is heard of changes, if anything is. */
  readonly hearing: Hearing | undefined;
  #listening: Listening | undefined;
  readonly #options: SiteOptions;
  readonly #reported = new LRUCache<string, true>({ max: REPORTED_MAX });
  readonly #costs: HashCosts;
  #samples = 0;
  #sampledAt = 0;
  /** After which primary key the next sample goes on. */
  #after: string | undefined;
  #sampling: Promise<void> | undefined;

  /** @param former a site whose connections and snapshots are used on */
  constructor(options: SiteOptions, former?: Site) {
    this.name = options.name;
    this.schema = options.schema;
    this.policy = options.policy;
    this.#options = options;
    this.#costs = new HashCosts(options.policy);
    const store = former?.store ?? new InstrumentedStore(options.store, options.clock);
    this.store = store;
    const { listen, onForgotten, accountClock: clock = options.clock } = options;
    const forget = (ids?: ReadonlySet<string>) => {
      this.accounts.forget(ids);
      onForgotten?.();
    };
    this.hearing = former ? former.hearing : listen && new Hearing({ ...listen, clock, forget });
    this.accounts =
      former?.accounts ??
      new Accounts({
        read: (username) => store.accountByName(username),
        ttlMs: listen?.fallbackMs ?? options.accountTtlMs,
        staleMs: options.staleMs,
        max: options.accountsMax,
        clock,
        changed: store.changed,
        onForgotten,
        startTimer: options.startTimer,
        freshness: this.hearing,
      });
  }

  /** Whether what was known may decide on a user whom the client vouches for, while the database is away. */
  get staleAuthorize(): boolean {
    return this.#options.staleAuthorize ?? false;
  }

  /** Begins to hear of changes, if the site is to. */
  listen(): void {
    const { listen } = this.#options;
    if (this.hearing === undefined || listen === undefined || this.#listening !== undefined) return;
    const periodMs = Math.min(CANARY_MAX_MS, Math.max(CANARY_MIN_MS, listen.fallbackMs / 2));
    this.#listening = this.store.listen?.(this.hearing, periodMs);
  }

  close(): Promise<void> {
    this.#listening?.close();
    return this.store.close();
  }

  /** The same site under another policy, with the same connections and snapshots. */
  withPolicy(policy: HashPolicy): Site {
    return new Site({ ...this.#options, policy }, this);
  }

  /**
   * Why no password can be verified against the account; undefined if one can.
   *
   * Each call also keeps what is known of the costs up to date: the first password that is hashed after hours of cached
   * checks costs what the site's hashes cost by then.
   *
   * @throws Fault if only the site itself could tell, or if verifying costs more than the policy allows
   */
  flawOf(account: Account | null, password: Password): DenyReason | undefined {
    this.#refreshCosts();
    if (account === null) return 'unknown-user';
    const { encoded } = account;
    const examined = this.policy.examine(encoded);
    if (examined.kind === 'verifiable') {
      return this.policy.refuses(encoded as string, password.octets.length) ? 'wrong-password' : undefined;
    }
    switch (examined.kind) {
      case 'unusable':
        return 'unusable-password';
      case 'foreign':
        throw new Fault(`the password is hashed with "${examined.algorithm}", a custom algorithm of the site`);
      case 'unavailable':
        throw new Fault(`the password is hashed with "${examined.algorithm}": ${examined.because}`);
      case 'excessive':
        throw new Fault(examined.excess);
      default:
        this.#reportUnverifiable(account, examined);
        return 'unverifiable-password';
    }
  }

  /**
   * What is computed for a question without a proof: the work of any question of this site, with the account's encoded
   * hash in it if one can be verified. Waits for the database only the first time, and rejects with its fault.
   */
  async workFor(encoded: string | undefined): Promise<HashWork> {
    if (this.#samples === 0) await this.sample();
    const { decoys } = this.#costs;
    if (encoded !== undefined) {
      this.#costs.met(encoded);
      return { encoded, padding: paddingOf(encoded, decoys), decoys };
    }
    const [first, ...others] = decoys;
    return { encoded: first as string, padding: others, decoys };
  }

  /**
   * How long a question that was hashed takes at most, whatever its account, in ms.
   *
   * @param encoded what `workFor` was asked for
   * @param ms how long that work took
   */
  upperTime(encoded: string | undefined, ms: number): number {
    this.#costs.timed(encoded, ms);
    return this.#costs.upperMs();
  }

  /** Finds out what the site's hashes cost. Rejects with the store's Fault. */
  sample(): Promise<void> {
    this.#sampling ??= this.store
      .sample(SAMPLE, this.#after)
      .then(({ encoded, last }) => {
        this.#after = last;
        this.#samples++;
        this.#costs.sampled(encoded, this.#options.clock.now());
      })
      .finally(() => {
        this.#sampledAt = this.#options.clock.now();
        this.#sampling = undefined;
      });
    return this.#sampling;
  }

  #refreshCosts(): void {
    if (this.#samples === 0) return;
    const age = this.#options.clock.now() - this.#sampledAt;
    if (age <= (this.#samples < FIRST_SAMPLES ? FIRST_SAMPLES_AGE_MS : SAMPLE_AGE_MS)) return;
    this.sample().catch(() => {}); // what is known stays until the database answers
  }

  #reportUnverifiable({ id, username }: Account, examined: Examined): void {
    if (this.#reported.has(id)) return;
    this.#reported.set(id, true);
    this.#options.onUnverifiable?.({
      user: username,
      algorithm: 'algorithm' in examined ? examined.algorithm : undefined,
      message:
        examined.kind === 'malformed'
          ? 'malformed password hash: the account cannot log in'
          : 'the password hash is of no accepted algorithm: the account cannot log in',
    });
  }
}
