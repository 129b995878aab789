import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock.ts';
import { AWAY, Fault, isAway } from '../fault.ts';
import type { Account } from './account.ts';
import { Aging, type Freshness } from './freshness.ts';
import { Roster } from './roster.ts';
import { Watch, type WatchOptions } from './watch.ts';

/** What the store answered, and when it was asked. null: there is no such account. */
interface Snapshot {
  readonly account: Account | null;
  readonly askedAt: number;
  /** What was forgotten before its query began. */
  readonly era: number;
  /** Whether its renewal has begun. It is renewed once: a database that is down would be asked all the time. */
  renewed: boolean;
}

/** A query under way. */
interface Read {
  readonly askedAt: number;
  /** How many changes had been told when it began. */
  readonly told: number;
  readonly answer: Promise<Account | null>;
}

export interface AccountsOptions {
  /** Reads the account of that username from the database. */
  readonly read: (username: string) => Promise<Account | null>;
  /** How old a snapshot may be when it decides, in ms. 0: every question reads the database. */
  readonly ttlMs: number;
  /** How many snapshots are kept. */
  readonly max: number;
  readonly clock: Clock;
  /**
   * How much older than `ttlMs` a snapshot may be, in ms, when it decides because the database is away; 0 by default:
   * then none does.
   */
  readonly staleMs?: number | undefined;
  /** As `Store.changed`; a database that has changed empties the snapshots. */
  readonly changed?: (() => boolean | undefined) | undefined;
  /** Called after that. */
  readonly onForgotten?: (() => void) | undefined;
  /** As in `WatchOptions`. */
  readonly startTimer?: WatchOptions['startTimer'] | undefined;
  /** Until when a snapshot may decide, where changes are told; by default, until it is `ttlMs` old. */
  readonly freshness?: Freshness | undefined;
}

/** The share of its time to live after which a snapshot that is asked for is renewed, before a question must wait. */
const RENEW_FROM = 0.5;

/** How many renewals run at once: few, because questions that wait need the same connections. */
const RENEWALS_MAX = 2;

/** How often a question reads an account whose answers arrive too late to decide, or while something is forgotten. */
const READS_MAX = 2;

/**
 * With a time to live of 0 each question reads for itself, and no answer is younger than that. It may be as old as this
 * when it arrives, in ms: 0 must not accept later answers than the default does.
 */
const LATE_MS = 1_000;

/**
 * How long a database counts as away after it was asked in vain, in ms, and how often it is asked meanwhile: a question that
 * what was known can decide does not wait for it.
 */
const AWAY_MS = 1_000;
const PROBE_MS = 250;

/** Until when a database counts as away that has answered. */
const PRESENT = Number.NEGATIVE_INFINITY;
/** Memory of what was forgotten is freed no more often than this, in ms: it takes a time that grows with the bound. */
const CLEARED_MS = 1_000;

/** How many expired snapshots are evicted at each read. */
const EVICTED_PER_READ = 4;

/**
 * The accounts of one site, by the username that was typed.
 *
 * The age of a snapshot counts from the moment at which the database was *asked*, not from its answer: the answer may
 * miss what changed while it was under way. No account decides that is older than the time to live, even if the database
 * answers that late. A snapshot that is asked for when part of that time is over is renewed in the background: the users
 * whom many questions are about wait for the database once, and not each time that a snapshot expires. Accounts that are
 * not asked for are not read.
 */
export class Accounts {
  readonly #options: AccountsOptions;
  readonly #snapshots: LRUCache<string, Snapshot>;
  readonly #reading = new Map<string, Read>();
  readonly #watch: Watch | undefined;
  #renewals = 0;
  /** Until when the database counts as away. */
  #awayUntil = PRESENT;
  #probing = false;
  #nextProbeAt = Number.NEGATIVE_INFINITY;
  readonly #freshness: Freshness;
  /** Where single accounts are told of. */
  readonly #roster: Roster | undefined;
  /** Counts how often everything was forgotten: snapshots of a former era are not there any more. */
  #era = 0;
  #clearedAt = Number.NEGATIVE_INFINITY;
  #told = 0;

  constructor(options: AccountsOptions) {
    const { changed, onForgotten, clock, max, ttlMs, freshness, startTimer } = options;
    this.#options = options;
    this.#freshness = freshness ?? new Aging(ttlMs);
    const roster = freshness && new Roster();
    this.#roster = roster;
    const dispose = ({ account }: Snapshot, username: string) => account && roster?.remove(account.id, username);
    this.#snapshots = new LRUCache(roster === undefined ? { max } : { max, dispose });
    if (changed === undefined || ttlMs === 0) return;
    const onChange = () => {
      this.flush();
      onForgotten?.();
    };
    this.#watch = new Watch({ changed, onChange, clock, startTimer });
  }

  get #staleMs(): number {
    return this.#options.staleMs ?? 0;
  }

  /** How many snapshots are kept now. */
  get size(): number {
    return this.#snapshots.size;
  }

  /** How old a snapshot may be at present when it decides, in ms. */
  get ttlMs(): number {
    return this.#freshness.ttlMs;
  }

  /** The account from a snapshot that is young enough, undefined if the database must be read. */
  recall(username: string): Account | null | undefined {
    // No account has a NUL in its name, and PostgreSQL accepts none in a text.
    if (username.includes('\0')) return null;
    const now = this.#options.clock.now();
    this.#watch?.look(now);
    const snapshot = this.#snapshots.get(username);
    if (snapshot === undefined) return undefined;
    const { askedAt, era } = snapshot;
    if (era !== this.#era || now >= this.#freshness.until(askedAt)) return undefined;
    if (now - askedAt >= RENEW_FROM * this.#freshness.ttlMs) this.#renew(username, snapshot);
    return snapshot.account;
  }

  /**
   * The account, from a snapshot or from the database. Rejects with the store's fault, or if its answers arrive later
   * than an account may be old.
   */
  async get(username: string): Promise<Account | null> {
    const ageMax = this.#options.ttlMs || LATE_MS;
    let age = 0;
    for (let reads = 0; reads < READS_MAX; reads++) {
      const known = this.recall(username);
      if (known !== undefined) return known;
      const { askedAt, told, answer } = this.#joinable(username) ?? this.#read(username);
      const account = await answer;
      age = this.#age(askedAt);
      // What was told meanwhile may be missing in it. While changes are told all the time, its age decides.
      const missed = told !== this.#told;
      if (!missed && this.#options.clock.now() < this.#freshness.until(askedAt)) return account;
      if (age < ageMax && (!missed || reads === READS_MAX - 1)) return account;
    }
    throw new Fault(
      `the database answers too late: an account may be ${ageMax} ms old, and the last answer was ${Math.round(age)} ms old`,
      AWAY,
    );
  }

  /**
   * For how many ms `account` may still decide: 0 or less if it is too old, or not the one that is kept, because it was
   * forgotten while a question had it.
   */
  left(username: string, account: Account): number {
    const snapshot = this.#snapshots.peek(username);
    if (snapshot?.account !== account || snapshot.era !== this.#era) return 0;
    return this.#freshness.until(snapshot.askedAt) - this.#options.clock.now();
  }

  /** Whether the database was asked in vain a moment ago, or still is: `recallStale` need not wait for it. */
  get away(): boolean {
    if (this.#awayUntil === PRESENT) return false;
    return this.#probing || this.#options.clock.now() < this.#awayUntil;
  }

  /**
   * The account as it was last known, for a question that the database is not there to answer; undefined if it is not
   * known, or was read too long ago. Asks the database in the background whether it is back.
   */
  recallStale(username: string): Account | null | undefined {
    if (this.#staleMs === 0) return undefined;
    this.#probe(username);
    const snapshot = this.#snapshots.get(username);
    if (snapshot === undefined || snapshot.era !== this.#era) return undefined;
    const until = this.#freshness.until(snapshot.askedAt) + this.#staleMs;
    return this.#options.clock.now() < until ? snapshot.account : undefined;
  }

  /** Called when a lease is given for so many ms: the database is watched until nobody can use it. */
  leased(ms: number): void {
    this.#watch?.leased(this.#options.clock.now() + ms);
  }

  /** The age of the snapshot that would decide now, in ms; undefined if there is none. Looks only. */
  ageOf(username: string): number | undefined {
    const snapshot = this.#snapshots.peek(username);
    if (snapshot === undefined || snapshot.era !== this.#era) return undefined;
    const now = this.#options.clock.now();
    return now < this.#freshness.until(snapshot.askedAt) ? now - snapshot.askedAt : undefined;
  }

  /** Forgets one username, or all. Returns how many snapshots were removed. */
  flush(username?: string): number {
    // A read that is under way may carry what is to be forgotten.
    if (username === undefined) this.#reading.clear();
    else this.#reading.delete(username);
    if (username !== undefined) return this.#snapshots.delete(username) ? 1 : 0;
    const size = this.#snapshots.size;
    this.#snapshots.clear();
    return size;
  }

  /**
   * Forgets the accounts with these primary keys, or all: at once, however many there are, and however often it is
   * called. A read that is under way serves nobody who asks from now on.
   */
  forget(ids?: ReadonlySet<string>): void {
    this.#told++;
    this.#reading.clear();
    if (ids !== undefined && this.#roster !== undefined) {
      for (const id of ids) for (const username of this.#roster.of(id)) this.#snapshots.delete(username);
      return;
    }
    this.#era++;
    const now = this.#options.clock.now();
    if (this.#snapshots.size === 0 || now - this.#clearedAt < CLEARED_MS) return;
    this.#clearedAt = now;
    this.#snapshots.clear();
  }

  /**
   * Evicts expired snapshots that were not asked for the longest, more at each read than a read adds: whatever the
   * bound, only snapshots that can still decide are kept in the long run.
   */
  #evictExpired(): void {
    for (let count = 0; count < EVICTED_PER_READ; count++) {
      const { value: username } = this.#snapshots.rkeys().next();
      if (username === undefined) return;
      const snapshot = this.#snapshots.peek(username);
      if (snapshot === undefined || this.#isKept(snapshot)) return;
      this.#snapshots.delete(username);
    }
  }

  /** A query under way that began recently enough. */
  #joinable(username: string): Read | undefined {
    const read = this.#reading.get(username);
    return read !== undefined && this.#options.clock.now() < this.#freshness.until(read.askedAt) ? read : undefined;
  }

  /** Whether it may still come to decide. */
  #isKept({ askedAt, era }: Snapshot): boolean {
    return era === this.#era && this.#age(askedAt) < this.#freshness.ttlMaxMs + this.#staleMs;
  }

  #age(askedAt: number): number {
    return this.#options.clock.now() - askedAt;
  }

  /** Reads an account that no question waits for, after the present turn: SQLite answers within the call. */
  #renew(username: string, snapshot: Snapshot): void {
    if (snapshot.renewed || this.#renewals >= RENEWALS_MAX) return;
    snapshot.renewed = true;
    this.#renewals++;
    const over = () => {
      this.#renewals--;
    };
    // No question waits for a fault of this read: one that comes when the snapshot has expired reads again.
    Promise.resolve()
      .then(() => (this.#reading.has(username) ? undefined : this.#read(username).answer))
      .then(over, over);
  }

  #noteAway(away: boolean): void {
    const now = this.#options.clock.now();
    this.#awayUntil = away ? now + AWAY_MS : PRESENT;
    if (away) this.#nextProbeAt = now + PROBE_MS;
  }

  #probe(username: string): void {
    const now = this.#options.clock.now();
    if (this.#probing || now < this.#nextProbeAt) return;
    this.#probing = true;
    this.#nextProbeAt = now + PROBE_MS;
    const over = () => {
      this.#probing = false;
    };
    Promise.resolve()
      .then(() => (this.#joinable(username) ?? this.#read(username)).answer)
      .then(over, over);
  }

  #read(username: string): Read {
    const askedAt = this.#options.clock.now();
    const entry: Read = { askedAt, told: this.#told, answer: this.#options.read(username) };
    if (this.#freshness.ttlMaxMs + this.#staleMs === 0) return entry;
    this.#reading.set(username, entry);
    const settle = (account?: Account | null, error?: unknown): void => {
      this.#noteAway(isAway(error));
      // A flush or a later read may have taken its place.
      if (this.#reading.get(username) !== entry) return;
      this.#reading.delete(username);
      const snapshot = { account: account ?? null, askedAt, era: this.#era, renewed: false };
      if (account === undefined || !this.#isKept(snapshot)) return;
      this.#snapshots.set(username, snapshot);
      if (account !== null) this.#roster?.add(account.id, username);
      this.#evictExpired();
    };
    entry.answer.then(settle, (error) => settle(undefined, error)); // the questions that wait for the answer get its fault
    return entry;
  }
}
