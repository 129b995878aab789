/** A SQLite library, with better-sqlite3's interface as far as it is used here. */
export interface Driver {
  readonly name: 'node:sqlite' | 'better-sqlite3';
  /** Opens an existing file. */
  open(path: string, options: OpenOptions): Connection;
  /** SQLite's name for an error, such as SQLITE_BUSY_SNAPSHOT; undefined for an error of another kind. */
  codeOf(error: unknown): string | undefined;
}

export interface OpenOptions {
  readonly readonly: boolean;
  /** How long SQLite itself may wait for a lock, in ms. */
  readonly timeout: number;
}

export interface Connection {
  prepare<Parameters extends unknown[] = unknown[], Row = unknown>(sql: string): Statement<Parameters, Row>;
  exec(sql: string): unknown;
  /** The rows of a pragma, or the first value of its first row. */
  pragma(text: string, options?: { readonly simple?: boolean }): unknown;
  /** Has no effect on a closed connection. */
  close(): unknown;
}

export interface Statement<Parameters extends unknown[] = unknown[], Row = unknown> {
  all(...parameters: Parameters): Row[];
  get(...parameters: Parameters): Row | undefined;
  iterate(...parameters: Parameters): Iterable<Row>;
  run(...parameters: Parameters): unknown;
  /** Integers become bigints. Otherwise they become numbers, rounded beyond 2^53. */
  safeIntegers(): this;
  /** A row becomes the value of its first column. */
  pluck(): this;
}
