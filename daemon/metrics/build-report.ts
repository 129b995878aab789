import { PROTOCOL_VERSION } from '../../protocol/version.ts';
import type { Config } from '../config/schema.ts';
import type { HashPool } from '../hasher/pool.ts';
import type { Site } from '../site/site.ts';
import { VERSION } from '../version.ts';
import { type ByKind, type Counters, KINDS } from './counters.ts';
import type { Report, SiteReport } from './report.ts';

/** What a report is read off. */
export interface Observed {
  readonly counters: Counters;
  readonly config: Config;
  readonly sites: ReadonlyMap<string, Site>;
  readonly pool: HashPool;
  /** What computes PBKDF2. */
  readonly pbkdf2: string;
  readonly proofs: number;
  readonly connections: number;
  /** By the daemon's clock, in ms. */
  readonly startedAt: number;
  readonly now: number;
}

/** How the daemon does at this moment. */
export function buildReport({ counters, config, pool, startedAt, now, ...rest }: Observed): Report {
  const sites = [...rest.sites.values()].map(
    ({ name, accounts, store }): SiteReport => ({
      name,
      verdicts: counters.verdicts(name),
      accounts: accounts.size,
      database: store.report(),
    }),
  );
  const elsewhere = counters.verdicts(undefined);
  const { cached, hashed, authorized } = counters.durations;
  return {
    version: VERSION,
    protocol: PROTOCOL_VERSION,
    node: process.versions.node,
    pbkdf2: rest.pbkdf2,
    uptime: (now - startedAt) / 1000,
    memory: process.memoryUsage.rss(),
    reloads: { taken: counters.reloads, refused: counters.reloadsRefused },
    bad_requests: counters.badRequests,
    connections: { open: rest.connections, most: config.listen.max_connections },
    verdicts: sum([elsewhere, ...sites.map(({ verdicts }) => verdicts)]),
    elsewhere,
    durations: { cached: cached.report(), hashed: hashed.report(), authorized: authorized.report() },
    proofs: rest.proofs,
    hashing: {
      workers: pool.size,
      running: pool.running,
      computed: pool.computed,
      average: pool.averageMs / 1000,
      room: config.hash.queue,
      waiting: { known: pool.waiting('returning'), stranger: pool.waiting('other') },
    },
    recent: counters.recent.report(now),
    sites,
    sites_left_out: 0,
  };
}

function sum(all: readonly ByKind[]): ByKind {
  const total = { granted: 0, denied: 0, busy: 0, error: 0 };
  for (const each of all) for (const kind of KINDS) total[kind] += each[kind];
  return total;
}
