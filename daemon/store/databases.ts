import { mysql } from './mysql.ts';
import { postgres } from './postgres.ts';
import { sqlite } from './sqlite.ts';
import type { Database } from './store.ts';

/** Every kind of database that is spoken. */
export const databases: readonly Database[] = [sqlite, postgres, mysql];

/** The kind of database that a URL names, or undefined. */
export function databaseOf(url: string): Database | undefined {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase();
  return databases.find((database) => database.schemes.some((known) => known === scheme));
}
