import pg from 'pg';
import { messageOf } from '../../fault.ts';
import { type ErrorClass, isUnreachable, QueryError } from '../query-error.ts';

/** SQLSTATEs, or classes of them by their first two characters. A SQLSTATE that is not listed is a `fault`. */
const CLASSES: Readonly<Record<string, ErrorClass>> = {
  '40': 'transient', // serialization failure, deadlock, and a standby's conflict with recovery
  '55P03': 'transient', // lock_not_available

  '08': 'lost', // connection exceptions
  '25P03': 'lost', // idle_in_transaction_session_timeout
  '25P04': 'lost', // transaction_timeout
  '57P01': 'lost', // admin_shutdown
  '57P02': 'lost', // crash_shutdown
  '57P05': 'lost', // idle_session_timeout

  '53': 'outage', // insufficient resources
  '57P03': 'outage', // cannot_connect_now
  '57P04': 'outage', // database_dropped
  '58': 'outage', // system errors
  XX001: 'outage', // data_corrupted
  XX002: 'outage', // index_corrupted
};

/**
 * Errors of a parameter that the column's type or the server's encoding cannot hold. They are about the username only if
 * the server raised them while it read the parameters: a view may raise the same while it is executed.
 */
const PARAMETER_ERRORS: readonly (string | undefined)[] = [
  '22021', // character_not_in_repertoire
  '22P05', // untranslatable_character
  '22P02', // invalid_text_representation
  '22003', // numeric_value_out_of_range
  '22007', // invalid_datetime_format
  '22008', // datetime_field_overflow
];

/** @param bound whether the server had read the parameters */
export function queryErrorOf(error: unknown, bound: boolean): QueryError {
  if (error instanceof QueryError) return error;
  return new QueryError(classOf(error, bound), withoutValues(error), { away: isAway(error) });
}

/** SQLSTATEs, or classes of them, of a server that is stopping, starting, without capacity or too slow to answer. */
const AWAY: readonly string[] = [
  '08', // connection exceptions
  '53', // insufficient resources
  '55P03', // lock_not_available
  '57014', // query_canceled: statement_timeout
  '57P01', // admin_shutdown
  '57P02', // crash_shutdown
  '57P03', // cannot_connect_now
];

/** Of several hosts, if it is true of each. */
function isAway(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.length > 0 && error.errors.every(isAway);
  if (!(error instanceof pg.DatabaseError)) return isUnreachable(error) || isLost(error);
  const { code = '' } = error;
  return AWAY.includes(code) || AWAY.includes(code.slice(0, 2));
}

/**
 * The message without the values that it quotes. An error about data (class 22) may quote what a user typed as the username,
 * or a column that is a secret.
 */
function withoutValues(error: unknown): string {
  const message = messageOf(error);
  const aboutData = error instanceof pg.DatabaseError && error.code?.startsWith('22') === true;
  return aboutData ? message.replace(/".*"/s, '"…"') : message;
}

function classOf(error: unknown, bound: boolean): ErrorClass {
  if (!(error instanceof pg.DatabaseError)) return isLost(error) ? 'lost' : 'outage';
  const { code = '', severity } = error;
  if (!bound && PARAMETER_ERRORS.includes(code)) return 'no_account';
  const known = CLASSES[code] ?? CLASSES[code.slice(0, 2)];
  if (known !== undefined) return known;
  if (isStale(error)) return 'transient';
  // The server has closed the connection.
  return severity === 'FATAL' || severity === 'PANIC' ? 'lost' : 'fault';
}

/** Whether a table was altered or replaced after the statement was planned: another connection plans it again. */
function isStale({ code, routine, message }: pg.DatabaseError): boolean {
  // "cached plan must not change result type", in whatever language.
  if (code === '0A000') return routine === 'RevalidateCachedQuery';
  // Messages of internal errors are not translated.
  return code === 'XX000' && /^(cache lookup failed|could not open relation)/.test(message);
}

/**
 * Whether an error is about a prepared statement that does not exist or exists already: a pooler gives the daemon other
 * connections to the server.
 */
export function isPreparedElsewhere(error: unknown): boolean {
  return error instanceof pg.DatabaseError && (error.code === '26000' || error.code === '42P05');
}

function isLost(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  if (code === 'ECONNRESET' || code === 'EPIPE') return true;
  return error instanceof Error && /Connection terminated|Client has encountered|not queryable/.test(error.message);
}
