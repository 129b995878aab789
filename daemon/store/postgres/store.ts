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
  iexact: { operator: 'upper' },
};

/** Builds statements; the pool sends them. */
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
    // The daemon only reads, whatever the role's privileges are.
    options: `${startup ?? ''} -c default_transaction_read_only=on`.trim(),
  };
  const onTrouble = (message: string) => options.onTrouble(`${name}: ${message}`);
  const preparing = new PreparedStatement(accountByName.sql, prepare, onTrouble);
  const pool = new ConnectionPool({
    make: (onEnd) => makeConnection(config, preparing, onEnd),
    isLost: (error) => isLostConnection(error) || preparing.failed(error),
    limit: options.connections,
    timeoutMs,
    onTrouble,
  });
  return new ServerStore({ name, schema, dialect, db, pool, accountByName, accountById });
}

/**
 * The account query, prepared once for each connection: the server parses and plans it only then.
 *
 * Its name is a digest of its text. A pooler may share the connection with other clients that prepare statements of
 * their own: whatever has this name is this statement.
 */
class PreparedStatement {
  readonly #name: string;
  readonly #text: string;
  readonly #onTrouble: (message: string) => void;
  #enabled: boolean;

  constructor(text: string, enabled: boolean, onTrouble: (message: string) => void) {
    this.#name = `djauthd_${createHash('sha256').update(text).digest('hex').slice(0, 32)}`;
    this.#text = text;
    this.#onTrouble = onTrouble;
    this.#enabled = enabled;
  }

  /** The name under which to prepare a statement; undefined if it is not to be prepared. */
  nameOf(text: string): string | undefined {
    return this.#enabled && text === this.#text ? this.#name : undefined;
  }

  /** Whether an error is about the prepared statement, so that the query is worth another connection. */
  failed(error: unknown): boolean {
    if (!(error instanceof pg.DatabaseError)) return false;
    // 0A000: a table was altered. A new connection prepares the statement again.
    if (error.code === '0A000') return /cached plan/.test(error.message);
    // 26000, 42P05: it does not exist, or exists already. A pooler switches connections under us: stop preparing.
    if (error.code !== '26000' && error.code !== '42P05') return false;
    if (this.#enabled) this.#onTrouble('a pooler seems to be in use: prepared statements are disabled from now on');
    this.#enabled = false;
    return true;
  }
}

function makeConnection(
  config: pg.ClientConfig,
  preparing: PreparedStatement,
  onEnd: (why: string) => void,
): Connection {
  const client = new pg.Client(config);
  // The driver may emit this more than once and between queries; without a listener it would end the daemon.
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

/** `end()` waits for the server, which may never answer. */
function socketOf(client: pg.Client): { destroy(): void } {
  return (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream;
}

function isLostConnection(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  // 57P01, 57P02: the server shuts down or crashed; 08xxx: connection exceptions.
  if (typeof code === 'string' && (/^08|^57P0[12]$/.test(code) || code === 'ECONNRESET' || code === 'EPIPE'))
    return true;
  return error instanceof Error && /Connection terminated|Client has encountered|not queryable/.test(error.message);
}
