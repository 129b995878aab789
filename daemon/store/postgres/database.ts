import { messageOf } from '../../fault.ts';
import type { Database } from '../store.ts';
import { checkPassfile } from './password-file.ts';
import { tlsOptionsOf } from './tls.ts';
import { settingsOf } from './url.ts';

export const postgres: Database = {
  schemes: ['postgres', 'postgresql'],
  tells: true,
  example: 'postgres://user@host/db',

  problem(url) {
    try {
      const settings = settingsOf(url);
      const { hosts, tls, password } = settings;
      const overNetwork = hosts.find(({ address }) => !address.startsWith('/'));
      // Files that the URL names are read with each connection; that they can be is better known now.
      if (overNetwork && tls.mode !== 'disable') tlsOptionsOf(tls, overNetwork.name);
      if (password === undefined) checkPassfile(settings);
      return undefined;
    } catch (error) {
      return messageOf(error);
    }
  },

  async load() {
    return (await import('./store.ts')).openPostgres;
  },
};
