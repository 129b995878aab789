import { type CompiledQuery, type Kysely, type RawBuilder, sql } from 'kysely';
import { Fault } from '../fault.ts';
import { Columns, type SqlDialect } from './query.ts';
import { flag, text } from './row.ts';
import type { Schema } from './schema.ts';

/** A group with one of its members, or with none if it is empty. */
export interface Membership {
  readonly group: string;
  /** The member's username; undefined if the group is empty or the member is not active. */
  readonly member: string | undefined;
  /** The cursor of the rows after this one. */
  readonly cursor: Cursor;
}

/** A position in the order of all memberships: primary keys, as text. The second is null for an empty group. */
export type Cursor = readonly [group: string, user: string | null];

export interface MembershipRow {
  group_id: unknown;
  group_name: unknown;
  user_id: unknown;
  username: unknown;
  active: unknown;
}

/**
 * Up to `limit` memberships after a cursor, including empty groups, in one statement. Pages continue from keys, not from
 * an offset: rows that are added or removed meanwhile shift no member out of a page.
 *
 * @returns undefined if the user model has no groups
 */
export function membershipQuery(
  db: Kysely<unknown>,
  schema: Schema,
  dialect: SqlDialect,
  after: Cursor | undefined,
  limit: number,
): CompiledQuery | undefined {
  const { user, group: groups, userGroups } = schema;
  if (userGroups === undefined) return undefined;
  const column = new Columns(schema, dialect);
  const groupId = sql.id('g', groups.id);
  const userId = sql.id('ug', userGroups.user);
  // The user model may span several tables, joined in an order that a left join would not keep.
  const ofMember = (value: RawBuilder<unknown>) =>
    sql`(select ${value} from ${column.users()} where ${column.ofUser(user.id)} = ${userId})`;
  // The first half of the conjunction is redundant: it lets the database use an index.
  const rowsAfter = ([group, user]: Cursor) =>
    user === null
      ? sql`where ${groupId} > ${group}`
      : sql`where ${groupId} >= ${group} and (${groupId} > ${group} or ${userId} > ${user})`;
  return sql`
    select
      ${groupId} as group_id,
      ${sql.id('g', groups.name)} as group_name,
      ${userId} as user_id,
      ${ofMember(column.ofUser(user.username))} as username,
      ${user.active === undefined ? sql.lit(1) : ofMember(column.ofUser(user.active))} as active
    from ${column.table(groups.table)} as g
    left join ${column.table(userGroups.table)} as ug on ${sql.id('ug', userGroups.group)} = ${groupId}
    ${after === undefined ? sql`` : rowsAfter(after)}
    order by ${groupId}, ${userId}
    limit ${sql.lit(limit)}`.compile(db);
}

/** @throws Fault if a key has no text form, so that no page could begin after it */
export function membershipOf(row: MembershipRow): Membership {
  const isMember = flag(row.active) && row.username !== null && row.username !== undefined;
  return {
    group: text(row.group_name),
    member: isMember ? text(row.username) : undefined,
    cursor: [keyOf(row.group_id), row.user_id === null ? null : keyOf(row.user_id)],
  };
}

function keyOf(value: unknown): string {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint') return String(value);
  throw new Fault('a primary key of a user or group is neither a number nor text: groups cannot be listed');
}
