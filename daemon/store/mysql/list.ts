import { type RawBuilder, sql } from 'kysely';
import { Fault } from '../../fault.ts';
import type { SqlDialect } from '../query.ts';

/**
 * A list is written as `count:item;item;`, where a text is the hexadecimal digits of its UTF-8 and a pair two of them
 * with a `.` between. JSON_ARRAYAGG is not there before MySQL 5.7.22 and MariaDB 10.5, and like GROUP_CONCAT the latter
 * cuts a long list off: from this form one can see it.
 */
export const dialect: SqlDialect = {
  quote: '`',
  text: (text) => hex(text),
  pair: (a, b) => sql`concat(${hex(a)}, '.', ${hex(b)})`,
  list: (item) => sql`concat(count(*), ':', coalesce(group_concat(concat(${item}, ';') separator ''), ''))`,
};

function hex(text: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`hex(convert(${text} using utf8mb4))`;
}

/** The items as they are written. @throws Fault where some are missing */
function itemsOf(list: unknown): string[] {
  const [, count, items] = (typeof list === 'string' && /^(\d+):([0-9A-F.;]*)$/.exec(list)) || [];
  const whole = items === '' || items?.endsWith(';');
  const found = items?.split(';').slice(0, -1) ?? [];
  if (!whole || found.length !== Number(count)) {
    throw new Fault('the database gave no list, or one cut off, where groups or permissions belong');
  }
  return found;
}

function textOf(item: string): string {
  return Buffer.from(item, 'hex').toString();
}

function pairOf(item: string): [string, string] {
  const [a, b] = item.split('.');
  if (a === undefined || b === undefined) throw new Fault('the database gave no pair where a permission belongs');
  return [textOf(a), textOf(b)];
}

/** The texts of such a list. @throws Fault where it is not whole */
export function textsOf(list: unknown): string[] {
  return itemsOf(list).map(textOf);
}

/** The pairs of such a list. @throws Fault where it is not whole */
export function pairsOf(list: unknown): [string, string][] {
  return itemsOf(list).map(pairOf);
}
