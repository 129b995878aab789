import {
  type CompiledQuery,
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  sql,
} from 'kysely';
import pg from 'pg';
import { Fault, messageOf } from '../fault.ts';
import { type Connection, Connections } from './connections.ts';
import { type Membership, type MembershipRow, membershipOf, membershipQuery, type Place } from './membership.ts';
import { settingsOf } from './postgres.ts';
import { type AccountRow, accountQuery, type Spelling, sampleQuery } from './query.ts';
import { accountOf } from './row.ts';
import type { Schema } from './schema.ts';
import type { Store, StoreOptions } from './store.ts';

const spelling: Spelling = {
  quote: '"',
  text: (text) => text,
  pair: (a, b) => sql`json_build_array(${a}, ${b})`,
  list: (item) => sql`json_agg(${item})`,
};

/** Statements are written by it and sent by us. */
const db = new Kysely<unknown>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (kysely) => new PostgresIntrospector(kysely),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
});

export class PostgresStore implements Store {
  readonly name: string;
  readonly #connections: Connections;
  readonly #account: CompiledQuery;
  readonly #schema: Schema;

  constructor(url: string, options: StoreOptions) {
    const { host, port, database, user, password, ssl, options: startup } = settingsOf(url);
    this.name = `postgres ${database} on ${host}`;
    this.#schema = options.schema;
    this.#account = accountQuery(db, options.schema, spelling);
    const config: pg.ClientConfig = {
      host,
      ...(port === undefined ? {} : { port }),
      ...(password === undefined ? {} : { password }),
      ...(ssl === undefined ? {} : { ssl }),
      database,
      user,
      application_name: 'djauthd',
      statement_timeout: options.timeoutMs,
      keepAlive: true,
      // The daemon only reads, whatever its role may do.
      options: `${startup ?? ''} -c default_transaction_read_only=on`.trim(),
    };
    this.#connections = new Connections({
      make: (onEnd) => makeConnection(config, onEnd),
      isLost: isLostConnection,
      most: options.connections,
      timeoutMs: options.timeoutMs,
      onTrouble: (message) => options.onTrouble(`${this.name}: ${message}`),
    });
  }

  async account(username: string): Promise<ReturnType<typeof accountOf>> {
    return accountOf(await this.#ask<AccountRow>({ ...this.#account, parameters: [username] }));
  }

  async sample(most: number): Promise<string[]> {
    const rows = await this.#ask<{ password: unknown }>(sampleQuery(db, this.#schema, spelling, most));
    return rows.flatMap(({ password }) => (typeof password === 'string' ? [password] : []));
  }

  async memberships(after: Place | undefined, most: number): Promise<Membership[] | undefined> {
    const query = membershipQuery(db, this.#schema, spelling, after, most);
    return query && (await this.#ask<MembershipRow>(query)).map(membershipOf);
  }

  connections() {
    return this.#connections.report();
  }

  close(): Promise<void> {
    return this.#connections.close();
  }

  #ask<Row>(query: CompiledQuery): Promise<Row[]> {
    return this.#connections.ask<Row>(query).catch((error) => {
      throw new Fault(`${this.name}: ${messageOf(error)}`);
    });
  }
}

function makeConnection(config: pg.ClientConfig, onEnd: (why: string) => void): Connection {
  const client = new pg.Client(config);
  // It may report its end more than once, and when nobody asks: without a listener that would end the daemon.
  client.on('error', (error) => onEnd(messageOf(error)));
  client.on('end', () => onEnd('the server closed it'));
  return {
    connect: async () => {
      await client.connect();
    },
    query: async ({ sql: text, parameters }) => (await client.query(text, [...parameters])).rows,
    end: () => client.end(),
    destroy: () => socketOf(client).destroy(),
  };
}

/** `end()` waits for the server, which may never answer again. */
function socketOf(client: pg.Client): { destroy(): void } {
  return (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream;
}

function isLostConnection(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  // 57P01..57P02: the server is shutting down, has crashed; 08xxx: connection exceptions.
  if (typeof code === 'string' && (/^08|^57P0[12]$/.test(code) || code === 'ECONNRESET' || code === 'EPIPE'))
    return true;
  return error instanceof Error && /Connection terminated|Client has encountered|not queryable/.test(error.message);
}
