/** A measured ratio or figure, and its aim. Every full run must produce every key. */
export interface Key {
  readonly name: string;
  /** Ours / the other side. */
  readonly what: string;
  /** The upper or lower limit that the value should keep. */
  readonly aim: { readonly most: number } | { readonly least: number };
  readonly unit: '×' | 'MB' | 'ms';
}

export const keys = [
  { name: 'cached_p50_vs_c_echo', what: 'cached check, p50 / C echo of the same octets', aim: { most: 2 }, unit: '×' },
  {
    name: 'cached_rate_vs_node_echo',
    what: 'cached checks per second, 8 connections / bare node:net echo',
    aim: { least: 0.6 },
    unit: '×',
  },
  {
    name: 'apache_cached_vs_open',
    what: 'Apache, 8 keep-alive connections: djauthd / the page unprotected',
    aim: { least: 0.6 },
    unit: '×',
  },
  {
    name: 'apache_cached_vs_modwsgi',
    what: "the same / mod_wsgi with Django's check_password, same hash",
    aim: { least: 500 },
    unit: '×',
  },
  {
    name: 'apache_cached_vs_htpasswd_bcrypt',
    what: 'the same / mod_authn_file, bcrypt cost 10',
    aim: { least: 100 },
    unit: '×',
  },
  {
    name: 'apache_cached_vs_dbd_socache',
    what: 'the same / mod_authn_dbd + mod_authn_socache, $apr1$',
    aim: { least: 1 },
    unit: '×',
  },
  {
    name: 'cold_vs_django',
    what: "one cold check / Django's check_password, same hash",
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
    what: "cold checks per second on all cores / Django's in as many processes",
    aim: { least: 3.5 },
    unit: '×',
  },
  {
    name: 'flood_p99_vs_idle',
    what: 'p99 of cached checks while cold ones saturate the pool / p99 idle',
    aim: { most: 2 },
    unit: '×',
  },
  {
    name: 'svn_checkout_vs_open',
    what: '`svn checkout` of 500 files / the same without authentication',
    aim: { most: 1.15 },
    unit: '×',
  },
  { name: 'rss_mb_100k', what: 'resident memory with 100,000 proofs', aim: { most: 120 }, unit: 'MB' },
  {
    name: 'check_2m_vs_1k',
    what: 'uncached lookup in PostgreSQL with 2 million accounts / 1 thousand',
    aim: { most: 1.2 },
    unit: '×',
  },
  { name: 'ready_ms', what: 'spawn to the first answered ping', aim: { most: 300 }, unit: 'ms' },
] as const satisfies readonly Key[];

export type KeyName = (typeof keys)[number]['name'];

export function meets(key: Key, value: number): boolean {
  return 'most' in key.aim ? value <= key.aim.most : value >= key.aim.least;
}

export function aimOf({ aim, unit }: Key): string {
  const bound = 'most' in aim ? `≤ ${aim.most}` : `≥ ${aim.least}`;
  return unit === '×' ? bound : `${bound} ${unit}`;
}
