import type { Clock } from '../clock.ts';
import { DIGEST_WORDS } from '../proof/digest-table.ts';
import { readDigest } from '../proof/keyed-digest.ts';
import { DebtTable, type Line, NONE } from './debt-table.ts';
import { ceilings, DEBTORS, type DebtorKind, type Limit, type Limits } from './limits.ts';

/** Somebody who may owe for guesses. */
export interface Debtor {
  readonly kind: DebtorKind;
  /** The site; "" for a source, which is one and the same for all sites. */
  readonly site: string;
  /** The username as it was typed or the source; "" for all strangers of a site. */
  readonly who: string;
  /** The same in one form for all spellings. */
  readonly folded: string;
  /** 32 octets, each as a character; keyed, so that it tells nothing about `who`. */
  readonly digest: string;
}

/** How many debtors of each kind are remembered: 2 MiB for each of the two large tables. */
const ENTRIES: Readonly<Record<DebtorKind, number>> = { name: 65_536, source: 65_536, site: 1_024 };

/** Less than this is rounding, in ms. */
const NOTHING = 1e-3;

/**
 * The debts of all debtors in this process. A guess is a debt of the time in which its debtor earns one more; what is
 * owed decays with time, and a guess that would make it more than the limit has to wait.
 */
export class Debts {
  readonly #clock: Clock;
  readonly #tables: Readonly<Record<DebtorKind, DebtTable>>;
  readonly #words = new Uint32Array(DIGEST_WORDS);
  #limits: Limits;

  constructor(clock: Clock, limits: Limits) {
    this.#clock = clock;
    this.#limits = limits;
    const table = (kind: DebtorKind) => new DebtTable(ENTRIES[kind]);
    this.#tables = { name: table('name'), source: table('source'), site: table('site') };
  }

  /** Changed limits apply at once to what is owed. */
  configure(limits: Limits): void {
    this.#limits = limits;
  }

  /** How long until this debtor may guess once more, in ms; 0: now. */
  wait(debtor: Debtor, line: Line): number {
    const limit = this.#limits[debtor.kind];
    const ms = this.owed(debtor, line) + limit.refillMs - ceilings(limit)[line];
    return ms <= NOTHING ? 0 : ms;
  }

  /** What a debtor owes, in ms. */
  owed({ kind, digest }: Debtor, line: Line): number {
    const table = this.#tables[kind];
    return Math.max(0, table.paidAt(table.find(this.#wordsOf(digest)), line) - this.#clock.now());
  }

  /** One more guess. */
  charge(debtor: Debtor, line: Line): void {
    this.#add(debtor, line, this.#limits[debtor.kind].refillMs, Number.POSITIVE_INFINITY);
  }

  /** A guess was none. What is owed does not become less than nothing. */
  giveBack({ kind, digest }: Debtor, line: Line): void {
    const table = this.#tables[kind];
    const entry = table.find(this.#wordsOf(digest));
    if (entry !== NONE) table.setPaidAt(entry, line, table.paidAt(entry, line) - this.#limits[kind].refillMs);
  }

  /** For going on while refused: as one more guess, but so that the penalty is never longer than configured. */
  penalize(debtor: Debtor): void {
    const limit = this.#limits[debtor.kind];
    this.#add(debtor, 0, limit.refillMs, ceilings(limit)[0] + this.#limits.penaltyMs - limit.refillMs);
  }

  /** How many debtors of each kind are refused now. */
  refused(): Record<DebtorKind, number> {
    const now = this.#clock.now();
    const count = (kind: DebtorKind): number => {
      const limit: Limit = this.#limits[kind];
      if (!this.#limits.enabled || limit.burst === 0) return 0;
      return this.#tables[kind].countAfter(now + ceilings(limit)[0] - limit.refillMs + NOTHING);
    };
    return { name: count('name'), source: count('source'), site: count('site') };
  }

  /** Returns whether the debtor was known. */
  forgive({ kind, digest }: Debtor): boolean {
    return this.#tables[kind].forget(this.#wordsOf(digest));
  }

  forgiveAll(): number {
    let count = 0;
    for (const kind of DEBTORS) {
      count += this.#tables[kind].countAfter(this.#clock.now());
      this.#tables[kind].clear();
    }
    return count;
  }

  #add({ kind, digest }: Debtor, line: Line, ms: number, most: number): void {
    const table = this.#tables[kind];
    const now = this.#clock.now();
    const entry = table.take(this.#wordsOf(digest));
    const owed = Math.max(0, table.paidAt(entry, line) - now);
    table.setPaidAt(entry, line, now + Math.max(owed, Math.min(owed + ms, most)));
  }

  #wordsOf(digest: string): Uint32Array {
    return readDigest(digest, this.#words);
  }
}
