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

  constructor(errorClass: ErrorClass, message: string) {
    super(message);
    this.class = errorClass;
  }
}

/** The database does not answer, or cannot be used by anyone. Any other fault says nothing about the database's state. */
export class Outage extends Fault {}
