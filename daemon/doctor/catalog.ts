import type { Table } from './tables.ts';

/** What a table is to the daemon. */
export interface TableState {
  /** Sentences on what is not there. */
  readonly missing: readonly string[];
  /** Whether the role may read all of it. */
  readonly readable: boolean;
}

/** A row of the users' table. */
export interface Row {
  readonly username: string;
  readonly encoded: string | null;
}

/** A site's database, as the doctor looks at it. All reject with the database's own error. */
export interface Catalog {
  /** Whom the database takes the daemon for; undefined where it does not ask. */
  readonly role: string | undefined;
  look(table: Table): Promise<TableState>;
  /** The statements that let the role read those tables. */
  grants(tables: readonly Table[]): Promise<readonly string[]>;
  /** Those of the tables that the role may change. */
  writable(tables: readonly Table[]): Promise<readonly string[]>;
  /** Whether a search by that column need not read the whole table. */
  indexed(table: string, column: string): Promise<boolean>;
  /** Whether the database takes upper and lower case of that column for the same. */
  foldsCase(table: string, column: string): Promise<boolean>;
  /** Names that several accounts have, as the database compares them. */
  sharedNames(): Promise<number>;
  /** All accounts, a few thousand at a time. */
  accounts(): AsyncIterable<readonly Row[]>;
  close(): Promise<void>;
}

/** How long one look may take, in ms: a census reads the whole table. */
export const LOOK_MS = 60_000;

/** How many accounts are held at once. */
export const BATCH = 5_000;
