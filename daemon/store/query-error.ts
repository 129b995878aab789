import { Fault } from '../fault.ts';

/**
 * What an error says. `errors.ts` of each server maps its codes to one of these; docs/databases.md has the tables.
 *
 * - `no_account`: the database cannot hold or compare such a username, so there is no such account
 * - `transient`: the query may succeed on another connection or a moment later
 * - `lost`: the connection is lost; another one may work
 * - `outage`: the server does not answer or cannot be used
 * - `fault`: the server works and cannot answer this query
 */
export type ErrorClass = 'no_account' | 'transient' | 'lost' | 'outage' | 'fault';

/** The failure of a query, classified. */
export class QueryError extends Error {
  readonly class: ErrorClass;
  /**
   * Whether it says only that the server cannot be reached, has no capacity or does not answer in time. Whatever the class, a
   * server that refuses the role, or has no such database or table, is there.
   */
  readonly away: boolean;

  constructor(errorClass: ErrorClass, message: string, { away }: { readonly away: boolean } = { away: false }) {
    super(message);
    this.class = errorClass;
    this.away = away;
  }
}

/** The codes of the system for a server that cannot be reached. */
const UNREACHABLE: readonly unknown[] = [
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOENT', // its socket
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'EAI_AGAIN',
];

/** Whether an error of the system says that the server cannot be reached; of all the addresses that were tried. */
export function isUnreachable(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.length > 0 && error.errors.every(isUnreachable);
  return UNREACHABLE.includes((error as { code?: unknown } | undefined)?.code);
}

/** The database does not answer, or cannot be used by anyone. Any other fault says nothing about the database's state. */
export class Outage extends Fault {}
