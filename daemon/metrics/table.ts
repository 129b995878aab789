import { KINDS, WAYS } from './counters.ts';
import type { HistogramReport } from './histogram.ts';
import type { Report, SiteReport } from './report.ts';

/** One of a metric's numbers: the values of its labels, in their order, and it. */
export type Sample<V = number> = readonly [labels: readonly string[], value: V];

interface Described {
  /** Without the prefix `djauthd_`; a counter's ends in `_total`. */
  readonly name: string;
  readonly help: string;
  readonly unit?: 'seconds' | 'bytes';
  readonly labels: readonly string[];
  /** What the control operation `stats` calls a number with these labels; numbers of one name are added up. */
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

/** Every number that djauthd tells of itself. `stats`, the Prometheus text and the status page are read off this. */
export const METRICS: readonly Metric[] = [
  {
    name: 'build_info',
    kind: 'gauge',
    help: 'Always 1; what is running.',
    labels: ['version', 'node', 'pbkdf2'],
    read: ({ version, node, pbkdf2 }) => [[[version, node, pbkdf2], 1]],
  },
  {
    name: 'uptime_seconds',
    kind: 'gauge',
    unit: 'seconds',
    help: 'How long it has been running.',
    labels: [],
    stat: () => 'uptime',
    read: ({ uptime }) => one(uptime),
  },
  {
    name: 'resident_memory_bytes',
    kind: 'gauge',
    unit: 'bytes',
    help: 'Memory that is in use.',
    labels: [],
    stat: () => 'memory',
    read: ({ memory }) => one(memory),
  },
  {
    name: 'verdicts_total',
    kind: 'counter',
    help: 'Questions answered; those about no site that is configured have an empty one.',
    labels: ['site', 'verdict'],
    stat: ([, verdict]) => verdict as string,
    read: ({ sites, elsewhere }) =>
      [...sites, { name: '', verdicts: elsewhere }].flatMap(({ name, verdicts }) =>
        KINDS.map((kind): Sample => [[name, kind], verdicts[kind]]),
      ),
  },
  {
    name: 'answer_duration_seconds',
    kind: 'histogram',
    unit: 'seconds',
    help: 'How long granting or denying took, by whether the password was known, was hashed, or was none of ours to look at.',
    labels: ['way'],
    stat: first,
    read: ({ durations }) => WAYS.map((way) => [[way], durations[way]]),
  },
  {
    name: 'bad_requests_total',
    kind: 'counter',
    help: 'Connections closed because of what the client sent or did.',
    labels: [],
    stat: () => 'bad_requests',
    read: ({ bad_requests }) => one(bad_requests),
  },
  {
    name: 'reloads_total',
    kind: 'counter',
    help: 'Configurations read anew.',
    labels: ['outcome'],
    stat: ([outcome]) => `reloads_${outcome}`,
    read: ({ reloads }) => [
      [['taken'], reloads.taken],
      [['refused'], reloads.refused],
    ],
  },
  {
    name: 'connections',
    kind: 'gauge',
    help: 'Connections of clients that are open.',
    labels: [],
    stat: () => 'connections',
    read: ({ connections }) => one(connections.open),
  },
  {
    name: 'connections_limit',
    kind: 'gauge',
    help: 'How many may be open (listen.max_connections).',
    labels: [],
    read: ({ connections }) => one(connections.most),
  },
  {
    name: 'accounts_cached',
    kind: 'gauge',
    help: 'Accounts that are kept.',
    labels: ['site'],
    stat: () => 'accounts',
    read: perSite(({ accounts }) => accounts),
  },
  {
    name: 'proofs_cached',
    kind: 'gauge',
    help: 'Passwords that are remembered as verified, right or wrong.',
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
    help: 'How many are computed at once (hash.workers).',
    labels: [],
    stat: () => 'hash_workers',
    read: ({ hashing }) => one(hashing.workers),
  },
  {
    name: 'hashes_queued',
    kind: 'gauge',
    help: 'Password hashes that wait: of people who got in lately, and of all others.',
    labels: ['lane'],
    stat: () => 'hashes_queued',
    read: ({ hashing: { waiting } }) => [
      [['known'], waiting.known],
      [['stranger'], waiting.stranger],
    ],
  },
  {
    name: 'hash_queue_limit',
    kind: 'gauge',
    help: 'How many may wait in each lane (hash.queue).',
    labels: [],
    read: ({ hashing }) => one(hashing.room),
  },
  {
    name: 'hash_average_seconds',
    kind: 'gauge',
    unit: 'seconds',
    help: 'How long one password hash takes lately.',
    labels: [],
    read: ({ hashing }) => one(hashing.average),
  },
  {
    name: 'database_up',
    kind: 'gauge',
    help: 'Whether the last question to the database of the site was answered.',
    labels: ['site'],
    read: perSite(({ database }) => (database.up === null ? undefined : Number(database.up))),
  },
  {
    name: 'database_state_seconds',
    kind: 'gauge',
    unit: 'seconds',
    help: 'For how long that has been so.',
    labels: ['site'],
    read: perSite(({ database }) => (database.up === null ? undefined : database.since)),
  },
  {
    name: 'database_queries_total',
    kind: 'counter',
    help: 'Queries sent to the database.',
    labels: ['site'],
    stat: () => 'database_queries',
    read: perSite(({ database }) => database.queries),
  },
  {
    name: 'database_failures_total',
    kind: 'counter',
    help: 'Queries that the database did not answer.',
    labels: ['site'],
    stat: () => 'database_failures',
    read: perSite(({ database }) => database.failures),
  },
  {
    name: 'database_connections',
    kind: 'gauge',
    help: 'Connections to the database.',
    labels: ['site', 'state'],
    read: ({ sites }) =>
      sites.flatMap(({ name, database: { connections } }): Sample[] =>
        connections === null
          ? []
          : [
              [[name, 'busy'], connections.open - connections.idle],
              [[name, 'idle'], connections.idle],
            ],
      ),
  },
  {
    name: 'database_waiting',
    kind: 'gauge',
    help: 'Questions that wait for a connection to the database.',
    labels: ['site'],
    read: perSite(({ database: { connections } }) => connections?.waiting),
  },
  {
    name: 'sites_left_out',
    kind: 'gauge',
    help: 'Sites that are not told of, because they fit no frame.',
    labels: [],
    read: ({ sites_left_out }) => one(sites_left_out),
  },
];

/** The totals, under the names of the control operation `stats`: whole numbers, for the protocol knows no others. */
export function totals(report: Report): Record<string, number> {
  const sums: Record<string, number> = {};
  const add = (name: string, value: number) => {
    sums[name] = Math.floor((sums[name] ?? 0) + value);
  };
  for (const metric of METRICS) {
    if (!metric.stat) continue;
    if (metric.kind === 'histogram') {
      for (const [labels, { count, sum }] of metric.read(report)) {
        add(metric.stat(labels), count);
        add(`${metric.stat(labels)}_microseconds`, sum * 1e6);
      }
    } else {
      for (const [labels, value] of metric.read(report)) add(metric.stat(labels), value);
    }
  }
  return sums;
}
