import { type CompiledQuery, type Kysely, type RawBuilder, sql } from 'kysely';
import { Columns, permissionJoins, type SqlDialect } from './query.ts';
import { text } from './row.ts';
import type { Schema } from './schema.ts';

/** What is asked about groups and permissions, to explain a verdict. */
export interface RightsAsked {
  /** The primary key of the account, as text; undefined: no account's. */
  readonly id: string | undefined;
  /** `app_label.codename`. */
  readonly permissions: readonly string[];
  readonly groups: readonly string[];
}

/** Where the permissions that were asked about come from, and which of what was asked about exists at all. */
export interface Rights {
  /** One entry for each way in which the account has a permission; `group` is undefined if it has it directly. */
  readonly held: readonly { readonly permission: string; readonly group: string | undefined }[];
  readonly permissions: Known;
  readonly groups: Known;
}

export interface Known {
  /** Those of the names asked about that exist. */
  readonly existing: readonly string[];
  /** Names that exist, for suggestions: the first ones only. Empty if all names asked about exist. */
  readonly others: readonly string[];
}

/** How many names are read for suggestions, and how many ways in which an account has permissions. */
const OTHERS_MAX = 2_000;
const HELD_MAX = 1_000;

interface RightsRow {
  readonly group_name?: unknown;
  readonly app_label?: unknown;
  readonly codename?: unknown;
}

const NONE: Known = { existing: [], others: [] };

/** Nothing was asked about. */
export const NO_RIGHTS: Rights = { held: [], permissions: NONE, groups: NONE };

/** The queries that answer, one after the other: each is answered with its rows. */
export function* rightsSteps(
  { db, schema, dialect }: { db: Kysely<unknown>; schema: Schema; dialect: SqlDialect },
  { id, permissions, groups }: RightsAsked,
): Generator<CompiledQuery, Rights, readonly object[]> {
  const { group, permission, contentType, userGroups, userPermissions, groupPermissions } = schema;
  const column = new Columns(schema, dialect);
  const label = sql`${sql.id('ct', contentType.appLabel)} as app_label, ${sql.id('p', permission.codename)} as codename`;
  const codename = sql.id('p', permission.codename);
  const among = (name: RawBuilder<unknown>, list: readonly string[]) => sql`${name} in (${sql.join(list)})`;
  const codenames = [...new Set(permissions.flatMap(codenamesOf))];
  const some = (count: number) => sql`limit ${sql.lit(count)}`;

  const held: { permission: string; group: string | undefined }[] = [];
  if (id !== undefined && codenames.length > 0) {
    const joins = (of: RawBuilder<unknown>) => permissionJoins(schema, column, of);
    const queries: RawBuilder<unknown>[] = [];
    if (userPermissions) {
      queries.push(sql`select ${label} from ${column.table(userPermissions.table)} as up
        ${joins(sql.id('up', userPermissions.permission))}
        where ${sql.id('up', userPermissions.user)} = ${id} and ${among(codename, codenames)} ${some(HELD_MAX)}`);
    }
    if (userGroups) {
      queries.push(sql`select ${sql.id('g', group.name)} as group_name, ${label}
        from ${column.table(userGroups.table)} as ug
        join ${column.table(group.table)} as g on ${sql.id('g', group.id)} = ${sql.id('ug', userGroups.group)}
        join ${column.table(groupPermissions.table)} as gp on ${sql.id('gp', groupPermissions.group)} = ${sql.id('g', group.id)}
        ${joins(sql.id('gp', groupPermissions.permission))}
        where ${sql.id('ug', userGroups.user)} = ${id} and ${among(codename, codenames)} ${some(HELD_MAX)}`);
    }
    for (const query of queries) {
      for (const row of (yield query.compile(db)) as readonly RightsRow[]) {
        if (!permissions.includes(labelOf(row))) continue;
        held.push({ permission: labelOf(row), group: 'group_name' in row ? text(row.group_name) : undefined });
      }
    }
  }

  const read = function* (query: RawBuilder<unknown>, nameOf: (row: RightsRow) => string) {
    return ((yield query.compile(db)) as readonly RightsRow[]).map(nameOf);
  };
  const known = function* (
    asked: readonly string[],
    found: RawBuilder<unknown>,
    all: RawBuilder<unknown>,
    nameOf: (row: RightsRow) => string,
  ) {
    if (asked.length === 0) return NONE;
    const existing = (yield* read(found, nameOf)).filter((name) => asked.includes(name));
    const others = asked.every((name) => existing.includes(name)) ? [] : yield* read(all, nameOf);
    return { existing, others };
  };
  const labels = sql`select ${label} from ${column.table(permission.table)} as p
    join ${column.table(contentType.table)} as ct on ${sql.id('ct', contentType.id)} = ${sql.id('p', permission.contentType)}`;
  const names = sql`select ${sql.id('g', group.name)} as group_name from ${column.table(group.table)} as g`;
  return {
    held,
    permissions: yield* known(
      permissions,
      sql`${labels} where ${among(codename, codenames.length > 0 ? codenames : [''])} ${some(OTHERS_MAX)}`,
      sql`${labels} order by ${sql.id('p', permission.id)} ${some(OTHERS_MAX)}`,
      labelOf,
    ),
    groups: yield* known(
      groups,
      sql`${names} where ${among(sql.id('g', group.name), groups.length > 0 ? groups : [''])} ${some(OTHERS_MAX)}`,
      sql`${names} order by ${sql.id('g', group.id)} ${some(OTHERS_MAX)}`,
      ({ group_name }) => text(group_name),
    ),
  };
}

/** A label is compared as a whole, whichever part has dots: each dot may be the one between app label and codename. */
function codenamesOf(permission: string): string[] {
  const parts = permission.split('.');
  return parts.slice(1).map((_, at) => parts.slice(at + 1).join('.'));
}

function labelOf({ app_label, codename }: RightsRow): string {
  return `${text(app_label)}.${text(codename)}`;
}
