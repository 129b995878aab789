import { createHash } from 'node:crypto';
import { DummyDriver, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler, sql } from 'kysely';
import pg from 'pg';
import { messageOf } from '../../fault.ts';
import { type Connection, ConnectionPool } from '../connection-pool.ts';
import { accountQuery, type SqlDialect } from '../query.ts';
import { ServerStore } from '../server-store.ts';
import type { Store, StoreOptions } from '../store.ts';
import { settingsOf } from './url.ts';

const dialect: SqlDialect = {
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

export function openPostgres(url: string, options: StoreOptions): Store {
  const { host, port, database, user, password, ssl, options: startup, prepare } = settingsOf(url);
  const { schema, timeoutMs } = options;
  const name = `postgres ${database} on ${host}`;
  const accountByName = accountQuery(db, schema, dialect);
  const accountById = accountQuery(db, schema, dialect, 'id');
  const config: pg.ClientConfig = {
    host,
    ...(port === undefined ? {} : { port }),
    ...(password === undefined ? {} : { password }),
    ...(ssl === undefined ? {} : { ssl }),
    database,
    user,
    application_name: 'djauthd',
    statement_timeout: timeoutMs,
    keepAlive: true,
    // The daemon only reads, whatever its role may do.
    options: `${startup ?? ''} -c default_transaction_read_only=on`.trim(),
  };
  const onTrouble = (message: string) => options.onTrouble(`${name}: ${message}`);
  const preparing = new PreparedStatement(accountByName.sql, prepare, onTrouble);
  const connections = new ConnectionPool({
    make: (onEnd) => makeConnection(config, preparing, onEnd),
    isLost: (error) => isLostConnection(error) || preparing.failed(error),
    limit: options.connections,
    timeoutMs,
    onTrouble,
  });
  return new ServerStore({ name, schema, dialect, db, connections, accountByName, accountById });
}

/**
 * The statement that most questions are, prepared once for each connection: the server reads and plans it no more.
 *
 * Its name is a digest of its text. A pooler may hand the same connection to others, who may have prepared what they
 * like, and what has this name is this statement.
 */
class PreparedStatement {
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

function makeConnection(
  config: pg.ClientConfig,
  preparing: PreparedStatement,
  onEnd: (why: string) => void,
): Connection {
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
