/** The state of a site's database, as `djauthd stats --json` prints it. Times are in seconds. */
export interface DatabaseReport {
  /** Its name in messages: no password in it. */
  readonly name: string;
  /** Whether the last query was answered; null before the first. */
  readonly up: boolean | null;
  /** Time since `up` last changed. */
  readonly state_seconds: number;
  readonly queries: number;
  readonly failures: number;
  readonly last_failure: { readonly message: string; readonly seconds_ago: number } | null;
  /** null for a file, which has no connections. */
  readonly connections: ConnectionPoolReport | null;
}

export interface ConnectionPoolReport {
  readonly open: number;
  readonly idle: number;
  /** Queries that wait for a connection. */
  readonly waiting: number;
  readonly limit: number;
}
