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
  const { user, userGroups, userPermissions, group, groupPermissions, permission, contentType } = schema;
  const column = (table: string, name: string) => sql.ref(`${table}.${name}`);
  const label = json.pair(column('ct', contentType.appLabel), column('p', permission.codename));
  const permissionJoins = sql`
    join ${sql.table(permission.table)} as p on ${column('p', permission.id)} = ${column('x', 'permission')}
    join ${sql.table(contentType.table)} as ct on ${column('ct', contentType.id)} = ${column('p', permission.contentType)}`;
  return sql`
    select
      ${column('u', user.id)} as id,
      ${column('u', user.username)} as username,
      ${column('u', user.password)} as password,
      ${column('u', user.active)} as active,
      ${column('u', user.staff)} as staff,
      ${column('u', user.superuser)} as superuser,
      ${column('u', user.email)} as email,
      ${column('u', user.firstName)} as first_name,
      ${column('u', user.lastName)} as last_name,
      (select ${json.list(column('g', group.name))}
        from ${sql.table(userGroups.table)} as ug
        join ${sql.table(group.table)} as g on ${column('g', group.id)} = ${column('ug', userGroups.group)}
        where ${column('ug', userGroups.user)} = ${column('u', user.id)}) as ${sql.ref('groups')},
      (select ${json.list(label)}
        from (select ${sql.ref(userPermissions.user)} as ${sql.ref('owner')},
                     ${sql.ref(userPermissions.permission)} as ${sql.ref('permission')}
              from ${sql.table(userPermissions.table)}) as x
        ${permissionJoins}
        where ${column('x', 'owner')} = ${column('u', user.id)}) as direct,
      (select ${json.list(label)}
        from (select ${column('ug', userGroups.user)} as ${sql.ref('owner')},
                     ${column('gp', groupPermissions.permission)} as ${sql.ref('permission')}
              from ${sql.table(userGroups.table)} as ug
              join ${sql.table(groupPermissions.table)} as gp
                on ${column('gp', groupPermissions.group)} = ${column('ug', userGroups.group)}) as x
        ${permissionJoins}
        where ${column('x', 'owner')} = ${column('u', user.id)}) as inherited
    from ${sql.table(user.table)} as u
    where ${column('u', user.username)} = ${''}
    limit 2`.compile(db);
}

/** The encoded hashes of the youngest accounts: what a site's hashes cost nowadays. */
export function sampleQuery(db: Kysely<unknown>, schema: Schema, most: number): CompiledQuery {
  const { user } = schema;
  return sql`
    select ${sql.ref(user.password)} as password from ${sql.table(user.table)}
    order by ${sql.ref(user.id)} desc limit ${sql.lit(most)}`.compile(db);
}
