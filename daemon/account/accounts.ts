import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock.ts';
import type { Account } from './account.ts';

/** What the store said, and when it was asked. null: there is no such account. */
interface Snapshot {
  readonly account: Account | null;
  readonly askedAt: number;
  /** Whether it has been read anew ahead of time, or is being: once, or a database that is down would be asked all the time. */
  renewed: boolean;
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

/** From what share of its time on a snapshot that is asked for is read anew, before anybody has to wait for it. */
const RENEW_FROM = 0.5;

/** How many are read anew ahead of time at once: few, for others wait for the connections that they take. */
const RENEWALS_MAX = 2;

/** How many snapshots that are too old go at each read. */
const LET_GO = 4;

/**
 * The accounts of one site, by the name a person typed.
 *
 * The age of a snapshot counts from the moment the database was *asked*, not from its answer: what changed while the
 * answer was under way may be missing from it. None decides that is older than the time to live, but one that is asked
 * for when part of that time is over is read anew behind the answer. So whom many questions are about waits for the
 * database once, and not again every time that it is over. Whom nobody asks about is not read.
 */
export class Accounts {
  readonly #options: AccountsOptions;
  readonly #snapshots: LRUCache<string, Snapshot>;
  readonly #reading = new Map<string, { askedAt: number; answer: Promise<Account | null> }>();
  #renewals = 0;

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
    if (snapshot === undefined) return undefined;
    const age = this.#age(snapshot.askedAt);
    if (age >= this.#options.ttlMs) return undefined;
    if (age >= RENEW_FROM * this.#options.ttlMs) this.#renew(username, snapshot);
    return snapshot.account;
  }

  /** The account, from a snapshot or from the database. Rejects with the store's fault. */
  async get(username: string): Promise<Account | null> {
    const known = this.peek(username);
    if (known !== undefined) return known;
    const reading = this.#reading.get(username);
    if (reading !== undefined && this.#age(reading.askedAt) < this.#options.ttlMs) return reading.answer;
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

  /**
   * Lets go of what is too old, and has not been asked for the longest: more at each read than a read adds, so that no
   * more is kept than decides, whatever the bound.
   */
  #letGo(): void {
    for (let count = 0; count < LET_GO; count++) {
      const { value: username } = this.#snapshots.rkeys().next();
      if (username === undefined) return;
      const snapshot = this.#snapshots.peek(username);
      if (snapshot === undefined || this.#age(snapshot.askedAt) < this.#options.ttlMs) return;
      this.#snapshots.delete(username);
    }
  }

  #age(askedAt: number): number {
    return this.#options.clock.now() - askedAt;
  }

  /** Reads an account that nobody waits for, when what is under way now is over: SQLite answers within the call. */
  #renew(username: string, snapshot: Snapshot): void {
    if (snapshot.renewed || this.#renewals >= RENEWALS_MAX) return;
    snapshot.renewed = true;
    this.#renewals++;
    const over = () => {
      this.#renewals--;
    };
    // A fault is nobody's yet: who asks when the snapshot is too old reads again, and hears of it.
    Promise.resolve()
      .then(() => (this.#reading.has(username) ? undefined : this.#read(username)))
      .then(over, over);
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
      if (account === undefined) return;
      this.#snapshots.set(username, { account, askedAt, renewed: false });
      this.#letGo();
    };
    entry.answer.then(settle, () => settle()); // whoever waits for the answer hears of a fault
    return entry.answer;
  }
}
