import { messageOf } from '../../fault.ts';
import type { Database } from '../store.ts';
import { read, settingsOf, tlsOptionsOf } from './url.ts';

export const mysql: Database = {
  schemes: ['mysql', 'mariadb'],
  example: 'mysql://user@host/db',

  problem(url) {
    try {
      const { ssl, serverPublicKey } = settingsOf(url);
      // Files that the URL names are read with each connection; that they can be is better known now.
      if (ssl) tlsOptionsOf(ssl);
      if (serverPublicKey !== undefined) read('server-public-key-path', serverPublicKey);
      return undefined;
    } catch (error) {
      return messageOf(error);
    }
  },

  async load() {
    return (await import('./store.ts')).openMysql;
  },
};
