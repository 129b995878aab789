import { BUSY_REASONS, type BusyReason, DENY_REASONS, type DenyReason, type Verdict } from '../verdict.ts';
import { Histogram } from './histogram.ts';
import { RateWindow } from './rate-window.ts';

/**
 * How a decision was reached: from a proof, by hashing, or about a user whom the client had authenticated itself
 * (the operation `authorize`).
 */
export const SOURCES = ['cached', 'hashed', 'authorized'] as const;
export type Source = (typeof SOURCES)[number];

export type VerdictKind = Verdict['kind'];
export const KINDS = ['granted', 'denied', 'busy', 'error'] as const satisfies readonly VerdictKind[];
export type VerdictCounts = Record<VerdictKind, number>;

/** Why a question was denied or not answered. A fault's reason is a sentence, which is logged and not counted. */
export type Reason = DenyReason | BusyReason;
export const REASONS: readonly Reason[] = [...DENY_REASONS, ...BUSY_REASONS];
export type ReasonCounts = Partial<Record<Reason, number>>;

const INDEX: Readonly<Record<VerdictKind, number>> = { granted: 0, denied: 1, busy: 2, error: 3 };

/** Where a site's counts of each reason are, behind those of each kind of verdict. */
const REASON_INDEX = Object.fromEntries(REASONS.map((reason, index) => [reason, KINDS.length + index])) as Readonly<
  Record<Reason, number>
>;

/** Behind those: grants on lease, and of the grants those from what was known while the database was away. */
const LEASED = KINDS.length + REASONS.length;
const STALE = LEASED + 1;
const COUNTS = STALE + 1;

/**
 * Where the number of a site's grants on lease ends: clients say how many they were, and a lie must not make a sum of all
 * sites that is no whole number any more.
 */
const LEASED_MAX = 2 ** 48;

/**
 * What the daemon has counted since it started. Recording happens with each answer, so it is only a few additions to
 * preallocated arrays; everything else is computed when a report is requested.
 */
export class Counters {
  readonly durations: Readonly<Record<Source, Histogram>> = {
    cached: new Histogram(),
    hashed: new Histogram(),
    authorized: new Histogram(),
  };
  readonly rates = new RateWindow();
  badRequests = 0;
  /** Reloads that succeeded. */
  reloads = 0;
  reloadsFailed = 0;
  #sites = new Map<string, Float64Array>();
  /** For questions that name no configured site. One entry for all, so that clients cannot create entries. */
  readonly #unknownSite = new Float64Array(COUNTS);

  /** Sets the configured sites. Counts of a site that was configured before are kept. */
  configure(names: Iterable<string>): void {
    this.#sites = new Map([...names].map((name) => [name, this.#sites.get(name) ?? new Float64Array(COUNTS)] as const));
  }

  /** @param source undefined if no evidence was looked at, in which case the duration is meaningless */
  record(
    site: string | undefined,
    verdict: Verdict,
    source: Source | undefined,
    durationMs: number,
    nowMs: number,
  ): void {
    const counts = (site === undefined ? undefined : this.#sites.get(site)) ?? this.#unknownSite;
    const index = INDEX[verdict.kind];
    counts[index] = (counts[index] as number) + 1;
    if (verdict.kind === 'denied' || verdict.kind === 'busy') {
      const reason = REASON_INDEX[verdict.reason];
      counts[reason] = (counts[reason] as number) + 1;
    }
    // The duration of a busy or error verdict says nothing about how long an answer takes.
    if (source !== undefined && index <= INDEX.denied) this.durations[source].observe(durationMs / 1000);
    this.rates.add(nowMs, source === 'hashed', index > INDEX.denied);
  }

  /** A client says that it gave so many grants on lease. Those for a site that is not configured are not counted. */
  recordLeased(site: string | undefined, count: number, nowMs: number): void {
    const counts = site === undefined ? undefined : this.#sites.get(site);
    if (counts === undefined) return;
    counts[LEASED] = Math.min((counts[LEASED] as number) + count, LEASED_MAX);
    this.rates.add(nowMs, false, false, count);
  }

  /** Grants on lease of a site; they are in no verdict. */
  leased(site: string): number {
    return this.#sites.get(site)?.[LEASED] ?? 0;
  }

  /** Called, in addition, for a grant from what was known while the database was away. */
  recordStale(site: string | undefined): void {
    const counts = site === undefined ? undefined : this.#sites.get(site);
    if (counts !== undefined) counts[STALE] = (counts[STALE] as number) + 1;
  }

  /** How many of a site's grants were such. */
  stale(site: string): number {
    return this.#sites.get(site)?.[STALE] ?? 0;
  }

  /** The verdicts of a site; undefined stands for questions that name no configured site. */
  verdicts(site: string | undefined): VerdictCounts {
    const counts = site === undefined ? this.#unknownSite : this.#sites.get(site);
    const [granted = 0, denied = 0, busy = 0, error = 0] = counts ?? [];
    return { granted, denied, busy, error };
  }

  /** How often each reason was given for a site; only those that were. */
  reasons(site: string): ReasonCounts {
    const counts = this.#sites.get(site);
    const given: ReasonCounts = {};
    for (const reason of REASONS) {
      const number = counts?.[REASON_INDEX[reason]] ?? 0;
      if (number > 0) given[reason] = number;
    }
    return given;
  }
}
