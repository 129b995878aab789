import { messageOf } from '../../fault.ts';
import { type ErrorClass, isUnreachable, QueryError } from '../query-error.ts';

/** Error numbers of MySQL and MariaDB. A number of the server that is not listed is a `fault`. */
const CLASSES: Readonly<Record<number, ErrorClass>> = {
  1020: 'transient', // ER_CHECKREAD: record has changed since last read
  1205: 'transient', // ER_LOCK_WAIT_TIMEOUT
  1213: 'transient', // ER_LOCK_DEADLOCK
  1317: 'transient', // ER_QUERY_INTERRUPTED: KILL QUERY
  1412: 'transient', // ER_TABLE_DEF_CHANGED
  1615: 'transient', // ER_NEED_REPREPARE

  1053: 'lost', // ER_SERVER_SHUTDOWN
  1077: 'lost', // ER_NORMAL_SHUTDOWN
  1079: 'lost', // ER_SHUTDOWN_COMPLETE
  1152: 'lost', // ER_ABORTING_CONNECTION
  1158: 'lost', // ER_NET_READ_ERROR
  1159: 'lost', // ER_NET_READ_INTERRUPTED
  1160: 'lost', // ER_NET_ERROR_ON_WRITE
  1161: 'lost', // ER_NET_WRITE_INTERRUPTED
  1184: 'lost', // ER_NEW_ABORTING_CONNECTION
  1927: 'lost', // ER_CONNECTION_KILLED
  2006: 'lost', // CR_SERVER_GONE_ERROR
  2013: 'lost', // CR_SERVER_LOST
  3169: 'lost', // ER_SESSION_WAS_KILLED
  4031: 'lost', // ER_CLIENT_INTERACTION_TIMEOUT

  1021: 'outage', // ER_DISK_FULL
  1037: 'outage', // ER_OUTOFMEMORY
  1040: 'outage', // ER_CON_COUNT_ERROR
  1041: 'outage', // ER_OUT_OF_RESOURCES
  1047: 'outage', // a Galera node that is not ready
  1135: 'outage', // ER_CANT_CREATE_THREAD
  1203: 'outage', // ER_TOO_MANY_USER_CONNECTIONS
  1226: 'outage', // ER_USER_LIMIT_REACHED
};

/** Errors that say that the server, or a pooler before it, does not prepare statements. */
const UNPREPARABLE: Readonly<Record<number, string>> = {
  1047: 'the server or pooler does not know prepared statements', // ER_UNKNOWN_COM_ERROR
  1243: 'a pooler seems to be in use', // ER_UNKNOWN_STMT_HANDLER
  1295: 'the server or pooler does not prepare this statement', // ER_UNSUPPORTED_PS
  1461: 'the server has reached max_prepared_stmt_count', // ER_MAX_PREPARED_STMT_COUNT_REACHED
};

const NETWORK: readonly unknown[] = ['PROTOCOL_CONNECTION_LOST', 'ECONNRESET', 'EPIPE'];

/** The number of an error that the server sent; undefined for any other. */
function numberOf(error: unknown): number | undefined {
  const { errno, sqlState } = error as { errno?: unknown; sqlState?: unknown };
  return typeof errno === 'number' && errno > 0 && typeof sqlState === 'string' ? errno : undefined;
}

export function queryErrorOf(error: unknown): QueryError {
  if (error instanceof QueryError) return error;
  const { code, errno } = error as { code?: unknown; errno?: unknown };
  const message = withoutValues(error);
  if (NETWORK.includes(code) || /closed state/.test(message)) return new QueryError('lost', message, { away: true });
  const known = typeof errno === 'number' ? CLASSES[errno] : undefined;
  const away = isUnreachable(error) || (typeof errno === 'number' && AWAY.includes(errno));
  return new QueryError(known ?? (numberOf(error) === undefined ? 'outage' : 'fault'), message, { away });
}

/** The numbers of a server that is stopping, without capacity or too slow to answer. */
const AWAY: readonly number[] = [
  1021, // ER_DISK_FULL
  1037, // ER_OUTOFMEMORY
  1040, // ER_CON_COUNT_ERROR
  1041, // ER_OUT_OF_RESOURCES
  1047, // a Galera node that is not ready
  1053, // ER_SERVER_SHUTDOWN
  1077, // ER_NORMAL_SHUTDOWN
  1079, // ER_SHUTDOWN_COMPLETE
  1135, // ER_CANT_CREATE_THREAD
  1158, // ER_NET_READ_ERROR
  1159, // ER_NET_READ_INTERRUPTED
  1160, // ER_NET_ERROR_ON_WRITE
  1161, // ER_NET_WRITE_INTERRUPTED
  1203, // ER_TOO_MANY_USER_CONNECTIONS
  1205, // ER_LOCK_WAIT_TIMEOUT
  1969, // ER_STATEMENT_TIMEOUT of MariaDB
  2006, // CR_SERVER_GONE_ERROR
  2013, // CR_SERVER_LOST
  3024, // ER_QUERY_TIMEOUT of MySQL
];

/** Errors that quote a value of another SQLSTATE than class 22: wrong strings, dates and numbers. */
const QUOTING: readonly unknown[] = [1300, 1366, 1411, 1525, 3854];

/**
 * The message without the values that it quotes: it may be what a user typed as the username, or a column that is a
 * secret.
 */
function withoutValues(error: unknown): string {
  const { errno, sqlState } = error as { errno?: unknown; sqlState?: unknown };
  const message = messageOf(error);
  const aboutData = QUOTING.includes(errno) || (typeof sqlState === 'string' && sqlState.startsWith('22'));
  return aboutData ? message.replace(/'.*'/s, "'…'") : message;
}

/** Why no statement can be prepared, if the error says so. */
export function unpreparable(error: unknown): string | undefined {
  const number = numberOf(error);
  if (number === 1047 && /WSREP/i.test(messageOf(error))) return undefined;
  return number === undefined ? undefined : UNPREPARABLE[number];
}

/**
 * Whether an error may mean that a parameter cannot be compared, because the column's character set does not have one
 * of its characters. Another mix of collations in the query, as in a view, has the same number: the caller makes sure
 * that the same query with another parameter succeeds.
 */
export function mayBeAboutParameter(error: unknown, parameters: readonly unknown[]): boolean {
  const number = numberOf(error);
  // ER_CANT_AGGREGATE_2COLLATIONS, ER_INVALID_CHARACTER_STRING, ER_CANNOT_CONVERT_STRING
  if (number !== 1267 && number !== 1300 && number !== 3854) return false;
  return parameters.some((parameter) => /[^\0-\x7f]/.test(String(parameter)));
}
