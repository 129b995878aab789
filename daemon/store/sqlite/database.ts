import { existsSync, statSync } from 'node:fs';
import { messageOf } from '../../fault.ts';
import type { Database } from '../store.ts';
import { accessProblem, cannotRead } from './access.ts';
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

  warning(url) {
    const path = pathOf(url);
    const problem = accessProblem(path);
    return problem === undefined ? undefined : cannotRead(path, problem);
  },

  async load() {
    const { SqliteStore } = await import('./store.ts');
    return (url, options) => new SqliteStore(pathOf(url), options);
  },
};
