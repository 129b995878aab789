import { type CompiledQuery, type Kysely, type RawBuilder, sql } from 'kysely';
import type { Schema } from './schema.ts';

/** What databases spell differently: a JSON list over the rows of a subquery, and a pair as JSON. */
export interface JsonSpelling {
  /** `expression` of all rows as one JSON list. */
  list(expression: RawBuilder<unknown>): RawBuilder<unknown>;
  pair(a: RawBuilder<unknown>, b: RawBuilder<unknown>): RawBuilder<unknown>;
}

/** A row of the account query, as every database gives it: what JSON holds is still text or already a value. */
export interface AccountRow {
  id: unknown;
  username: unknown;
  password: unknown;
  active: unknown;
  staff: unknown;
  superuser: unknown;
  email: unknown;
  first_name: unknown;
  last_name: unknown;
  groups: unknown;
  direct: unknown;
  inherited: unknown;
}

/**
 * The account of a name with its groups and permissions, in one statement and so of one moment. Its one parameter is
 * the name. Two rows at most: more than one means that the name is not unique, which is a fault, as in Django.
 *
 * The lists are scalar subqueries, not joins: rows do not multiply, and MySQL has no other way to correlate.
 */
export function accountQuery(db: Kysely<unknown>, schema: Schema, json: JsonSpelling): CompiledQuery {
  const { user } = schema;
  return sql`
    select
      ${ofUser(user.id)} as id,
      ${ofUser(user.username)} as username,
      ${ofUser(user.password)} as password,
      ${user.active === undefined ? sql.lit(1) : ofUser(user.active)} as active,
      ${ofUser(user.staff)} as staff,
      ${ofUser(user.superuser)} as superuser,
      ${ofUser(user.email)} as email,
      ${ofUser(user.firstName)} as first_name,
      ${ofUser(user.lastName)} as last_name,
      ${groupNames(schema, json)} as ${sql.ref('groups')},
      ${directPermissions(schema, json)} as direct,
      ${inheritedPermissions(schema, json)} as inherited
    ${fromUsers(schema)}
    where ${ofUser(user.username)} = ${''}
    limit 2`.compile(db);
}

const column = (table: string, name: string) => sql.ref(`${table}.${name}`);

/** A column of the user, `column` or `parent.column`; NULL for one that the model does not have. */
function ofUser(name: string | undefined): RawBuilder<unknown> {
  if (name === undefined) return sql`null`;
  return name.includes('.') ? sql.ref(name) : column('u', name);
}

function fromUsers({ user }: Schema): RawBuilder<unknown> {
  const joins = user.parents.map(
    ({ table, id, link }) => sql` join ${sql.table(table)} on ${column(table, id)} = ${column('u', link)}`,
  );
  return sql`from ${sql.table(user.table)} as u${sql.join(joins, sql``)}`;
}

function groupNames({ user, userGroups, group }: Schema, json: JsonSpelling): RawBuilder<unknown> {
  if (!userGroups) return sql`null`;
  return sql`(
    select ${json.list(column('g', group.name))}
    from ${sql.table(userGroups.table)} as ug
    join ${sql.table(group.table)} as g on ${column('g', group.id)} = ${column('ug', userGroups.group)}
    where ${column('ug', userGroups.user)} = ${ofUser(user.id)})`;
}

function directPermissions(schema: Schema, json: JsonSpelling): RawBuilder<unknown> {
  const { user, userPermissions } = schema;
  if (!userPermissions) return sql`null`;
  return sql`(
    select ${permissionLabels(schema, json)}
    from ${sql.table(userPermissions.table)} as up
    ${permissionJoins(schema, column('up', userPermissions.permission))}
    where ${column('up', userPermissions.user)} = ${ofUser(user.id)})`;
}

function inheritedPermissions(schema: Schema, json: JsonSpelling): RawBuilder<unknown> {
  const { user, userGroups, groupPermissions } = schema;
  if (!userGroups) return sql`null`;
  return sql`(
    select ${permissionLabels(schema, json)}
    from ${sql.table(userGroups.table)} as ug
    join ${sql.table(groupPermissions.table)} as gp
      on ${column('gp', groupPermissions.group)} = ${column('ug', userGroups.group)}
    ${permissionJoins(schema, column('gp', groupPermissions.permission))}
    where ${column('ug', userGroups.user)} = ${ofUser(user.id)})`;
}

function permissionLabels({ permission, contentType }: Schema, json: JsonSpelling): RawBuilder<unknown> {
  return json.list(json.pair(column('ct', contentType.appLabel), column('p', permission.codename)));
}

function permissionJoins({ permission, contentType }: Schema, of: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`
    join ${sql.table(permission.table)} as p on ${column('p', permission.id)} = ${of}
    join ${sql.table(contentType.table)} as ct on ${column('ct', contentType.id)} = ${column('p', permission.contentType)}`;
}

/** The encoded hashes of the youngest accounts: what a site's hashes cost nowadays. */
export function sampleQuery(db: Kysely<unknown>, schema: Schema, most: number): CompiledQuery {
  const { user } = schema;
  return sql`
    select ${ofUser(user.password)} as password ${fromUsers(schema)}
    order by ${ofUser(user.id)} desc limit ${sql.lit(most)}`.compile(db);
}
