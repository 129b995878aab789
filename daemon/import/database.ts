import { ImportError } from './import-error.ts';
import type { ImportedDatabase } from './imported-database.ts';
import type { DatabaseFacts } from './introspection.ts';
import { mysqlUrl } from './mysql-url.ts';
import { postgresUrl } from './postgres-url.ts';
import { sqliteUrl } from './sqlite-url.ts';

/** How the facts on a database become a URL, by Django's `connection.vendor`: ENGINE may be anybody's wrapper. */
const vendors: Readonly<Record<string, (facts: DatabaseFacts) => ImportedDatabase | Promise<ImportedDatabase>>> = {
  sqlite: sqliteUrl,
  postgresql: postgresUrl,
  mysql: mysqlUrl,
};

/** @throws ImportError where the daemon could not read it as Django does */
export async function importDatabase(facts: DatabaseFacts): Promise<ImportedDatabase> {
  const import_ = vendors[facts.vendor];
  if (import_) return import_(facts);
  throw new ImportError(
    `djauthd: database "${facts.alias}" is ${facts.vendor} (${facts.engine}); spoken here are PostgreSQL, MySQL or MariaDB, and SQLite`,
  );
}
