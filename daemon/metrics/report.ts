import type { HearingReport } from '../account/hearing.ts';
import type { Lane } from '../hasher/lanes.ts';
import type { DatabaseReport } from '../store/database-report.ts';
import type { ThrottleReport } from '../throttle/report.ts';
import type { ReasonCounts, Source, VerdictCounts } from './counters.ts';
import type { HistogramReport } from './histogram.ts';

export interface SiteReport {
  readonly name: string;
  readonly verdicts: VerdictCounts;
  /** Grants that clients gave on lease, as they report them: no verdicts of the daemon. */
  readonly leased: number;
  /** Grants from what was known while the database was away; they are among the grants. */
  readonly stale: number;
  /** Why questions were denied or busy; only the reasons that occurred. */
  readonly reasons: ReasonCounts;
  /** Accounts in memory. */
  readonly accounts: number;
  readonly database: DatabaseReport;
  /** What is heard of changes; null for a site that does not listen. */
  readonly hearing: HearingReport | null;
}

/**
 * All figures of a running daemon as plain data, as printed by `djauthd stats --json`. The metrics, the status page and
 * the terminal are derived from it. It contains no password, and a username only where it was requested on the control
 * socket. Times are in seconds.
 */
export interface Report {
  readonly version: string;
  readonly protocol: number;
  readonly node: string;
  /** The PBKDF2 implementation in use. */
  readonly pbkdf2: string;
  readonly uptime_seconds: number;
  /** Resident memory. */
  readonly memory_bytes: number;
  readonly reloads: { readonly succeeded: number; readonly failed: number };
  readonly bad_requests: number;
  /** Client connections on the auth socket. */
  readonly connections: { readonly open: number; readonly limit: number };
  /** All sites and `unknown_site` together. */
  readonly verdicts: VerdictCounts;
  /** Grants on lease, of all sites together. */
  readonly leased: number;
  /** Why questions to all sites were denied or busy; only the reasons that occurred. */
  readonly reasons: ReasonCounts;
  /** Verdicts on questions that name no site or one that is not configured. */
  readonly unknown_site: VerdictCounts;
  /** How long grants and denials took, by source. */
  readonly durations: Readonly<Record<Source, HistogramReport>>;
  /** Entries of the proof cache, right and wrong ones. */
  readonly proofs: number;
  readonly hashing: {
    readonly workers: number;
    /** Hashes that are being computed. */
    readonly running: number;
    /** Hashes computed since the start. */
    readonly computed: number;
    /** Moving average of the time per hash. */
    readonly average_seconds: number;
    /** How many hashes can wait in the lane `returning`, and in the others together. */
    readonly queue_capacity: number;
    readonly waiting: Readonly<Record<Lane, number>>;
  };
  readonly throttle: ThrottleReport;
  /** Counts for each of the last seconds, oldest first. */
  readonly per_second: Readonly<Record<'checks' | 'hashed' /** busy or error */ | 'unanswered', readonly number[]>>;
  readonly sites: readonly SiteReport[];
  /** The number of sites omitted so that the report fits a frame. */
  readonly sites_omitted: number;
}

/** The share (0 to 1) of password checks answered from the proof cache; undefined before the first one. */
export function hitRatio({ durations }: Pick<Report, 'durations'>): number | undefined {
  const all = durations.cached.count + durations.hashed.count;
  return all === 0 ? undefined : durations.cached.count / all;
}

/** The counts for each second since the daemon started, as far back as `per_second` goes; at least one second. */
export function sinceStart({ per_second, uptime_seconds }: Report): Report['per_second'] {
  const lived = Math.max(1, Math.ceil(uptime_seconds));
  const { checks, hashed, unanswered } = per_second;
  return { checks: checks.slice(-lived), hashed: hashed.slice(-lived), unanswered: unanswered.slice(-lived) };
}

/** How many checks of the last minutes, as many as `per_second` has, were not answered: busy or error. */
export function recentlyUnanswered({ per_second }: Report): number {
  return per_second.unanswered.reduce((sum, number) => sum + number, 0);
}

/** A failure of a database this long ago, in seconds, is history, not a warning. */
const RECENT_SECONDS = 300;

/** Whether a database is down, or failed so recently that somebody should look. */
export function ailing({ up, last_failure }: SiteReport['database']): boolean {
  return up === false || (last_failure !== null && last_failure.seconds_ago < RECENT_SECONDS);
}

/** The average number of checks per second over the last `seconds`, or since the start if that is shorter. */
export function rate({ per_second, uptime_seconds }: Report, seconds: number): number {
  const counted = Math.max(1, Math.min(seconds, Math.floor(uptime_seconds)));
  return per_second.checks.slice(-counted).reduce((sum, checks) => sum + checks, 0) / counted;
}
