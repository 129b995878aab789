import { type CompiledQuery, type Kysely, type RawBuilder, sql } from 'kysely';
import type { Schema } from './schema.ts';

/** What databases spell differently. */
export interface SqlDialect {
  /** What stands around the name of a table or column. */
  readonly quote: '"' | '`';
  /** A text, and a pair of texts, as items of a list. */
  text(text: RawBuilder<unknown>): RawBuilder<unknown>;
  pair(a: RawBuilder<unknown>, b: RawBuilder<unknown>): RawBuilder<unknown>;
  /** The items of all rows as one list. */
  list(item: RawBuilder<unknown>): RawBuilder<unknown>;
  /** A text of the user's own row; by default as it is. */
  column?(text: RawBuilder<unknown>): RawBuilder<unknown>;
}

/** A row of the account query. Lists are JSON, still text or already values, whatever the database made of them. */
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
 * One account with its groups and permissions, in one statement and so from one moment. Its one parameter is the
 * username or the primary key. It returns at most two rows: more than one means that the username is not unique, which
 * is a fault, as in Django.
 *
 * The lists are scalar subqueries, not joins: rows do not multiply, and MySQL has no other way to correlate.
 */
export function accountQuery(
  db: Kysely<unknown>,
  schema: Schema,
  dialect: SqlDialect,
  by: 'username' | 'id' = 'username',
): CompiledQuery {
  const { user } = schema;
  const column = new Columns(schema, dialect);
  const text = (name: string | undefined) => dialect.column?.(column.ofUser(name)) ?? column.ofUser(name);
  return sql`
    select
      ${text(user.id)} as id,
      ${text(user.username)} as username,
      ${text(user.password)} as password,
      ${user.active === undefined ? sql.lit(1) : column.ofUser(user.active)} as active,
      ${column.ofUser(user.staff)} as staff,
      ${column.ofUser(user.superuser)} as superuser,
      ${text(user.email)} as email,
      ${text(user.firstName)} as first_name,
      ${text(user.lastName)} as last_name,
      ${groupNames(schema, dialect, column)} as ${sql.id('groups')},
      ${directPermissions(schema, dialect, column)} as direct,
      ${inheritedPermissions(schema, dialect, column)} as inherited
    from ${column.users()}
    where ${column.ofUser(user[by])} = ${''}
    limit 2`.compile(db);
}

/**
 * The encoded hashes of the youngest and of the oldest accounts, half of each: what a site's hashes cost nowadays, and
 * what they cost before its settings changed. Few accounts are told twice.
 */
export function sampleQuery(db: Kysely<unknown>, schema: Schema, dialect: SqlDialect, most: number): CompiledQuery {
  const { user } = schema;
  const column = new Columns(schema, dialect);
  const end = (order: 'asc' | 'desc') => sql`
    select * from (
      select ${column.ofUser(user.password)} as password from ${column.users()}
      order by ${column.ofUser(user.id)} ${sql.raw(order)} limit ${sql.lit(Math.ceil(most / 2))}
    ) as ${sql.id(order === 'asc' ? 'oldest' : 'youngest')}`;
  return sql`${end('desc')} union all ${end('asc')}`.compile(db);
}

/** The tables of the user model and their columns, the user's own table as `u`. */
export class Columns {
  readonly #schema: Schema;
  readonly #quote: string;

  constructor(schema: Schema, { quote }: Pick<SqlDialect, 'quote'>) {
    this.#schema = schema;
    this.#quote = quote;
  }

  /** A column of the user, or `table.column` of a parent's table; NULL for one that the model does not have. */
  ofUser(name: string | undefined): RawBuilder<unknown> {
    if (name === undefined) return sql`null`;
    const { parents } = this.#schema.user;
    // Any other dot is part of the name.
    const parent = parents.findIndex(({ table }) => name.startsWith(`${table}.`));
    const prefix = parent < 0 ? '' : `${parents[parent]?.table}.`;
    return sql.id(parent < 0 ? 'u' : aliasOf(parent), name.slice(prefix.length));
  }

  users(): RawBuilder<unknown> {
    const { table, parents } = this.#schema.user;
    const joins = parents.map((parent, number) => {
      const id = sql.id(aliasOf(number), parent.id);
      return sql` join ${this.table(parent.table)} as ${sql.id(aliasOf(number))} on ${id} = ${this.ofUser(parent.link)}`;
    });
    return sql`${this.table(table)} as u${sql.join(joins, sql``)}`;
  }

  /** A table by its db_table, in which Django lets quotes inside name a schema too: `schema"."table`. */
  table(name: string): RawBuilder<unknown> {
    const quote = this.#quote;
    const bare = name.length > 2 && name.startsWith(quote) && name.endsWith(quote) ? name.slice(1, -1) : name;
    return sql.id(...bare.split(`${quote}.${quote}`));
  }
}

const aliasOf = (parent: number) => `parent${parent}`;

function groupNames(schema: Schema, dialect: SqlDialect, column: Columns): RawBuilder<unknown> {
  const { user, userGroups, group } = schema;
  if (!userGroups) return sql`null`;
  return sql`(
    select ${dialect.list(dialect.text(sql.id('g', group.name)))}
    from ${column.table(userGroups.table)} as ug
    join ${column.table(group.table)} as g on ${sql.id('g', group.id)} = ${sql.id('ug', userGroups.group)}
    where ${sql.id('ug', userGroups.user)} = ${column.ofUser(user.id)})`;
}

function directPermissions(schema: Schema, dialect: SqlDialect, column: Columns): RawBuilder<unknown> {
  const { user, userPermissions } = schema;
  if (!userPermissions) return sql`null`;
  return sql`(
    select ${labels(schema, dialect)}
    from ${column.table(userPermissions.table)} as up
    ${permissionJoins(schema, column, sql.id('up', userPermissions.permission))}
    where ${sql.id('up', userPermissions.user)} = ${column.ofUser(user.id)})`;
}

function inheritedPermissions(schema: Schema, dialect: SqlDialect, column: Columns): RawBuilder<unknown> {
  const { user, userGroups, groupPermissions } = schema;
  if (!userGroups) return sql`null`;
  return sql`(
    select ${labels(schema, dialect)}
    from ${column.table(userGroups.table)} as ug
    join ${column.table(groupPermissions.table)} as gp
      on ${sql.id('gp', groupPermissions.group)} = ${sql.id('ug', userGroups.group)}
    ${permissionJoins(schema, column, sql.id('gp', groupPermissions.permission))}
    where ${sql.id('ug', userGroups.user)} = ${column.ofUser(user.id)})`;
}

function labels({ permission, contentType }: Schema, dialect: SqlDialect): RawBuilder<unknown> {
  return dialect.list(dialect.pair(sql.id('ct', contentType.appLabel), sql.id('p', permission.codename)));
}

function permissionJoins({ permission, contentType }: Schema, column: Columns, of: RawBuilder<unknown>) {
  return sql`
    join ${column.table(permission.table)} as p on ${sql.id('p', permission.id)} = ${of}
    join ${column.table(contentType.table)} as ct
      on ${sql.id('ct', contentType.id)} = ${sql.id('p', permission.contentType)}`;
}
