/** A measured ratio or figure, and its aim. Every full run must produce every key. */
export interface Key {
  readonly name: string;
  /** Ours / the other side. */
  readonly what: string;
  /** The upper or lower limit that the value should keep. Without one it is a figure to know. */
  readonly aim?: { readonly most: number } | { readonly least: number };
  readonly unit: '×' | 'MB' | 'ms' | '%';
  /** It stands in the README's table too. */
  readonly front?: true;
}

/** `cache.account_ttl`'s default, in ms: how old what decides may be where nobody tells of a change. */
export const ACCOUNT_TTL_MS = 1000;

export const keys = [
  {
    name: 'apache_cached_vs_open',
    what: 'Apache, 8 keep-alive connections: djauthd, default settings / the page unprotected',
    aim: { least: 0.95 },
    unit: '×',
    front: true,
  },
  {
    name: 'apache_nolease_vs_open',
    what: 'the same without leases (`DjangoAuthLeases 0`): each request asks the daemon',
    aim: { least: 0.5 },
    unit: '×',
  },
  {
    name: 'apache_cpu_us_per_check',
    what: "processor time that protection adds to a request, httpd's and the daemon's, in % of the request's own",
    aim: { most: 12 },
    unit: '%',
    front: true,
  },
  {
    name: 'apache_cached_vs_dbd_socache',
    what: 'djauthd / mod_authn_dbd + mod_authn_socache, $apr1$',
    aim: { least: 2.2 },
    unit: '×',
    front: true,
  },
  {
    name: 'apache_cached_vs_htpasswd_bcrypt',
    what: 'djauthd / mod_authn_file, bcrypt cost 10',
    aim: { least: 100 },
    unit: '×',
  },
  {
    name: 'apache_cached_vs_modwsgi',
    what: "djauthd / mod_wsgi with Django's check_password, same hash",
    aim: { least: 500 },
    unit: '×',
    front: true,
  },
  {
    name: 'apache_cached_vs_fcgi',
    what: 'djauthd / mod_authnz_fcgi with Django behind it, same hash',
    aim: { least: 500 },
    unit: '×',
    front: true,
  },
  {
    name: 'svn_checkout_vs_open',
    what: '`svn checkout` of 500 files / the same without authentication',
    aim: { most: 1.05 },
    unit: '×',
  },
  {
    name: 'cached_cpu_vs_node_echo',
    what: 'processor time of a cached check, its log line included, 8 connections / of bare node:net echo',
    aim: { most: 2.4 },
    unit: '×',
  },
  {
    name: 'cached_syscalls_vs_node_echo',
    what: 'system calls of a server for a cached check, 8 connections / of bare node:net echo',
    unit: '×',
  },
  {
    name: 'cached_rate_vs_node_echo',
    what: 'cached checks per second, 8 connections / bare node:net echo',
    aim: { least: 0.4 },
    unit: '×',
  },
  {
    name: 'cached_p50_awake_vs_c_echo',
    what: 'cached check, p50, processors kept awake / C echo of the same octets',
    aim: { most: 3 },
    unit: '×',
  },
  {
    name: 'cached_p50_vs_c_echo',
    what: 'the same with processors that may sleep: mostly the time that waking takes',
    aim: { most: 2 },
    unit: '×',
  },
  {
    name: 'cold_vs_django',
    what: "one first check / Django's check_password, same hash",
    aim: { most: 0.3 },
    unit: '×',
  },
  {
    name: 'cold_vs_limit',
    what: "the same / 2 × iterations × the block function's own time",
    aim: { most: 1.25 },
    unit: '×',
  },
  {
    name: 'cold_rate_vs_django',
    what: "first checks per second on all cores / Django's in as many processes",
    aim: { least: 5.5 },
    unit: '×',
    front: true,
  },
  {
    name: 'cold_rate_vs_limit',
    what: 'the same / one stream of the block function on each core',
    aim: { least: 1.4 },
    unit: '×',
  },
  {
    name: 'cold_ms_at_1500k',
    what: "one first check with the 1,500,000 iterations of Django 6 / the table's 600,000",
    unit: 'ms',
  },
  {
    name: 'flood_p99_vs_idle',
    what: 'p99 of cached checks while first ones saturate the pool / p99 idle',
    aim: { most: 2 },
    unit: '×',
    front: true,
  },
  {
    name: 'revoked_ms_max',
    what: 'COMMIT to the first refused request through Apache under load, slowest of 4,000: PostgreSQL with triggers',
    aim: { most: 50 },
    unit: 'ms',
    front: true,
  },
  {
    name: 'revoked_ms_max_sqlite',
    what: 'the same: SQLite',
    aim: { most: 50 },
    unit: 'ms',
    front: true,
  },
  {
    name: 'revoked_ms_max_mariadb',
    what: 'the same: MariaDB, where nothing tells of a commit (`account_ttl` 1 s)',
    aim: { most: ACCOUNT_TTL_MS + 50 },
    unit: 'ms',
    front: true,
  },
  {
    name: 'check_2m_vs_1k',
    what: 'uncached lookup in PostgreSQL with 2 million accounts / 1 thousand',
    aim: { most: 1.2 },
    unit: '×',
  },
  { name: 'rss_mb_100k', what: 'resident memory with 100,000 proofs', aim: { most: 140 }, unit: 'MB' },
  { name: 'ready_ms', what: 'spawn to the first answered ping', aim: { most: 300 }, unit: 'ms' },
] as const satisfies readonly Key[];

export type KeyName = (typeof keys)[number]['name'];

export function meets({ aim }: Key, value: number): boolean {
  if (!aim) return true;
  return 'most' in aim ? value <= aim.most : value >= aim.least;
}

export function aimOf({ aim, unit }: Key): string {
  if (!aim) return '–';
  const bound = 'most' in aim ? `≤ ${aim.most.toLocaleString('en')}` : `≥ ${aim.least.toLocaleString('en')}`;
  return unit === '×' ? bound : `${bound} ${unit}`;
}
