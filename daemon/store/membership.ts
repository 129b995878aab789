import { type CompiledQuery, type Kysely, type RawBuilder, sql } from 'kysely';
import { Fault } from '../fault.ts';
import { Columns, type SqlDialect } from './query.ts';
import { flag, text } from './row.ts';
import type { Schema } from './schema.ts';

/** A group with one of its members, or with none where it is empty. */
export interface Membership {
  readonly group: string;
  /** The member's name; undefined where there is no member, or none that may in. */
  readonly member: string | undefined;
  /** Where the rows behind this one begin. */
  readonly at: Cursor;
}

/** A place in the order of all memberships: primary keys, as text. The second is null for an empty group. */
export type Cursor = readonly [group: string, user: string | null];

export interface MembershipRow {
  group_id: unknown;
  group_name: unknown;
  user_id: unknown;
  username: unknown;
  active: unknown;
}

/**
 * Up to `most` memberships behind a place, with empty groups among them, in one statement. Pages go on from keys, not by
 * counting: what comes or goes meanwhile shifts nobody out of a page.
 *
 * @returns undefined where the user model has no groups
 */
export function membershipQuery(
  db: Kysely<unknown>,
  schema: Schema,
  dialect: SqlDialect,
  after: Cursor | undefined,
  most: number,
): CompiledQuery | undefined {
  const { user, group, userGroups } = schema;
  if (userGroups === undefined) return undefined;
  const column = new Columns(schema, dialect);
  const groupId = sql.id('g', group.id);
  const userId = sql.id('ug', userGroups.user);
  // The user's table may be several, joined in an order that a left join could not keep.
  const ofMember = (value: RawBuilder<unknown>) =>
    sql`(select ${value} from ${column.users()} where ${column.ofUser(user.id)} = ${userId})`;
  // The first half of a conjunction is what an index can be read by.
  const behind = (place: Cursor) =>
    place[1] === null
      ? sql`where ${groupId} > ${place[0]}`
      : sql`where ${groupId} >= ${place[0]} and (${groupId} > ${place[0]} or ${userId} > ${place[1]})`;
  return sql`
    select
      ${groupId} as group_id,
      ${sql.id('g', group.name)} as group_name,
      ${userId} as user_id,
      ${ofMember(column.ofUser(user.username))} as username,
      ${user.active === undefined ? sql.lit(1) : ofMember(column.ofUser(user.active))} as active
    from ${column.table(group.table)} as g
    left join ${column.table(userGroups.table)} as ug on ${sql.id('ug', userGroups.group)} = ${groupId}
    ${after === undefined ? sql`` : behind(after)}
    order by ${groupId}, ${userId}
    limit ${sql.lit(most)}`.compile(db);
}

/** @throws Fault where a key cannot be told as text, so that no page could begin behind it */
export function membershipOf(row: MembershipRow): Membership {
  const mayIn = flag(row.active) && row.username !== null && row.username !== undefined;
  return {
    group: text(row.group_name),
    member: mayIn ? text(row.username) : undefined,
    at: [keyOf(row.group_id), row.user_id === null ? null : keyOf(row.user_id)],
  };
}

function keyOf(value: unknown): string {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint') return String(value);
  throw new Fault('a primary key of a user or group is neither a number nor text: groups cannot be listed');
}
