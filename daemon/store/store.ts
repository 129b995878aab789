import type { Account } from '../account/account.ts';
import type { ConnectionPoolReport } from './database-report.ts';
import type { Cursor, Membership } from './membership.ts';
import type { Schema } from './schema.ts';

/** Where the accounts of a site are read from. It never writes. */
export interface Store {
  /** What to call it in messages: no password in it. */
  readonly name: string;
  /**
   * The account of exactly this username, as the database compares names; null where there is none.
   * Rejects with a Fault where the database does not answer or answers nonsense.
   */
  accountByName(username: string): Promise<Account | null>;
  /**
   * The account with this primary key, as text exactly as in `Account.id`; null where there is none. Rejects as
   * `accountByName` does.
   */
  accountById(id: string): Promise<Account | null>;
  /** The encoded hashes of the youngest and the oldest accounts, `most` in all. Rejects as `accountByName` does. */
  sample(most: number): Promise<string[]>;
  /**
   * Up to `most` memberships behind a place, or from the first on; undefined where the user model has no groups.
   * Rejects as `accountByName` does.
   */
  memberships(after: Cursor | undefined, most: number): Promise<Membership[] | undefined>;
  /** How its connections are used; a file has none. */
  connections?(): ConnectionPoolReport;
  close(): Promise<void>;
}

/** What a store needs to know besides where it is. */
export interface StoreOptions {
  readonly schema: Schema;
  /** How long a question may take, waiting for a lock or a connection included, in ms. */
  readonly timeoutMs: number;
  /** How many connections may be open at once. */
  readonly connections: number;
  /** Told of faults that no question is waiting for, such as a lost idle connection. */
  readonly onTrouble: (message: string) => void;
}

/** Opens nothing yet: the first question does. */
export type OpenStore = (url: string, options: StoreOptions) => Store;

/** A kind of database. One is added by writing its file and listing it in `databases.ts`. */
export interface Database {
  /** What stands before the `:` of a URL. */
  readonly schemes: readonly string[];
  /** What such a URL looks like, for messages. */
  readonly example: string;
  /** A sentence on what is wrong with the URL, or undefined. */
  problem(url: string): string | undefined;
  /** Loads what speaks to it, which takes long: only where a site needs it. Rejects where that is not installed. */
  load(): Promise<OpenStore>;
}
