import { type CompiledQuery, type Kysely, type RawBuilder, sql } from 'kysely';
import { placesBetween } from './places.ts';
import type { Schema } from './schema.ts';
import { type IexactDialect, usernameCondition } from './username-match.ts';

/** How one kind of database spells SQL. */
export interface SqlDialect {
  /** The quotation mark around the name of a table or column. */
  readonly quote: '"' | '`';
  /** A text, or a pair of texts, as an item of a list. */
  text(text: RawBuilder<unknown>): RawBuilder<unknown>;
  pair(a: RawBuilder<unknown>, b: RawBuilder<unknown>): RawBuilder<unknown>;
  /** Aggregates the items of all rows into one list. */
  list(item: RawBuilder<unknown>): RawBuilder<unknown>;
  /** A text column of the user's row; unchanged by default. */
  column?(text: RawBuilder<unknown>): RawBuilder<unknown>;
  readonly iexact: IexactDialect;
}

/** A row of the account query. Lists are JSON: text, or values that the driver has already parsed. */
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
 * One account with its groups and permissions, read by one statement and so at one moment. Its one parameter is the
 * username or the primary key. The limit is two rows: a second row means that the username is not unique, a fault as in
 * Django.
 *
 * The lists are scalar subqueries, not joins: joins would multiply rows, and MySQL cannot correlate derived tables.
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
    where ${usernameCondition(column.ofUser(user[by]), sql`${''}`, by === 'id' ? 'exact' : (user.match ?? 'exact'), dialect.iexact)}
    limit 2`.compile(db);
}

/** In how many parts of the table a sample is taken. */
const PARTS = 64;

/** The primary keys of the first and the last account; no rows if there are none. */
export function endsQuery(db: Kysely<unknown>, schema: Schema, dialect: SqlDialect): CompiledQuery {
  const { user } = schema;
  const column = new Columns(schema, dialect);
  // Not min() and max(): PostgreSQL has none for UUIDs.
  const end = (order: 'asc' | 'desc') => sql`
    select * from (
      select ${column.ofUser(user.id)} as id from ${column.users()}
      order by ${column.ofUser(user.id)} ${sql.raw(order)} limit 1
    ) as ${sql.id(order === 'asc' ? 'first' : 'last')}`;
  return sql`${end('asc')} union all ${end('desc')}`.compile(db);
}

/**
 * Encoded hashes from all over the table, up to `limit`: some of each part of the range of primary keys. The index finds
 * them, however many accounts there are. Where there are few, each of them appears once.
 *
 * @param ends the smallest and the greatest primary key, as text
 * @param phase how the parts lie, from 0 to less than 1: with another phase others are found
 */
export function spreadQuery(
  db: Kysely<unknown>,
  schema: Schema,
  dialect: SqlDialect,
  limit: number,
  [first, last]: readonly [string, string],
  phase: number,
): CompiledQuery {
  const { user } = schema;
  const column = new Columns(schema, dialect);
  const id = column.ofUser(user.id);
  const places = placesBetween(first, last, PARTS - 1, phase);
  const rows = sql.lit(Math.ceil(limit / PARTS));
  const part = (number: number) => {
    const [from, to] = [places[number - 1], places[number]];
    const conditions = [
      ...(from === undefined ? [] : [sql`${id} >= ${from}`]),
      ...(to === undefined ? [] : [sql`${id} < ${to}`]),
    ];
    return sql`
    select * from (
      select ${column.ofUser(user.password)} as password from ${column.users()}
      where ${sql.join(conditions, sql` and `)} order by ${id} limit ${rows}
    ) as ${sql.id(`part${number}`)}`;
  };
  return sql
    .join(
      Array.from({ length: PARTS }, (_, number) => part(number)),
      sql` union all `,
    )
    .compile(db);
}

/** The primary keys and encoded hashes of up to `limit` accounts after this primary key, or from the first on. */
export function walkQuery(
  db: Kysely<unknown>,
  schema: Schema,
  dialect: SqlDialect,
  limit: number,
  after: string | undefined,
): CompiledQuery {
  const { user } = schema;
  const column = new Columns(schema, dialect);
  const id = column.ofUser(user.id);
  return sql`
    select ${id} as id, ${column.ofUser(user.password)} as password from ${column.users()}
    ${after === undefined ? sql`` : sql`where ${id} > ${after}`}
    order by ${id} limit ${sql.lit(limit)}`.compile(db);
}

/** The tables of the user model and their columns. The user's own table has the alias `u`. */
export class Columns {
  readonly #schema: Schema;
  readonly #quote: string;

  constructor(schema: Schema, { quote }: Pick<SqlDialect, 'quote'>) {
    this.#schema = schema;
    this.#quote = quote;
  }

  /** A column of the user, or `table.column` of a parent's table; NULL for a column that the model does not have. */
  ofUser(name: string | undefined): RawBuilder<unknown> {
    if (name === undefined) return sql`null`;
    const { parents } = this.#schema.user;
    // Any other dot is part of the column's name.
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

  /** A table by its db_table. As in Django, inner quotes separate a schema from the table: `schema"."table`. */
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

/** The permission with the primary key `of`, as `p`, and its content type as `ct`. */
export function permissionJoins({ permission, contentType }: Schema, column: Columns, of: RawBuilder<unknown>) {
  return sql`
    join ${column.table(permission.table)} as p on ${sql.id('p', permission.id)} = ${of}
    join ${column.table(contentType.table)} as ct
      on ${sql.id('ct', contentType.id)} = ${sql.id('p', permission.contentType)}`;
}
