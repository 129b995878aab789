import type { CompiledQuery, Kysely } from 'kysely';
import type { Account } from '../account/account.ts';
import { Busy, Fault, messageOf } from '../fault.ts';
import type { ConnectionPool } from './connection-pool.ts';
import { type Cursor, type Membership, type MembershipRow, membershipOf, membershipQuery } from './membership.ts';
import type { AccountRow, SqlDialect } from './query.ts';
import { Outage, QueryError } from './query-error.ts';
import { type Rights, type RightsAsked, rightsSteps } from './rights.ts';
import { accountOf, rowsWithId, rowsWithUsername } from './row.ts';
import { type Sample, sampleSteps } from './sample.ts';
import type { Schema } from './schema.ts';
import type { Store } from './store.ts';
import { usernameParameter } from './username-match.ts';

/** What differs between kinds of servers. */
export interface Server {
  /** Its name in messages: no password in it. */
  readonly name: string;
  readonly schema: Schema;
  readonly dialect: SqlDialect;
  /** Builds statements; the pool sends them. */
  readonly db: Kysely<unknown>;
  readonly pool: ConnectionPool;
  /** The account queries. Their one parameter is the username or the primary key. */
  readonly accountByName: CompiledQuery;
  readonly accountById: CompiledQuery;
  /** As `Store.listen`. */
  readonly listen?: Store['listen'];
  /** A row as `accountOf` reads it; unchanged by default. */
  readonly rowOf?: (row: AccountRow) => AccountRow;
}

/** A store on a database server, with a connection pool. */
export class ServerStore implements Store {
  readonly name: string;
  readonly listen: Store['listen'];
  readonly #server: Server;

  constructor(server: Server) {
    this.name = server.name;
    this.listen = server.listen;
    this.#server = server;
  }

  async accountByName(username: string): Promise<Account | null> {
    const { accountByName, schema, dialect } = this.#server;
    const parameter = usernameParameter(username, schema.user.match ?? 'exact', dialect.iexact);
    if (parameter === undefined) return null;
    const rows = await this.#accountRows({ ...accountByName, parameters: [parameter] });
    return this.#accountOf(rowsWithUsername(rows, username));
  }

  async accountById(id: string): Promise<Account | null> {
    const rows = await this.#accountRows({ ...this.#server.accountById, parameters: [id] });
    return this.#accountOf(rowsWithId(rows, id));
  }

  async sample(limit: number, after?: string): Promise<Sample> {
    const { db, schema, dialect } = this.#server;
    const steps = sampleSteps({ db, schema, dialect, limit, after });
    let step = steps.next();
    while (!step.done) step = steps.next(await this.#query(step.value));
    return step.value;
  }

  async memberships(after: Cursor | undefined, limit: number): Promise<Membership[] | undefined> {
    const { db, schema, dialect } = this.#server;
    const query = membershipQuery(db, schema, dialect, after, limit);
    return query && (await this.#query<MembershipRow>(query)).map(membershipOf);
  }

  async rights(asked: RightsAsked): Promise<Rights> {
    const steps = rightsSteps(this.#server, asked);
    let step = steps.next();
    while (!step.done) step = steps.next(await this.#query<object>(step.value));
    return step.value;
  }

  connections() {
    return this.#server.pool.report();
  }

  close(): Promise<void> {
    return this.#server.pool.close();
  }

  #accountOf(rows: AccountRow[]): Account | null {
    const { rowOf } = this.#server;
    return accountOf(rowOf ? rows.map(rowOf) : rows);
  }

  /** No rows, if the database cannot hold such a username or primary key. */
  async #accountRows(query: CompiledQuery): Promise<AccountRow[]> {
    try {
      return await this.#server.pool.query<AccountRow>(query);
    } catch (error) {
      if (error instanceof QueryError && error.class === 'no_account') return [];
      throw this.#faultOf(error);
    }
  }

  async #query<Row>(query: CompiledQuery): Promise<Row[]> {
    try {
      return await this.#server.pool.query<Row>(query);
    } catch (error) {
      throw this.#faultOf(error);
    }
  }

  #faultOf(error: unknown): Fault | Busy {
    if (error instanceof Busy) return error;
    const message = `${this.name}: ${messageOf(error)}`;
    const isOutage = error instanceof QueryError && (error.class === 'outage' || error.class === 'lost');
    const away = { away: error instanceof QueryError && error.away };
    return isOutage ? new Outage(message, away) : new Fault(message, away);
  }
}
