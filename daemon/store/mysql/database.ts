import { messageOf } from '../../fault.ts';
import type { Database } from '../store.ts';
import { settingsOf } from './url.ts';

export const mysql: Database = {
  schemes: ['mysql', 'mariadb'],
  example: 'mysql://user@host/db',

  problem(url) {
    try {
      settingsOf(url);
      return undefined;
    } catch (error) {
      return messageOf(error);
    }
  },

  async load() {
    return (await import('./store.ts')).openMysql;
  },
};
