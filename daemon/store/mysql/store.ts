import { promisify } from 'node:util';
import { DummyDriver, Kysely, MysqlAdapter, MysqlIntrospector, MysqlQueryCompiler } from 'kysely';
import { type Connection as Client, type ConnectionOptions, createConnection, type RowDataPacket } from 'mysql2';
import { messageOf } from '../../fault.ts';
import { type Connection, ConnectionPool } from '../connection-pool.ts';
import { type AccountRow, accountQuery } from '../query.ts';
import type { Schema } from '../schema.ts';
import { ServerStore } from '../server-store.ts';
import type { Store, StoreOptions } from '../store.ts';
import { dialect, pairsOf, textsOf } from './list.ts';
import { settingsOf, tlsOf } from './url.ts';

/** Builds statements; the pool sends them. */
const db = new Kysely<unknown>({
  dialect: {
    createAdapter: () => new MysqlAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (kysely) => new MysqlIntrospector(kysely),
    createQueryCompiler: () => new MysqlQueryCompiler(),
  },
});

/** The longest list, in octets. The server's default is 1,024 to 1,048,576. */
const LIST_MAX = 4_294_967_295;

export function openMysql(url: string, options: StoreOptions): Store {
  const { charset, ssl, ...settings } = settingsOf(url);
  const { schema, timeoutMs } = options;
  const name = `mysql ${settings.database} on ${settings.socketPath ?? settings.host}`;
  const config = (): ConnectionOptions => ({
    ...settings,
    charset,
    ...(ssl === undefined ? {} : { ssl: tlsOf(ssl) }),
    supportBigNumbers: true, // ids beyond 2^53 arrive as text
    connectTimeout: timeoutMs,
    connectAttributes: { program_name: 'djauthd' },
    flags: ['-LOCAL_FILES'],
  });
  return new ServerStore({
    name,
    schema,
    dialect,
    db,
    pool: new ConnectionPool({
      make: (onEnd) => makeConnection(config, sessionOf(charset, timeoutMs), onEnd),
      isLost: isLostConnection,
      limit: options.connections,
      timeoutMs,
      onTrouble: (message) => options.onTrouble(`${name}: ${message}`),
    }),
    accountByName: accountQuery(db, schema, dialect),
    accountById: accountQuery(db, schema, dialect, 'id'),
    rowsWithName: (rows, username) => rows.filter((row) => isOf(row, username)),
    rowOf: (row) => withLists(row, schema),
  });
}

function withLists(row: AccountRow, { userGroups, userPermissions }: Schema): AccountRow {
  return {
    ...row,
    groups: userGroups && textsOf(row.groups),
    direct: userPermissions && pairsOf(row.direct),
    inherited: userGroups && pairsOf(row.inherited),
  };
}

/**
 * The column's collation decides which texts equal a username. A numeric column, however, equals every text that begins
 * with its digits, and 0 equals any text without digits: there the whole text is compared.
 */
function isOf({ username }: AccountRow, typed: string): boolean {
  return typeof username === 'string' || String(username) === typed;
}

/** @param config may throw, because it reads files */
function makeConnection(
  config: () => ConnectionOptions,
  session: readonly string[],
  onEnd: (why: string) => void,
): Connection {
  let client: Client | undefined;
  const connected = (): Client => {
    if (client === undefined) throw new Error('not connected');
    return client;
  };
  return {
    async connect() {
      const opening = createConnection(config());
      client = opening;
      // The driver may emit this more than once and between queries; without a listener it would end the daemon.
      opening.on('error', (error) => onEnd(messageOf(error)));
      opening.on('end', () => onEnd('the server closed it'));
      await promisify((done: Done) => opening.connect(done))();
      for (const statement of session) await promisify((done: Done) => opening.query(statement, done))();
    },
    // A prepared statement: the username is sent as a parameter, not within the statement's text.
    query: ({ sql: text, parameters }) =>
      new Promise((resolve, reject) => {
        connected().execute<RowDataPacket[]>(text, [...parameters] as string[], (error, rows) =>
          error ? reject(error) : resolve(rows),
        );
      }),
    end: promisify((done: Done) => connected().end((error) => done(error))),
    destroy() {
      client?.destroy();
      // The driver's own method waits for the server, which may never answer.
      (client as unknown as { stream?: { destroy(): void } } | undefined)?.stream?.destroy();
    },
  };
}

type Done = (error: Error | null) => void;

/** The session's settings. Only MariaDB executes `M!` comments; it ignores those for MySQL 5.7.8. */
function sessionOf(charset: string, timeoutMs: number): string[] {
  return [
    `set names ${charset}`,
    `set session sql_mode = '', group_concat_max_len = ${LIST_MAX}` +
      ` /*M!100101 , max_statement_time = ${timeoutMs / 1000} */ /*!50708 , max_execution_time = ${timeoutMs} */`,
    'set session transaction read only', // whatever the account's privileges are
  ];
}

/** Errors of a server that closes the connection: shutdown, KILL, or a timeout. */
const LOST_NUMBERS: readonly unknown[] = [1053, 1077, 1079, 1152, 1158, 1159, 1160, 1161, 1927, 2006, 2013, 4031];
const LOST_CODES: readonly unknown[] = ['PROTOCOL_CONNECTION_LOST', 'ECONNRESET', 'EPIPE'];

function isLostConnection(error: unknown): boolean {
  const { code, errno, message } = error as { code?: unknown; errno?: unknown; message?: unknown };
  return LOST_CODES.includes(code) || LOST_NUMBERS.includes(errno) || /closed state/.test(String(message));
}
