import { flag } from '../store/row.ts';
import type { Table } from '../store/tables.ts';

/** Whether the daemon can use a table. */
export interface TableState {
  /** Sentences on what is missing. */
  readonly missing: readonly string[];
  /** Whether the role may read all its columns that the daemon reads. */
  readonly readable: boolean;
}

/** The part of an account that the census reads. */
export interface Row {
  readonly username: string;
  readonly encoded: string | null;
  readonly active: boolean;
}

/** A site's database as the doctor examines it. All methods reject with the database's own error. */
export interface Catalog {
  /** The role under which the database knows the daemon; undefined if it has no roles. */
  readonly role: string | undefined;
  inspect(table: Table): Promise<TableState>;
  /** The names of all columns of a table. */
  columns(table: string): Promise<readonly string[]>;
  /** The GRANT statements with which the role may read those tables. */
  grants(tables: readonly Table[]): Promise<readonly string[]>;
  /** The names of those tables that the role may change. */
  writable(tables: readonly Table[]): Promise<readonly string[]>;
  /** Whether the lookup of a username in that column can use an index; undefined if no index could help. */
  indexed(table: string, column: string): Promise<boolean | undefined>;
  /** The statements that make such an index. */
  index?(table: string, column: string): readonly string[];
  /** Whether the database ignores case in comparisons of that column. */
  foldsCase(table: string, column: string): Promise<boolean>;
  /** How many usernames several accounts share, as the database compares them. */
  sharedNames(): Promise<number>;
  /** All accounts, a few thousand at a time. */
  accounts(): AsyncIterable<readonly Row[]>;
  close(): Promise<void>;
}

/** How long one query may take, in ms: the census reads the whole table. */
export const QUERY_TIMEOUT_MS = 60_000;

/** How many accounts are in memory at once. */
export const BATCH = 5_000;

/** A row of the census as the drivers return it. */
export function rowOf({ username, encoded, active }: { [name in keyof Row]: unknown }): Row {
  return { username: String(username), encoded: typeof encoded === 'string' ? encoded : null, active: flag(active) };
}
