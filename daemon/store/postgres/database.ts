import { messageOf } from '../../fault.ts';
import type { Database } from '../store.ts';
import { settingsOf } from './url.ts';

export const postgres: Database = {
  schemes: ['postgres', 'postgresql'],
  example: 'postgres://user@host/db',

  problem(url) {
    try {
      const settings = settingsOf(url);
      if (settings.port !== undefined && !(settings.port > 0 && settings.port < 65536))
        return 'the port is no port number';
      return undefined;
    } catch (error) {
      return messageOf(error).replaceAll(url, 'the URL');
    }
  },

  async load() {
    return (await import('./store.ts')).openPostgres;
  },
};
