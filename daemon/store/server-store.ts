import type { CompiledQuery, Kysely } from 'kysely';
import type { Account } from '../account/account.ts';
import { Fault, messageOf } from '../fault.ts';
import type { ConnectionPool } from './connection-pool.ts';
import { type Cursor, type Membership, type MembershipRow, membershipOf, membershipQuery } from './membership.ts';
import { type AccountRow, type SqlDialect, sampleQuery } from './query.ts';
import { accountOf } from './row.ts';
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
  /** The account query, whose one parameter is the name. */
  readonly account: CompiledQuery;
  /** The rows that are of that name, as `accountOf` reads them; by default all, as they are. */
  readonly rowsOf?: (rows: AccountRow[], username: string) => AccountRow[];
}

/** A database on a server, behind connections that are kept. */
export class ServerStore implements Store {
  readonly name: string;
  readonly #server: Server;

  constructor(server: Server) {
    this.name = server.name;
    this.#server = server;
  }

  async account(username: string): Promise<Account | null> {
    const { account, rowsOf } = this.#server;
    const rows = await this.#query<AccountRow>({ ...account, parameters: [username] });
    return accountOf(rowsOf ? rowsOf(rows, username) : rows);
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

  #query<Row>(query: CompiledQuery): Promise<Row[]> {
    return this.#server.connections.query<Row>(query).catch((error) => {
      throw new Fault(`${this.name}: ${messageOf(error)}`);
    });
  }
}
