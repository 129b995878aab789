import type { Account } from '../account/account.ts';
import type { Heard } from '../account/hearing.ts';
import type { ConnectionPoolReport } from './database-report.ts';
import type { Cursor, Membership } from './membership.ts';
import type { Rights, RightsAsked } from './rights.ts';
import type { Sample } from './sample.ts';
import type { Schema } from './schema.ts';

/** Reads the accounts of a site from one database. It never writes. */
export interface Store {
  /** Its name in messages: no password in it. */
  readonly name: string;
  /**
   * The account with this username, as the database compares usernames; null if there is none.
   * Rejects with a Fault if the database does not answer or returns what Django never writes.
   */
  accountByName(username: string): Promise<Account | null>;
  /**
   * The account with this primary key, as text exactly as in `Account.id`; null if there is none. Rejects as
   * `accountByName` does.
   */
  accountById(id: string): Promise<Account | null>;
  /**
   * Encoded hashes of up to `limit` accounts, found by the index of the primary key. Rejects as `accountByName` does.
   *
   * @param after the `last` of the sample before
   */
  sample(limit: number, after?: string): Promise<Sample>;
  /**
   * Up to `limit` memberships after a cursor, or from the first on; undefined if the user model has no groups.
   * Rejects as `accountByName` does.
   */
  memberships(after: Cursor | undefined, limit: number): Promise<Membership[] | undefined>;
  /**
   * Listens for changes of accounts until it is closed, and sends a canary each `periodMs`; absent where the database
   * tells nobody.
   */
  listen?: ((heard: Heard, periodMs: number) => Listening) | undefined;
  /** Where permissions come from, and what exists of what was asked about. Rejects as `accountByName` does. */
  rights(asked: RightsAsked): Promise<Rights>;
  /** The use of its connections; absent for a file. */
  connections?(): ConnectionPoolReport;
  /**
   * Whether anybody has committed since this was last called, by whatever connection, or put another file in place of the
   * database: what was read before may then be out of date. true the first time; undefined if that cannot be told now,
   * which later calls make up for. Takes some microseconds. Does not throw; absent for a database that cannot be asked so.
   */
  changed?(): boolean | undefined;
  /** Makes the next query read the database from scratch; absent if nothing is kept that could be out of date. */
  reopen?(): void;
  close(): Promise<void>;
}

export interface Listening {
  close(): void;
}

/** What a store needs to know in addition to its URL. */
export interface StoreOptions {
  readonly schema: Schema;
  /** The time limit of a query in ms, including waiting for a lock or a connection. */
  readonly timeoutMs: number;
  /** The largest number of open connections. */
  readonly connections: number;
  /** Where `listen` connects, and undefined if it is never called. */
  readonly listenUrl?: string | undefined;
  /** Called for a problem that no query waits for, such as a lost idle connection. */
  readonly onTrouble: (message: string) => void;
}

/** Creates a store. The first query opens the database. */
export type OpenStore = (url: string, options: StoreOptions) => Store;

/** A kind of database. To add one, write its folder and list it in `databases.ts`. */
export interface Database {
  /** The schemes of its URLs. */
  readonly schemes: readonly string[];
  /** Whether its stores can `listen`. */
  readonly tells?: true;
  /** An example of a URL, for messages. */
  readonly example: string;
  /** A sentence that says what is wrong with the URL, or undefined. */
  problem(url: string): string | undefined;
  /** Loads the driver, which is slow, so only if a site needs it. Rejects if the driver is not installed. */
  load(): Promise<OpenStore>;
}
