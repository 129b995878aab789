import { type RawBuilder, sql } from 'kysely';
import { Fault } from '../../fault.ts';
import type { SqlDialect } from '../query.ts';

/**
 * A list has the form `count:item;item;`. A text is the hexadecimal digits of its UTF-8, a pair is two of them with a
 * `.` between. JSON_ARRAYAGG exists only from MySQL 5.7.22 and MariaDB 10.5 on, and MariaDB's truncates a long list as
 * GROUP_CONCAT does: in this form a truncated list is detected.
 */
export const dialect: SqlDialect = {
  quote: '`',
  text: (text) => hex(text),
  pair: (a, b) => sql`concat(${hex(a)}, '.', ${hex(b)})`,
  iexact: { operator: 'like' },
  list: (item) => sql`concat(count(*), ':', coalesce(group_concat(concat(${item}, ';') separator ''), ''))`,
};

function hex(text: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`hex(convert(${text} using utf8mb4))`;
}

/** The items, still encoded. @throws Fault if the list is truncated */
function itemsOf(list: unknown): string[] {
  const [, count, items] = (typeof list === 'string' && /^(\d+):([0-9A-F.;]*)$/.exec(list)) || [];
  const complete = items === '' || items?.endsWith(';');
  const found = items?.split(';').slice(0, -1) ?? [];
  if (!complete || found.length !== Number(count)) {
    throw new Fault('the database returned no list, or a truncated one, of groups or permissions');
  }
  return found;
}

function textOf(item: string): string {
  return Buffer.from(item, 'hex').toString();
}

function pairOf(item: string): [string, string] {
  const [a, b] = item.split('.');
  if (a === undefined || b === undefined) throw new Fault('the database returned no pair for a permission');
  return [textOf(a), textOf(b)];
}

/** The texts of a list. @throws Fault if it is truncated */
export function textsOf(list: unknown): string[] {
  return itemsOf(list).map(textOf);
}

/** The pairs of a list. @throws Fault if it is truncated */
export function pairsOf(list: unknown): [string, string][] {
  return itemsOf(list).map(pairOf);
}
