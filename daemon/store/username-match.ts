import { type RawBuilder, sql } from 'kysely';
import { integerOf, uuidOf } from './username-type.ts';

/**
 * How a typed username is compared with the column: as the database compares texts, as Django's lookup `iexact`, as the
 * column compares its lower-case form, or as an integer field or UUIDField of Django reads it.
 */
export const USERNAME_MATCHES = ['exact', 'iexact', 'lower', 'integer', 'uuid'] as const;
export type UsernameMatch = (typeof USERNAME_MATCHES)[number];

/** What databases spell differently of Django's `iexact`: `UPPER() = UPPER()`, or `LIKE`. */
export interface IexactDialect {
  readonly operator: 'upper' | 'like';
  /** Follows the pattern of `LIKE`; MySQL has no need of it. */
  readonly escape?: string;
}

/** The condition that an account's username meets; `parameter` is what `usernameParameter` gives. */
export function usernameCondition(
  column: RawBuilder<unknown>,
  parameter: RawBuilder<unknown>,
  match: UsernameMatch,
  { operator, escape: clause = '' }: IexactDialect,
): RawBuilder<unknown> {
  if (match !== 'iexact') return sql`${column} = ${parameter}`;
  if (operator === 'upper') return sql`upper(${column}::text) = upper(${parameter})`;
  return sql`${column} like ${parameter}${sql.raw(clause)}`;
}

/** What is sent for a typed username; undefined if no account can have it. */
export function usernameParameter(
  username: string,
  match: UsernameMatch,
  { operator }: IexactDialect,
): string | undefined {
  if (match === 'lower') return username.toLowerCase();
  if (match === 'integer') return integerOf(username);
  if (match === 'uuid') return uuidOf(username);
  return match === 'iexact' && operator === 'like' ? username.replace(/[\\%_]/g, '\\$&') : username;
}
