import { userInfo } from 'node:os';
import { type CompiledQuery, Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import { parse } from 'pg-connection-string';
import { Fault, messageOf } from '../fault.ts';
import { type AccountRow, accountQuery, type JsonSpelling, sampleQuery } from './query.ts';
import { accountOf } from './row.ts';
import type { Schema } from './schema.ts';
import type { Database, Store, StoreOptions } from './store.ts';

const json: JsonSpelling = {
  list: (expression) => sql`json_agg(${expression})`,
  pair: (a, b) => sql`json_build_array(${a}, ${b})`,
};

/** Where libpq looks for the server when nothing is said, as Debian builds it. */
const SOCKET_DIRECTORY = '/var/run/postgresql';

/** How long an idle connection is kept, in ms. */
const IDLE_MS = 60_000;

class PostgresStore implements Store {
  readonly name: string;
  readonly #db: Kysely<unknown>;
  readonly #account: CompiledQuery;
  readonly #timeoutMs: number;
  readonly #schema: Schema;

  constructor(url: string, options: StoreOptions) {
    const { host, port, database, user, password, ssl, options: startup } = settingsOf(url);
    this.name = `postgres ${database} on ${host}`;
    this.#timeoutMs = options.timeoutMs;
    this.#schema = options.schema;
    const pool = new pg.Pool({
      host,
      ...(port === undefined ? {} : { port }),
      ...(password === undefined ? {} : { password }),
      ...(ssl === undefined ? {} : { ssl }),
      database,
      user,
      max: options.connections,
      application_name: 'djauthd',
      connectionTimeoutMillis: options.timeoutMs,
      statement_timeout: options.timeoutMs,
      // The server may be unable to say that time is over; then this side does, a little later.
      query_timeout: options.timeoutMs + 500,
      idleTimeoutMillis: IDLE_MS,
      keepAlive: true,
      allowExitOnIdle: true,
      // The daemon only reads, whatever its role may do.
      options: `${startup ?? ''} -c default_transaction_read_only=on`.trim(),
    });
    // A connection may report its end more than once, or while it is lent out, when the pool does not listen: without
    // this, that would end the daemon.
    pool.on('connect', (client) => client.on('error', () => {}));
    pool.on('error', (error) => options.onTrouble(`${this.name}: an idle connection was lost: ${messageOf(error)}`));
    this.#db = new Kysely({ dialect: new PostgresDialect({ pool }) });
    this.#account = accountQuery(this.#db, options.schema, json);
  }

  async account(username: string): Promise<ReturnType<typeof accountOf>> {
    return accountOf(await this.#ask<AccountRow>({ ...this.#account, parameters: [username] }));
  }

  async sample(most: number): Promise<string[]> {
    const rows = await this.#ask<{ password: unknown }>(sampleQuery(this.#db, this.#schema, most));
    return rows.flatMap(({ password }) => (typeof password === 'string' ? [password] : []));
  }

  async close(): Promise<void> {
    await this.#db.destroy();
  }

  async #ask<Row>(query: CompiledQuery): Promise<Row[]> {
    const startedAt = performance.now();
    for (let attempt = 1; ; attempt++) {
      try {
        return (await this.#db.executeQuery(query)).rows as Row[];
      } catch (error) {
        // A connection that died while idle is found out only by using it. Every pooled one may have died with it,
        // so each is worth one try; questions change nothing.
        const time = performance.now() - startedAt;
        if (attempt <= 8 && time < this.#timeoutMs / 2 && isLostConnection(error)) continue;
        throw new Fault(`${this.name}: ${messageOf(error)}`);
      }
    }
  }
}

function isLostConnection(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  // 57P01..57P03: the server is shutting down, has crashed, is starting; 08xxx: connection exceptions.
  if (typeof code === 'string' && (/^08|^57P0[12]$/.test(code) || code === 'ECONNRESET' || code === 'EPIPE'))
    return true;
  return error instanceof Error && /Connection terminated unexpectedly|Client has encountered/.test(error.message);
}

interface Settings {
  host: string;
  port: number | undefined;
  database: string;
  user: string;
  password: string | undefined;
  ssl: pg.PoolConfig['ssl'];
  options: string | undefined;
}

function settingsOf(url: string): Settings {
  const parsed = parse(url);
  const user = parsed.user || process.env.PGUSER || userInfo().username; // as libpq: the role is called as the person
  return {
    host: parsed.host || process.env.PGHOST || SOCKET_DIRECTORY,
    port: parsed.port ? Number(parsed.port) : undefined,
    database: parsed.database || user,
    user,
    password: parsed.password || undefined,
    ssl: parsed.ssl as pg.PoolConfig['ssl'],
    options: parsed.options,
  };
}

export const postgres: Database = {
  schemes: ['postgres', 'postgresql'],
  example: 'postgres://user@host/db',

  problem(url) {
    try {
      const settings = settingsOf(url);
      if (settings.port !== undefined && !(settings.port > 0 && settings.port < 65536))
        return 'the port is no port number';
      return undefined;
    } catch (error) {
      return messageOf(error).replaceAll(url, 'the URL');
    }
  },

  open(url, options) {
    return new PostgresStore(url, options);
  },
};
