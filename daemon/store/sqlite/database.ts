import { existsSync, statSync } from 'node:fs';
import { messageOf } from '../../fault.ts';
import type { Database } from '../store.ts';
import { pathOf } from './url.ts';

export const sqlite: Database = {
  schemes: ['sqlite'],
  example: 'sqlite:///srv/mysite/db.sqlite3',

  problem(url) {
    try {
      const path = pathOf(url);
      return existsSync(path) && !statSync(path).isFile() ? `${path} is not a file` : undefined;
    } catch (error) {
      return messageOf(error);
    }
  },

  async load() {
    const { SqliteStore } = await import('./store.ts');
    return (url, options) => new SqliteStore(pathOf(url), options);
  },
};
