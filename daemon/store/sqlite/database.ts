import { existsSync, statSync } from 'node:fs';
import type { Database } from '../store.ts';
import { pathOf } from './url.ts';

export const sqlite: Database = {
  schemes: ['sqlite'],
  example: 'sqlite:///srv/mysite/db.sqlite3',

  problem(url) {
    const path = pathOf(url);
    if (path === undefined) return 'a SQLite database is given as an absolute path after sqlite://';
    if (existsSync(path) && !statSync(path).isFile()) return `${path} is not a file`;
    return undefined;
  },

  async load() {
    const { SqliteStore } = await import('./store.ts');
    return (url, options) => new SqliteStore(pathOf(url) as string, options);
  },
};
