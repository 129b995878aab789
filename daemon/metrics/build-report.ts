import { PROTOCOL_VERSION } from '../../protocol/version.ts';
import type { HearingReport } from '../account/hearing.ts';
import type { Lane } from '../hasher/lanes.ts';
import type { DatabaseReport } from '../store/database-report.ts';
import type { ThrottleReport } from '../throttle/report.ts';
import { VERSION } from '../version.ts';
import { type Counters, KINDS, REASONS, type ReasonCounts, type VerdictCounts } from './counters.ts';
import type { Report, SiteReport } from './report.ts';

/** The live state from which a report is built. */
export interface ReportInput {
  readonly counters: Counters;
  readonly sites: Iterable<ReportedSite>;
  readonly pool: ReportedPool;
  /** The PBKDF2 implementation in use. */
  readonly pbkdf2: string;
  readonly proofs: number;
  readonly connections: { readonly open: number; readonly limit: number };
  /** How many hashes can wait in the lane `returning`, and in the others together. */
  readonly queueCapacity: number;
  readonly throttle: ThrottleReport;
  /** Both by the daemon's clock, in ms. */
  readonly startedAt: number;
  readonly now: number;
}

/** What a report needs of a site. */
interface ReportedSite {
  readonly name: string;
  readonly accounts: { readonly size: number };
  readonly store: { report(): DatabaseReport };
  readonly hearing?: { report(): HearingReport } | undefined;
}

/** What a report needs of the hash pool. */
interface ReportedPool {
  readonly size: number;
  readonly running: number;
  readonly computed: number;
  readonly averageMs: number;
  waiting(lane: Lane): number;
}

/** A snapshot of all figures. */
export function buildReport({ counters, sites, pool, connections, startedAt, now, ...rest }: ReportInput): Report {
  const reports = [...sites].map(
    ({ name, accounts, store, hearing }): SiteReport => ({
      name,
      verdicts: counters.verdicts(name),
      leased: counters.leased(name),
      stale: counters.stale(name),
      reasons: counters.reasons(name),
      accounts: accounts.size,
      database: store.report(),
      hearing: hearing?.report() ?? null,
    }),
  );
  const unknownSite = counters.verdicts(undefined);
  const { cached, hashed, authorized } = counters.durations;
  return {
    version: VERSION,
    protocol: PROTOCOL_VERSION,
    node: process.versions.node,
    pbkdf2: rest.pbkdf2,
    uptime_seconds: (now - startedAt) / 1000,
    memory_bytes: process.memoryUsage.rss(),
    reloads: { succeeded: counters.reloads, failed: counters.reloadsFailed },
    bad_requests: counters.badRequests,
    connections,
    verdicts: sum([unknownSite, ...reports.map(({ verdicts }) => verdicts)]),
    leased: reports.reduce((sum, { leased }) => sum + leased, 0),
    reasons: sumReasons(reports.map(({ reasons }) => reasons)),
    unknown_site: unknownSite,
    durations: { cached: cached.report(), hashed: hashed.report(), authorized: authorized.report() },
    proofs: rest.proofs,
    hashing: {
      workers: pool.size,
      running: pool.running,
      computed: pool.computed,
      average_seconds: pool.averageMs / 1000,
      queue_capacity: rest.queueCapacity,
      waiting: {
        returning: pool.waiting('returning'),
        greylisted: pool.waiting('greylisted'),
        other: pool.waiting('other'),
      },
    },
    throttle: rest.throttle,
    per_second: counters.rates.report(now),
    sites: reports,
    sites_omitted: 0,
  };
}

function sum(all: readonly VerdictCounts[]): VerdictCounts {
  const total = { granted: 0, denied: 0, busy: 0, error: 0 };
  for (const each of all) for (const kind of KINDS) total[kind] += each[kind];
  return total;
}

function sumReasons(all: readonly ReasonCounts[]): ReasonCounts {
  const total: ReasonCounts = {};
  for (const reason of REASONS) {
    const number = all.reduce((sum, each) => sum + (each[reason] ?? 0), 0);
    if (number > 0) total[reason] = number;
  }
  return total;
}
