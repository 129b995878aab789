import { isUtf8 } from 'node:buffer';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kysely, SqliteDialect, sql } from 'kysely';
import type { Account } from '../../account/account.ts';
import { AWAY, Fault } from '../../fault.ts';
import { type Cursor, type Membership, type MembershipRow, membershipOf, membershipQuery } from '../membership.ts';
import { type AccountRow, accountQuery, type SqlDialect } from '../query.ts';
import { Outage } from '../query-error.ts';
import { type Rights, type RightsAsked, rightsSteps } from '../rights.ts';
import { accountOf, rowsWithId, rowsWithUsername } from '../row.ts';
import { type Sample, sampleSteps } from '../sample.ts';
import type { Schema } from '../schema.ts';
import type { Store, StoreOptions } from '../store.ts';
import { usernameParameter } from '../username-match.ts';
import type { Connection, Statement } from './driver.ts';
import { driver } from './drivers.ts';
import { isAway, isLock, isOutage } from './errors.ts';
import { type FileState, fileState, isReplaced, isSameContent, isUnchanged, unsettledMs } from './file-state.ts';
import { openError } from './open-error.ts';

const dialect: SqlDialect = {
  quote: '"',
  text: (text) => text,
  pair: (a, b) => sql`json_array(${a}, ${b})`,
  list: (item) => sql`json_group_array(${item})`,
  iexact: { operator: 'like', escape: " escape '\\'" },
};

/** All texts as hexadecimal digits of their octets. */
const octets: SqlDialect = {
  quote: '"',
  column: (text) => sql`hex(${text})`,
  text: (text) => sql`hex(${text})`,
  pair: (a, b) => sql`json_array(hex(${a}), hex(${b}))`,
  list: dialect.list,
  iexact: dialect.iexact,
};

/**
 * SQLite's page cache, in KiB: enough for the upper levels of its trees, because the system caches the rest.
 * The defaults are 16,000 (better-sqlite3) and 2,000.
 */
const CACHE_KIB = 2_000;

/** How long SQLite itself may wait for a lock, in ms: it blocks the event loop. */
const LOCK_WAIT_MS = 1;

/** The delay before a locked database is tried again, in ms: the first, doubled each time up to the second. */
const RETRY_MS = [1, 25] as const;

/** One account query, as text and as octets in hexadecimal. */
interface Statements {
  readonly account: Statement<[string]>;
  readonly octets: Statement<[string]>;
}

/**
 * How long a connection is used after SQLite has noticed a change, in ms. SQLite then discards its page cache, but keeps
 * the schema if a file that was copied into place has the same schema version.
 */
const REFRESH_MS = 250;

interface Opened {
  readonly inWalMode: boolean;
  /** The state of the files when the connection last saw them. */
  state: FileState;
  /** SQLite's own mark of that: different when SQLite has noticed a change. */
  version: number;
  /** When the database must be opened again, by performance.now(). */
  expiresAt: number;
  readonly dataVersion: () => number;
  readonly connection: Connection;
  readonly byName: Statements;
  readonly byId: Statements;
  readonly sample: (limit: number, after: string | undefined) => Sample;
  readonly memberships: (after: Cursor | undefined, limit: number) => MembershipRow[] | undefined;
  readonly rights: (asked: RightsAsked) => Rights;
}

/**
 * A SQLite file, opened read-only. Queries run in the event loop: one takes tens of microseconds, less than handing
 * it to another thread. Waiting for a lock does not block the event loop.
 */
export class SqliteStore implements Store {
  readonly name: string;
  readonly #path: string;
  readonly #timeoutMs: number;
  readonly #schema: Schema;
  #opened: Opened | undefined;
  /** Settles when a locked database is tried again. */
  #locked: Promise<void> | undefined;
  #wait: number = RETRY_MS[0];
  #closed = false;
  /** What `changed` saw last: another connection's marks cannot be compared with this one's. */
  #seen: { readonly connection: Connection; readonly version: number } | undefined;

  constructor(path: string, options: StoreOptions) {
    this.name = `sqlite ${path}`;
    this.#path = path;
    this.#timeoutMs = options.timeoutMs;
    this.#schema = options.schema;
  }

  accountByName(username: string): Promise<Account | null> {
    const parameter = usernameParameter(username, this.#schema.user.match ?? 'exact', dialect.iexact);
    if (parameter === undefined) return Promise.resolve(null);
    return this.#query(({ byName }) => accountOf(rowsWithUsername(rowsOf(byName, parameter), username)));
  }

  accountById(id: string): Promise<Account | null> {
    return this.#query(({ byId }) => accountOf(rowsWithId(rowsOf(byId, id), id)));
  }

  sample(limit: number, after?: string): Promise<Sample> {
    return this.#query(({ sample }) => sample(limit, after));
  }

  memberships(after: Cursor | undefined, limit: number): Promise<Membership[] | undefined> {
    return this.#query(({ memberships }) => memberships(after, limit)?.map(membershipOf));
  }

  /**
   * By `PRAGMA data_version`, which reads SQLite's mark of the last commit: the header of the file or, in WAL mode, the shared
   * memory. It sees the commits of every other connection; this one makes none. A database that is locked or cannot be
   * opened is asked again later, and what was seen before stays what it is compared with.
   */
  changed(): boolean | undefined {
    if (this.#closed || this.#locked !== undefined) return undefined;
    try {
      const opened = this.#current();
      const version = opened.dataVersion();
      const { connection } = opened;
      const seen = this.#seen;
      if (seen !== undefined && seen.connection === connection && seen.version === version) return false;
      this.#seen = { connection, version };
      return true;
    } catch (error) {
      if (!(error instanceof Fault) && !isLock(error)) this.#drop();
      return undefined;
    }
  }

  rights(asked: RightsAsked): Promise<Rights> {
    return this.#query(({ rights }) => rights(asked));
  }

  reopen(): void {
    if (this.#opened) this.#opened.expiresAt = 0;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#drop();
  }

  async #query<T>(read: (opened: Opened) => T): Promise<T> {
    const deadline = performance.now() + this.#timeoutMs;
    for (;;) {
      // Trying a lock costs the event loop time: one query at a time tries whether it is released.
      while (this.#locked !== undefined) {
        if (performance.now() >= deadline) {
          throw new Outage(`${this.#path} has been locked for ${this.#timeoutMs} ms`, AWAY);
        }
        await this.#locked;
      }
      try {
        const answer = read(this.#current());
        this.#wait = RETRY_MS[0];
        return answer;
      } catch (error) {
        if (error instanceof Fault) throw error;
        if (!isLock(error)) {
          this.#drop(); // whatever it was, the next query opens the database again
          const message = openError(this.#path, error);
          throw isOutage(error) ? new Outage(message, { away: isAway(error) }) : new Fault(message);
        }
        this.#locked = sleep(this.#wait).then(() => {
          this.#locked = undefined;
        });
        this.#wait = Math.min(this.#wait * 2, RETRY_MS[1]);
      }
    }
  }

  /**
   * The open database, opened again if it was replaced or written behind SQLite's back. SQLite itself notices a change by a
   * counter in the file, which a file that is copied into place (`cp`, `rsync --inplace`) may share with the old one:
   * pages of the old one would then be read from the page cache until the next write.
   */
  #current(): Opened {
    if (this.#closed) throw new Fault(`${this.#path} is closed`);
    const before = this.#opened;
    const state = fileState(this.#path, before?.inWalMode ?? false);
    if (state === undefined) throw new Outage(openError(this.#path, undefined), AWAY);
    if (before === undefined) {
      this.#opened = open(this.#path, this.#schema);
      return this.#opened;
    }
    const now = performance.now();
    if (now < before.expiresAt) {
      if (isUnchanged(before.state, state)) return before;
      const version = isReplaced(before.state, state) ? before.version : before.dataVersion();
      if (version !== before.version) {
        before.state = state;
        before.version = version;
        before.expiresAt = Math.min(before.expiresAt, now + REFRESH_MS);
        return before;
      }
    }
    // The site deletes the files of WAL mode if no other connection is open at the moment: the new one is opened first.
    // Not if files were replaced, because SQLite would share the old ones between both.
    if (isReplaced(before.state, state)) this.#drop();
    this.#opened = open(this.#path, this.#schema);
    before.connection.close();
    return this.#opened;
  }

  #drop(): void {
    this.#opened?.connection.close();
    this.#opened = undefined;
  }
}

function open(path: string, schema: Schema): Opened {
  const before = fileState(path, true);
  const connection = driver.open(path, { readonly: true, timeout: LOCK_WAIT_MS });
  try {
    connection.pragma('query_only = on');
    connection.pragma(`cache_size = -${CACHE_KIB}`);
    // Opens the files, in WAL mode the two others too.
    const inWalMode = connection.pragma('journal_mode', { simple: true }) === 'wal';
    const dataVersion = connection.prepare<[], number>('pragma data_version').pluck();
    const version = dataVersion.get() as number;
    const state = fileState(path, inWalMode);
    if (state === undefined) throw new Error('the file was removed');
    const unsettled = unsettledMs(before !== undefined && isSameContent(before, state) ? before : state);
    const db = new Kysely<unknown>({ dialect: new SqliteDialect({ database: unused }) });
    const prepare = (by: 'username' | 'id'): Statements => ({
      account: connection.prepare<[string]>(accountQuery(db, schema, dialect, by).sql).safeIntegers(),
      octets: connection.prepare<[string]>(accountQuery(db, schema, octets, by).sql),
    });
    return {
      ...{ inWalMode, state, version, connection },
      expiresAt: unsettled > 0 ? performance.now() + unsettled : Number.POSITIVE_INFINITY,
      dataVersion: () => dataVersion.get() as number,
      // Kysely builds the statement once; the connection keeps it prepared.
      // safeIntegers: ids beyond 2^53 are exact.
      byName: prepare('username'),
      byId: prepare('id'),
      sample(limit, after) {
        const steps = sampleSteps({ db, schema, dialect, limit, after });
        let step = steps.next();
        while (!step.done) {
          const { sql, parameters } = step.value;
          step = steps.next(
            connection
              .prepare<unknown[], object>(sql)
              .safeIntegers()
              .all(...parameters),
          );
        }
        return step.value;
      },
      rights(asked) {
        const steps = rightsSteps({ db, schema, dialect }, asked);
        let step = steps.next();
        while (!step.done) {
          const { sql, parameters } = step.value;
          step = steps.next(connection.prepare<unknown[], object>(sql).all(...parameters));
        }
        return step.value;
      },
      memberships(after, limit) {
        const query = membershipQuery(db, schema, dialect, after, limit);
        if (query === undefined) return undefined;
        return connection
          .prepare<unknown[], MembershipRow>(query.sql)
          .safeIntegers()
          .all(...query.parameters);
      },
    };
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** The rows that a query finds. @throws Fault if one of their texts is not UTF-8 */
function rowsOf({ account, octets }: Statements, parameter: string): AccountRow[] {
  const rows = account.all(parameter) as AccountRow[];
  if (rows.some(isMalformed)) refuseMalformed(octets.all(parameter) as AccountRow[]);
  return rows;
}

/** Whether a text has the character that the driver substitutes for octets that are not UTF-8. */
function isMalformed(row: AccountRow): boolean {
  return Object.values(row).some((value) => typeof value === 'string' && value.includes('\ufffd'));
}

/** SQLite stores any octets as text, and Django raises on those that are not UTF-8. @throws Fault likewise */
function refuseMalformed(rows: readonly AccountRow[]): void {
  for (const row of rows) {
    for (const [name, value] of Object.entries(row)) {
      if (typeof value !== 'string') continue;
      for (const hex of value.match(/[0-9A-F]{2,}/g) ?? []) {
        if (!isUtf8(Buffer.from(hex, 'hex'))) throw new Fault(`the account's ${name} is not UTF-8`);
      }
    }
  }
}

/** Kysely only builds the text of the statements. */
async function unused(): Promise<never> {
  throw new Error('Kysely has no connection');
}
