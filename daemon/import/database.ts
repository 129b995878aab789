import { ImportError } from './import-error.ts';
import type { ImportedDatabase } from './imported-database.ts';
import type { IntrospectedDatabase } from './introspection.ts';
import { mysqlUrl } from './mysql-url.ts';
import { postgresUrl } from './postgres-url.ts';
import { sqliteUrl } from './sqlite-url.ts';

/** What makes the URL, by Django's `connection.vendor`: ENGINE may name a third party's wrapper. */
const vendors: Readonly<
  Record<string, (database: IntrospectedDatabase) => ImportedDatabase | Promise<ImportedDatabase>>
> = {
  sqlite: sqliteUrl,
  postgresql: postgresUrl,
  mysql: mysqlUrl,
};

/** @throws ImportError if the daemon cannot read the database as Django does */
export async function importDatabase(database: IntrospectedDatabase): Promise<ImportedDatabase> {
  const { vendor, alias, engine } = database;
  const urlOf = vendors[vendor];
  if (urlOf) return urlOf(database);
  throw new ImportError(
    `djauthd: database "${alias}": unsupported database ${vendor} (${engine}); supported are PostgreSQL, MySQL, MariaDB and SQLite`,
  );
}
