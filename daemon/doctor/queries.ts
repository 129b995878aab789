import {
  DummyDriver,
  Kysely,
  MysqlAdapter,
  MysqlIntrospector,
  MysqlQueryCompiler,
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

/** Every account: `username`, `encoded`. */
export function censusQuery(schema: Schema, quote: '"' | '`'): string {
  const column = new Columns(schema, { quote });
  const { username, password } = schema.user;
  return sql`select ${column.ofUser(username)} as username, ${column.ofUser(password)} as encoded from ${column.users()}`.compile(
    writer(quote),
  ).sql;
}

/** How many usernames several accounts share: `names`. */
export function sharedNamesQuery(schema: Schema, quote: '"' | '`'): string {
  const column = new Columns(schema, { quote });
  const username = column.ofUser(schema.user.username);
  return sql`select count(*) as names from (
    select count(*) as accounts from ${column.users()} where ${username} is not null
    group by ${username} having count(*) > 1) as shared`.compile(writer(quote)).sql;
}
