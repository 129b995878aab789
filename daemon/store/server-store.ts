import type { CompiledQuery, Kysely } from 'kysely';
import type { Account } from '../account/account.ts';
import { Fault, messageOf } from '../fault.ts';
import type { ConnectionPool } from './connection-pool.ts';
import { type Cursor, type Membership, type MembershipRow, membershipOf, membershipQuery } from './membership.ts';
import { type AccountRow, type SqlDialect, sampleQuery } from './query.ts';
import { accountOf, rowsWithId } from './row.ts';
import type { Schema } from './schema.ts';
import type { Store } from './store.ts';

/** What one kind of server has that another has not. */
export interface Server {
  /** What to call it in messages: no password in it. */
  readonly name: string;
  readonly schema: Schema;
  readonly dialect: SqlDialect;
  /** Statements are written by it; the connections send them. */
  readonly db: Kysely<unknown>;
  readonly connections: ConnectionPool;
  /** The account queries, whose one parameter is the username or the primary key. */
  readonly accountByName: CompiledQuery;
  readonly accountById: CompiledQuery;
  /** The rows that have that username, where the database finds others as well. */
  readonly rowsWithName?: (rows: AccountRow[], username: string) => AccountRow[];
  /** A row as `accountOf` reads it; by default as it is. */
  readonly rowOf?: (row: AccountRow) => AccountRow;
}

/** A database on a server, behind connections that are kept. */
export class ServerStore implements Store {
  readonly name: string;
  readonly #server: Server;

  constructor(server: Server) {
    this.name = server.name;
    this.#server = server;
  }

  async accountByName(username: string): Promise<Account | null> {
    const { accountByName, rowsWithName } = this.#server;
    const rows = await this.#query<AccountRow>({ ...accountByName, parameters: [username] });
    return this.#accountOf(rowsWithName ? rowsWithName(rows, username) : rows);
  }

  async accountById(id: string): Promise<Account | null> {
    const rows = await this.#query<AccountRow>({ ...this.#server.accountById, parameters: [id] });
    return this.#accountOf(rowsWithId(rows, id));
  }

  async sample(most: number): Promise<string[]> {
    const { db, schema, dialect } = this.#server;
    const rows = await this.#query<{ password: unknown }>(sampleQuery(db, schema, dialect, most));
    return rows.flatMap(({ password }) => (typeof password === 'string' ? [password] : []));
  }

  async memberships(after: Cursor | undefined, most: number): Promise<Membership[] | undefined> {
    const { db, schema, dialect } = this.#server;
    const query = membershipQuery(db, schema, dialect, after, most);
    return query && (await this.#query<MembershipRow>(query)).map(membershipOf);
  }

  connections() {
    return this.#server.connections.report();
  }

  close(): Promise<void> {
    return this.#server.connections.close();
  }

  #accountOf(rows: AccountRow[]): Account | null {
    const { rowOf } = this.#server;
    return accountOf(rowOf ? rows.map(rowOf) : rows);
  }

  #query<Row>(query: CompiledQuery): Promise<Row[]> {
    return this.#server.connections.query<Row>(query).catch((error) => {
      throw new Fault(`${this.name}: ${messageOf(error)}`);
    });
  }
}
