import { type Account, byOctets } from '../account/account.ts';
import { Fault } from '../fault.ts';
import type { AccountRow } from './query.ts';

/**
 * The account of the rows found for a name.
 *
 * @throws Fault where the name is not unique or a column holds what Django never writes.
 */
export function accountOf(rows: readonly AccountRow[]): Account | null {
  const row = rows[0];
  if (row === undefined) return null;
  if (rows.length > 1) throw new Fault('more than one account has this username');
  const permissions = [...pairs(row.direct), ...pairs(row.inherited)];
  return {
    id: text(row.id),
    username: text(row.username),
    // SQLite can hold octets in a text column: Django raises on them, so nobody is let in by them.
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

/** A flag is set only by the one value that Django writes for it: NULL, 2 or "t" in a boolean column set nothing. */
export function flag(value: unknown): boolean {
  return value === true || value === 1 || value === 1n;
}

export function text(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'string' ? value : String(value);
}

function list(value: unknown): unknown[] {
  const parsed: unknown = typeof value === 'string' ? JSON.parse(value) : value;
  if (parsed === null || parsed === undefined) return []; // no row to aggregate
  if (!Array.isArray(parsed)) throw new Fault('the database gave no list where groups or permissions belong');
  return parsed;
}

/** As Django: "%s.%s" of app label and codename, compared as a whole, wherever its dots are. */
function pairs(value: unknown): string[] {
  return list(value).map((pair) => {
    if (!Array.isArray(pair)) throw new Fault('the database gave no pair where a permission belongs');
    return `${text(pair[0])}.${text(pair[1])}`;
  });
}
