import {
  DummyDriver,
  Kysely,
  MysqlAdapter,
  MysqlIntrospector,
  MysqlQueryCompiler,
  type RawBuilder,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  sql,
} from 'kysely';
import { Columns } from '../store/query.ts';
import type { Schema } from '../store/schema.ts';

/** Compiles queries and sends none. */
function writer(quote: '"' | '`'): Kysely<unknown> {
  const mysql = quote === '`';
  return new Kysely({
    dialect: {
      createAdapter: () => (mysql ? new MysqlAdapter() : new SqliteAdapter()),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => (mysql ? new MysqlIntrospector(db) : new SqliteIntrospector(db)),
      createQueryCompiler: () => (mysql ? new MysqlQueryCompiler() : new SqliteQueryCompiler()),
    },
  });
}

/** Every account: `username`, `encoded`, `active`. */
export function censusQuery(schema: Schema, quote: '"' | '`'): string {
  const column = new Columns(schema, { quote });
  const { username, password, active } = schema.user;
  return sql`
    select ${column.ofUser(username)} as username, ${column.ofUser(password)} as encoded,
      ${active === undefined ? sql.lit(1) : column.ofUser(active)} as active
    from ${column.users()}`.compile(writer(quote)).sql;
}

/** How many usernames several accounts share: `names`. */
export function sharedNamesQuery(
  schema: Schema,
  quote: '"' | '`',
  fold: (column: RawBuilder<unknown>) => RawBuilder<unknown> = (name) => name,
): string {
  const column = new Columns(schema, { quote });
  const username = column.ofUser(schema.user.username);
  const key = schema.user.match === 'iexact' ? fold(username) : username;
  return sql`select count(*) as names from (
    select count(*) as accounts from ${column.users()} where ${username} is not null
    group by ${key} having count(*) > 1) as shared`.compile(writer(quote)).sql;
}
