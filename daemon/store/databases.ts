import { messageOf } from '../fault.ts';
import { mysql } from './mysql/database.ts';
import { postgres } from './postgres/database.ts';
import { sqlite } from './sqlite/database.ts';
import type { Database, OpenStore } from './store.ts';

/** Every supported kind of database. */
export const databases: readonly Database[] = [sqlite, postgres, mysql];

/** The kind of database that a URL's scheme names, or undefined. */
export function databaseOf(url: string): Database | undefined {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase();
  return databases.find((database) => database.schemes.some((known) => known === scheme));
}

/**
 * A function that opens the databases of these URLs, which the configuration has checked.
 *
 * @throws Error, a sentence, if a driver cannot be loaded
 */
export async function loadStores(urls: readonly string[]): Promise<OpenStore> {
  const loaded = new Map<Database, OpenStore>();
  for (const kind of new Set(urls.map(databaseOf))) {
    if (kind === undefined) continue;
    try {
      loaded.set(kind, await kind.load());
    } catch (error) {
      throw new Error(`cannot load the driver for ${kind.schemes[0]} databases: ${messageOf(error)}`);
    }
  }
  return (url, options) => {
    const kind = databaseOf(url);
    const open = kind && loaded.get(kind);
    if (open === undefined) throw new Error('unknown kind of database');
    return open(url, options);
  };
}
