import { DEBTORS } from '../throttle/limits.ts';
import { BUSY_REASONS, DENY_REASONS } from '../verdict.ts';
import { KINDS, SOURCES } from './counters.ts';
import type { HistogramReport } from './histogram.ts';
import type { Report, SiteReport } from './report.ts';

/** Precedes the name of each metric. */
export const PREFIX = 'djauthd_';

/** One value of a metric: the values of its labels, in their order, and the value itself. */
export type Sample<V = number> = readonly [labels: readonly string[], value: V];

interface Described {
  /** Without the prefix. The name of a counter ends in `_total`. */
  readonly name: string;
  /** One sentence, also the metric's description in docs/metrics.md. */
  readonly help: string;
  readonly unit?: 'seconds' | 'bytes';
  readonly labels: readonly string[];
  /**
   * The name of a value with these labels in the reply of the control operation `stats`, which adds up values of the same
   * name. Metrics without it are not part of that reply.
   */
  readonly stat?: (labels: readonly string[]) => string;
}

export type Metric = Described &
  (
    | { readonly kind: 'counter' | 'gauge'; readonly read: (report: Report) => readonly Sample[] }
    | { readonly kind: 'histogram'; readonly read: (report: Report) => readonly Sample<HistogramReport>[] }
  );

const one = (value: number): readonly Sample[] => [[[], value]];
const perSite = (read: (site: SiteReport) => number | undefined) => (report: Report) =>
  report.sites.flatMap((site): Sample[] => {
    const value = read(site);
    return value === undefined ? [] : [[[site.name], value]];
  });
const first = ([label]: readonly string[]) => label as string;

/** Every metric of the daemon. `stats`, the Prometheus text, the status page's plain text and docs/metrics.md use it. */
export const METRICS: readonly Metric[] = [
  {
    name: 'build_info',
    kind: 'gauge',
    help: 'Always 1; the labels are the versions of djauthd and Node.js and the PBKDF2 implementation in use.',
    labels: ['version', 'node', 'pbkdf2'],
    read: ({ version, node, pbkdf2 }) => [[[version, node, pbkdf2], 1]],
  },
  {
    name: 'uptime_seconds',
    kind: 'gauge',
    unit: 'seconds',
    help: 'Time since the daemon started.',
    labels: [],
    stat: () => 'uptime_seconds',
    read: ({ uptime_seconds }) => one(uptime_seconds),
  },
  {
    name: 'resident_memory_bytes',
    kind: 'gauge',
    unit: 'bytes',
    help: 'Resident memory size.',
    labels: [],
    stat: () => 'memory_bytes',
    read: ({ memory_bytes }) => one(memory_bytes),
  },
  {
    name: 'verdicts_total',
    kind: 'counter',
    help: 'Verdicts (granted, denied, busy, error) by site; the site is empty for questions that name no configured site.',
    labels: ['site', 'verdict'],
    stat: ([, verdict]) => verdict as string,
    read: ({ sites, unknown_site }) =>
      [...sites, { name: '', verdicts: unknown_site }].flatMap(({ name, verdicts }) =>
        KINDS.map((kind): Sample => [[name, kind], verdicts[kind]]),
      ),
  },
  {
    name: 'leased_grants_total',
    kind: 'counter',
    help: 'Grants that clients gave on lease without asking, as they report them with their next question; not part of djauthd_verdicts_total.',
    labels: ['site'],
    stat: () => 'leased',
    read: perSite(({ leased }) => leased),
  },
  {
    name: 'stale_grants_total',
    kind: 'counter',
    help: 'Grants from what was known while the database of the site was away (cache.stale_if_error); they are among the verdicts.',
    labels: ['site'],
    stat: () => 'stale',
    read: perSite(({ stale }) => stale),
  },
  {
    name: 'denials_total',
    kind: 'counter',
    help: 'Denials of all sites, by reason.',
    labels: ['reason'],
    stat: ([reason = '']) => `denied_${reason.replaceAll('-', '_')}`,
    read: ({ reasons }) => DENY_REASONS.map((reason): Sample => [[reason], reasons[reason] ?? 0]),
  },
  {
    name: 'busy_total',
    kind: 'counter',
    help: 'Checks of all sites that were not answered now, by reason; the verdict busy.',
    labels: ['reason'],
    stat: ([reason = '']) => `busy_${reason.replaceAll('-', '_')}`,
    read: ({ reasons }) => BUSY_REASONS.map((reason): Sample => [[reason], reasons[reason] ?? 0]),
  },
  {
    name: 'decision_duration_seconds',
    kind: 'histogram',
    unit: 'seconds',
    help: 'Time to grant or deny, by source: cached (proof cache), hashed (password hash computed) or authorized (authenticated by the client).',
    labels: ['source'],
    stat: first,
    read: ({ durations }) => SOURCES.map((source) => [[source], durations[source]]),
  },
  {
    name: 'bad_requests_total',
    kind: 'counter',
    help: 'Invalid requests, requests that listen.allow refuses, and connections refused or closed because of a limit.',
    labels: [],
    stat: () => 'bad_requests',
    read: ({ bad_requests }) => one(bad_requests),
  },
  {
    name: 'reloads_total',
    kind: 'counter',
    help: 'Reloads of the configuration, by outcome (succeeded, failed).',
    labels: ['outcome'],
    stat: ([outcome]) => `reloads_${outcome}`,
    read: ({ reloads }) => [
      [['succeeded'], reloads.succeeded],
      [['failed'], reloads.failed],
    ],
  },
  {
    name: 'connections',
    kind: 'gauge',
    help: 'Open client connections.',
    labels: [],
    stat: () => 'connections',
    read: ({ connections }) => one(connections.open),
  },
  {
    name: 'connections_limit',
    kind: 'gauge',
    help: 'Maximum number of client connections (listen.max_connections).',
    labels: [],
    read: ({ connections }) => one(connections.limit),
  },
  {
    name: 'accounts_cached',
    kind: 'gauge',
    help: 'Accounts in memory.',
    labels: ['site'],
    stat: () => 'accounts',
    read: perSite(({ accounts }) => accounts),
  },
  {
    name: 'proofs_cached',
    kind: 'gauge',
    help: 'Entries of the proof cache: verified passwords and refused ones.',
    labels: [],
    stat: () => 'proofs',
    read: ({ proofs }) => one(proofs),
  },
  {
    name: 'hashes_total',
    kind: 'counter',
    help: 'Password hashes computed.',
    labels: [],
    stat: () => 'hashes',
    read: ({ hashing }) => one(hashing.computed),
  },
  {
    name: 'hashes_running',
    kind: 'gauge',
    help: 'Password hashes being computed.',
    labels: [],
    stat: () => 'hashes_running',
    read: ({ hashing }) => one(hashing.running),
  },
  {
    name: 'hash_workers',
    kind: 'gauge',
    help: 'Number of hash workers (hash.workers).',
    labels: [],
    stat: () => 'hash_workers',
    read: ({ hashing }) => one(hashing.workers),
  },
  {
    name: 'hashes_queued',
    kind: 'gauge',
    help: 'Password hashes waiting for a worker, by lane: returning (with a password that was granted before), greylisted (the same question was turned away a moment ago) or other.',
    labels: ['lane'],
    stat: () => 'hashes_queued',
    read: ({ hashing: { waiting } }) => [
      [['returning'], waiting.returning],
      [['greylisted'], waiting.greylisted],
      [['other'], waiting.other],
    ],
  },
  {
    name: 'hash_queue_capacity',
    kind: 'gauge',
    help: 'How many password hashes can wait in the lane returning, and as many in the others together (hash.queue).',
    labels: [],
    read: ({ hashing }) => one(hashing.queue_capacity),
  },
  {
    name: 'hash_average_seconds',
    kind: 'gauge',
    unit: 'seconds',
    help: 'Moving average of the time to compute one password hash.',
    labels: [],
    read: ({ hashing }) => one(hashing.average_seconds),
  },
  {
    name: 'throttled_total',
    kind: 'counter',
    help: 'Questions refused by the throttle, by whose limit was reached: name (a username), source (an address) or site.',
    labels: ['limit'],
    stat: () => 'throttled',
    read: ({ throttle }) => DEBTORS.map((kind): Sample => [[kind], throttle.refusals[kind]]),
  },
  {
    name: 'throttled_now',
    kind: 'gauge',
    help: 'How many usernames, sources and sites have reached their limit now.',
    labels: ['limit'],
    stat: ([kind]) => `throttled_${kind}s`,
    read: ({ throttle }) => DEBTORS.map((kind): Sample => [[kind], throttle.refused_now[kind]]),
  },
  {
    name: 'throttle_store_up',
    kind: 'gauge',
    help: 'Whether the store in which hosts share guesses (throttle.store) answers; absent without one.',
    labels: [],
    read: ({ throttle }) => (throttle.store_up === null ? [] : one(Number(throttle.store_up))),
  },
  {
    name: 'database_up',
    kind: 'gauge',
    help: 'Whether the last query to the database of the site was answered; absent before the first query.',
    labels: ['site'],
    read: perSite(({ database }) => (database.up === null ? undefined : Number(database.up))),
  },
  {
    name: 'database_state_seconds',
    kind: 'gauge',
    unit: 'seconds',
    help: 'Time since djauthd_database_up last changed.',
    labels: ['site'],
    read: perSite(({ database }) => (database.up === null ? undefined : database.state_seconds)),
  },
  {
    name: 'database_queries_total',
    kind: 'counter',
    help: 'Queries sent to the database of the site.',
    labels: ['site'],
    stat: () => 'database_queries',
    read: perSite(({ database }) => database.queries),
  },
  {
    name: 'database_failures_total',
    kind: 'counter',
    help: 'Queries to the database of the site that failed.',
    labels: ['site'],
    stat: () => 'database_failures',
    read: perSite(({ database }) => database.failures),
  },
  {
    name: 'database_connections',
    kind: 'gauge',
    help: 'Connections to the database of the site, by state (active, idle).',
    labels: ['site', 'state'],
    read: ({ sites }) =>
      sites.flatMap(({ name, database: { connections } }): Sample[] =>
        connections === null
          ? []
          : [
              [[name, 'active'], connections.open - connections.idle],
              [[name, 'idle'], connections.idle],
            ],
      ),
  },
  {
    name: 'database_connections_limit',
    kind: 'gauge',
    help: 'Maximum number of connections to the database of the site (sites.NAME.connections).',
    labels: ['site'],
    read: perSite(({ database: { connections } }) => connections?.limit),
  },
  {
    name: 'database_queries_waiting',
    kind: 'gauge',
    help: 'Queries waiting for a connection to the database of the site.',
    labels: ['site'],
    read: perSite(({ database: { connections } }) => connections?.waiting),
  },
  {
    name: 'changes_heard',
    kind: 'gauge',
    help: 'Whether changes of accounts are heard (sites.NAME.listen); absent for a site that does not listen.',
    labels: ['site'],
    read: perSite(({ hearing }) => (hearing === null ? undefined : Number(hearing.hears))),
  },
  {
    name: 'changes_heard_state_seconds',
    kind: 'gauge',
    unit: 'seconds',
    help: 'Time since djauthd_changes_heard last changed.',
    labels: ['site'],
    read: perSite(({ hearing }) => hearing?.state_seconds),
  },
  {
    name: 'changes_told_total',
    kind: 'counter',
    help: 'Notifications of changes of accounts; of many in one transaction there is one.',
    labels: ['site'],
    read: perSite(({ hearing }) => hearing?.notifications),
  },
  {
    name: 'canary_seconds',
    kind: 'gauge',
    unit: 'seconds',
    help: 'Time since the latest notification was sent by which the daemon tests whether it hears, and that came back.',
    labels: ['site'],
    read: perSite(({ hearing }) => hearing?.canary_seconds ?? undefined),
  },
  {
    name: 'sites_omitted',
    kind: 'gauge',
    help: 'Sites omitted from this output because it would not fit a frame of the protocol; healthy sites are omitted first.',
    labels: [],
    read: ({ sites_omitted }) => one(sites_omitted),
  },
];

/**
 * The reply of the control operation `stats`: totals over all sites, as whole numbers, because the protocol has no other
 * numbers. A histogram gives its count and its sum in microseconds.
 */
export function totals(report: Report): Record<string, number> {
  const sums: Record<string, number> = {};
  const add = (name: string, value: number) => {
    sums[name] = Math.min(Math.floor((sums[name] ?? 0) + value), Number.MAX_SAFE_INTEGER);
  };
  for (const metric of METRICS) {
    if (!metric.stat) continue;
    if (metric.kind === 'histogram') {
      for (const [labels, { count, sum_seconds }] of metric.read(report)) {
        add(metric.stat(labels), count);
        add(`${metric.stat(labels)}_microseconds`, sum_seconds * 1e6);
      }
    } else {
      for (const [labels, value] of metric.read(report)) add(metric.stat(labels), value);
    }
  }
  return sums;
}
