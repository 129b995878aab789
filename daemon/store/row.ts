import { type Account, byOctets } from '../account/account.ts';
import { Fault } from '../fault.ts';
import type { AccountRow } from './query.ts';
import { integerOf } from './username-type.ts';

/**
 * The account in the rows found for a username.
 *
 * @throws Fault if the username is not unique or a column holds a value that Django never writes.
 */
export function accountOf(rows: readonly AccountRow[]): Account | null {
  const row = rows[0];
  if (row === undefined) return null;
  if (rows.length > 1) throw new Fault('more than one account has this username');
  const permissions = [...pairs(row.direct), ...pairs(row.inherited)];
  return {
    id: text(row.id),
    username: text(row.username),
    // SQLite can store a blob in a text column: Django raises on it, so it never grants.
    encoded: typeof row.password === 'string' ? row.password : null,
    active: flag(row.active),
    staff: flag(row.staff),
    superuser: flag(row.superuser),
    email: text(row.email),
    firstName: text(row.first_name),
    lastName: text(row.last_name),
    groups: list(row.groups).map(text).sort(byOctets),
    permissions: new Set(permissions),
  };
}

/**
 * The rows whose primary key is exactly this text. A database converts a text that it compares with a number: to MySQL
 * "7x" equals 7, to SQLite "07" does.
 */
export function rowsWithId(rows: readonly AccountRow[], id: string): AccountRow[] {
  return rows.filter((row) => text(row.id) === id);
}

/**
 * The rows whose username is the typed one, among those that the database finds. A text column's collation decides that,
 * but a column of numbers is compared after a conversion: to MySQL 7 equals "7x", to SQLite "7.0", to PostgreSQL "0x7".
 * There the text must be the number as Django reads it.
 */
export function rowsWithUsername(rows: readonly AccountRow[], typed: string): AccountRow[] {
  return rows.filter(({ username }) => {
    if (typeof username !== 'number' && typeof username !== 'bigint') return true;
    return integerOf(typed) === String(username);
  });
}

/**
 * A flag is set only by the true that Django writes, in any type that the column may have: a boolean, the number 1, or
 * the texts and octets of BIT and CHAR(1) columns. It is not set by NULL or 2.
 */
export function flag(value: unknown): boolean {
  if (value instanceof Uint8Array)
    return value.length > 0 && value.every((octet, index) => octet === (index < value.length - 1 ? 0 : 1));
  return value === true || value === 1 || value === 1n || value === '1' || value === 't';
}

export function text(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'string' ? value : String(value);
}

function list(value: unknown): unknown[] {
  const parsed: unknown = typeof value === 'string' ? JSON.parse(value) : value;
  if (parsed === null || parsed === undefined) return []; // an aggregate over no rows
  if (!Array.isArray(parsed)) throw new Fault('the database returned no list of groups or permissions');
  return parsed;
}

/** As in Django: "%s.%s" of app label and codename, compared as a whole, whichever part has dots. */
function pairs(value: unknown): string[] {
  return list(value).map((pair) => {
    if (!Array.isArray(pair)) throw new Fault('the database returned no pair for a permission');
    return `${text(pair[0])}.${text(pair[1])}`;
  });
}
