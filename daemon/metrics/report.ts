import type { DatabaseReport } from '../store/database-report.ts';
import type { ByKind, Way } from './counters.ts';
import type { HistogramReport } from './histogram.ts';

export interface SiteReport {
  readonly name: string;
  readonly verdicts: ByKind;
  /** Kept now. */
  readonly accounts: number;
  readonly database: DatabaseReport;
}

/**
 * Everything that is told of a running daemon: what the table of metrics, the status page and the terminal are drawn
 * from. Plain data, as `djauthd stats --json` prints it. No password is in it, and no account's name. Times are in
 * seconds.
 */
export interface Report {
  readonly version: string;
  readonly protocol: number;
  readonly node: string;
  /** What computes PBKDF2. */
  readonly pbkdf2: string;
  readonly uptime: number;
  readonly memory: number;
  readonly reloads: { readonly taken: number; readonly refused: number };
  readonly bad_requests: number;
  readonly connections: { readonly open: number; readonly most: number };
  readonly verdicts: ByKind;
  /** Those about no site, or none that is configured. */
  readonly elsewhere: ByKind;
  readonly durations: Readonly<Record<Way, HistogramReport>>;
  readonly proofs: number;
  readonly hashing: {
    readonly workers: number;
    readonly running: number;
    readonly computed: number;
    /** How long one takes lately. */
    readonly average: number;
    /** How many may wait in each lane, and how many do. */
    readonly room: number;
    readonly waiting: { readonly known: number; readonly stranger: number };
  };
  /** Each of the last seconds, the oldest first. */
  readonly recent: { readonly checks: readonly number[]; readonly hashed: readonly number[] };
  readonly sites: readonly SiteReport[];
  /** How many sites were left out, so that the rest fits. */
  readonly sites_left_out: number;
}

/** The share of passwords that were known, of 0 to 1; undefined where none was asked for. */
export function hitRatio({ durations }: Pick<Report, 'durations'>): number | undefined {
  const all = durations.cached.count + durations.hashed.count;
  return all === 0 ? undefined : durations.cached.count / all;
}

/** Checks a second over the last so many of the recent seconds. */
export function rate({ recent, uptime }: Report, seconds: number): number {
  const counted = Math.max(1, Math.min(seconds, Math.floor(uptime)));
  return recent.checks.slice(-counted).reduce((sum, checks) => sum + checks, 0) / counted;
}
