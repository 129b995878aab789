import { ImportError } from './import-error.ts';
import type { DatabaseFacts } from './introspection.ts';
import { mysqlUrl } from './mysql-url.ts';
import type { Note } from './note.ts';
import { postgresUrl } from './postgres-url.ts';
import { sqliteUrl } from './sqlite-url.ts';

/** Where a site's database is. */
export interface ImportedDatabase {
  /** Without a password. */
  readonly url: string;
  readonly password: string | undefined;
  readonly notes: readonly Note[];
}

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

/** `?key=value&…` without the undefined, as the stores read it; empty where nothing is left. */
export function queryOf(options: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(options).filter((entry): entry is [string, string] => entry[1] !== undefined);
  if (given.length === 0) return '';
  return `?${given.map(([key, value]) => `${key}=${encodeURIComponent(value).replaceAll('%2F', '/')}`).join('&')}`;
}
