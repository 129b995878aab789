import { messageOf } from '../fault.ts';
import { mysql } from './mysql/database.ts';
import { postgres } from './postgres/database.ts';
import { sqlite } from './sqlite/database.ts';
import type { Database, OpenStore } from './store.ts';

/** Every kind of database that is spoken. */
export const databases: readonly Database[] = [sqlite, postgres, mysql];

/** The kind of database that a URL names, or undefined. */
export function databaseOf(url: string): Database | undefined {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase();
  return databases.find((database) => database.schemes.some((known) => known === scheme));
}

/**
 * What opens the databases of these URLs, which the configuration has found good.
 *
 * @throws Error, a sentence, where what speaks to one of them cannot be loaded
 */
export async function loadStores(urls: readonly string[]): Promise<OpenStore> {
  const loaded = new Map<Database, OpenStore>();
  for (const kind of new Set(urls.map(databaseOf))) {
    if (kind === undefined) continue;
    try {
      loaded.set(kind, await kind.load());
    } catch (error) {
      throw new Error(`what speaks to ${kind.schemes[0]} databases cannot be loaded: ${messageOf(error)}`);
    }
  }
  return (url, options) => {
    const kind = databaseOf(url);
    const open = kind && loaded.get(kind);
    if (open === undefined) throw new Error('no such database is spoken');
    return open(url, options);
  };
}
