import { createHash } from 'node:crypto';
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
    const { host, port, database, user, password, ssl, options: startup, prepare } = settingsOf(url);
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
    const onTrouble = (message: string) => options.onTrouble(`${this.name}: ${message}`);
    const preparing = new Preparing(this.#account.sql, prepare, onTrouble);
    this.#connections = new Connections({
      make: (onEnd) => makeConnection(config, preparing, onEnd),
      isLost: (error) => isLostConnection(error) || preparing.failed(error),
      most: options.connections,
      timeoutMs: options.timeoutMs,
      onTrouble,
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

/**
 * The statement that most questions are, prepared once for each connection: the server reads and plans it no more.
 *
 * Its name is a digest of its text. A pooler may hand the same connection to others, who may have prepared what they
 * like, and what has this name is this statement.
 */
class Preparing {
  readonly #name: string;
  readonly #text: string;
  readonly #onTrouble: (message: string) => void;
  #on: boolean;

  constructor(text: string, on: boolean, onTrouble: (message: string) => void) {
    this.#name = `djauthd_${createHash('sha256').update(text).digest('hex').slice(0, 32)}`;
    this.#text = text;
    this.#onTrouble = onTrouble;
    this.#on = on;
  }

  /** The name to prepare a statement under, or undefined. */
  nameOf(text: string): string | undefined {
    return this.#on && text === this.#text ? this.#name : undefined;
  }

  /** Whether an error is about what was prepared, so that the question is worth another connection. */
  failed(error: unknown): boolean {
    if (!(error instanceof pg.DatabaseError)) return false;
    // 0A000: a table has been altered since. A new connection prepares anew.
    if (error.code === '0A000') return /cached plan/.test(error.message);
    // 26000, 42P05: it is not there, or is already. A pooler changes connections under us: done without from now on.
    if (error.code !== '26000' && error.code !== '42P05') return false;
    if (this.#on) this.#onTrouble('a pooler seems to be in between: no statements are prepared from now on');
    this.#on = false;
    return true;
  }
}

function makeConnection(config: pg.ClientConfig, preparing: Preparing, onEnd: (why: string) => void): Connection {
  const client = new pg.Client(config);
  // It may report its end more than once, and when nobody asks: without a listener that would end the daemon.
  client.on('error', (error) => onEnd(messageOf(error)));
  client.on('end', () => onEnd('the server closed it'));
  return {
    connect: async () => {
      await client.connect();
    },
    async query({ sql: text, parameters }) {
      const name = preparing.nameOf(text);
      const values = [...parameters];
      return (await client.query(name === undefined ? { text, values } : { name, text, values })).rows;
    },
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
