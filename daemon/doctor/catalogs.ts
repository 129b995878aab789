import { databaseOf, loadStores } from '../store/databases.ts';
import type { Schema } from '../store/schema.ts';
import type { Catalog } from './catalog.ts';

type OpenCatalog = (url: string, schema: Schema) => Promise<Catalog>;

/** By the scheme of a URL. Loaded only if a site needs it. */
const catalogs: Readonly<Record<string, () => Promise<OpenCatalog>>> = {
  sqlite: async () => (await import('./sqlite-catalog.ts')).openSqlite,
  postgres: async () => (await import('./postgres-catalog.ts')).openPostgres,
  mysql: async () => (await import('./mysql-catalog.ts')).openMysql,
};

/** @throws Error if the database cannot be opened */
export async function openCatalog(url: string, schema: Schema): Promise<Catalog> {
  const open = await catalogs[databaseOf(url)?.schemes[0] ?? '']?.();
  if (open === undefined) throw new Error('unsupported database'); // the configuration has been checked
  return open(url, schema);
}

/** Loads what examining these databases takes: another user may not read the modules. */
export async function loadCatalogs(urls: readonly string[]): Promise<void> {
  await loadStores(urls);
  await Promise.all(urls.map((url) => catalogs[databaseOf(url)?.schemes[0] ?? '']?.()));
}
