import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock.ts';
import type { Account } from './account.ts';

/** What the store said, and when it was asked. null: there is no such account. */
interface Snapshot {
  readonly account: Account | null;
  readonly askedAt: number;
}

export interface AccountsOptions {
  /** Reads the account of that name from the database. */
  readonly read: (username: string) => Promise<Account | null>;
  /** How old a snapshot may be when it decides, in ms. 0: every question reads the database. */
  readonly ttlMs: number;
  /** How many snapshots are kept. */
  readonly max: number;
  readonly clock: Clock;
}

/**
 * The accounts of one site, by the name a person typed.
 *
 * The age of a snapshot counts from the moment the database was *asked*, not from its answer: what changed while the
 * answer was under way may be missing from it.
 */
export class Accounts {
  readonly #options: AccountsOptions;
  readonly #snapshots: LRUCache<string, Snapshot>;
  readonly #reading = new Map<string, { askedAt: number; answer: Promise<Account | null> }>();

  constructor(options: AccountsOptions) {
    this.#options = options;
    this.#snapshots = new LRUCache({ max: options.max });
  }

  /** How many snapshots are kept now. */
  get size(): number {
    return this.#snapshots.size;
  }

  /** The account where a snapshot is young enough, undefined where the database must be asked. */
  peek(username: string): Account | null | undefined {
    const snapshot = this.#snapshots.get(username);
    if (snapshot === undefined || !this.#young(snapshot.askedAt)) return undefined;
    return snapshot.account;
  }

  /** The account, from a snapshot or from the database. Rejects with the store's fault. */
  async get(username: string): Promise<Account | null> {
    const known = this.peek(username);
    if (known !== undefined) return known;
    const reading = this.#reading.get(username);
    if (reading !== undefined && this.#young(reading.askedAt)) return reading.answer;
    return this.#read(username);
  }

  /** Forgets one name, or all. Returns how many snapshots went. */
  flush(username?: string): number {
    // A read that is under way may carry what was to be forgotten.
    if (username === undefined) this.#reading.clear();
    else this.#reading.delete(username);
    if (username !== undefined) return this.#snapshots.delete(username) ? 1 : 0;
    const size = this.#snapshots.size;
    this.#snapshots.clear();
    return size;
  }

  #young(askedAt: number): boolean {
    return this.#options.clock.now() - askedAt < this.#options.ttlMs;
  }

  #read(username: string): Promise<Account | null> {
    const askedAt = this.#options.clock.now();
    if (this.#options.ttlMs === 0) return this.#options.read(username);
    const entry = { askedAt, answer: this.#options.read(username) };
    this.#reading.set(username, entry);
    const settle = (account?: Account | null): void => {
      // Not ours any more where a flush or a later read came in between.
      if (this.#reading.get(username) !== entry) return;
      this.#reading.delete(username);
      if (account !== undefined) this.#snapshots.set(username, { account, askedAt });
    };
    entry.answer.then(settle, () => settle()); // whoever waits for the answer hears of a fault
    return entry.answer;
  }
}
