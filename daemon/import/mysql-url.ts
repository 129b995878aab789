import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { readOptionFile } from '../store/option-file.ts';
import { formatQuery } from '../store/url-query.ts';
import { ImportError } from './import-error.ts';
import type { ImportedDatabase } from './imported-database.ts';
import type { IntrospectedDatabase } from './introspection.ts';

/** The names that mysqlclient, PyMySQL and MySQL's own connector have for one parameter; the first given one counts. */
const NAMES = {
  user: ['user'],
  password: ['password', 'passwd'],
  database: ['database', 'db'],
  host: ['host'],
  port: ['port'],
  socket: ['unix_socket'],
  charset: ['charset'],
  ssl_mode: ['ssl_mode'],
  ssl_ca: ['ssl_ca'],
  ssl_cert: ['ssl_cert'],
  ssl_key: ['ssl_key'],
} as const;

type Name = keyof typeof NAMES;

/** Their names in an option file, where those differ; the settings take precedence. */
const OPTION_NAMES: Partial<Record<Name, string>> = { socket: 'socket' };

/** The charset that Django passes to MySQL by default. */
const CHARSET = 'utf8mb4';

/** The URL that means to the daemon what the site's parameters mean to MySQL's client library. */
export function mysqlUrl({ parameters, directory, user: systemUser, alias }: IntrospectedDatabase): ImportedDatabase {
  const file = parameters.read_default_file;
  const group = parameters.read_default_group;
  const options = file === undefined ? undefined : optionsOf(resolve(directory, String(file)), String(group ?? ''));
  const ssl = (parameters.ssl ?? {}) as Record<string, unknown>;
  const find = (name: Name): string | undefined => {
    const inSsl = name.startsWith('ssl_') ? ssl[name.slice(4)] : undefined;
    const given = NAMES[name].map((each) => parameters[each]).find((value) => value !== undefined && value !== '');
    const inFile = options?.get((OPTION_NAMES[name] ?? name).replaceAll('_', '-'));
    const found = given ?? inSsl ?? inFile;
    return found === undefined || found === '' || found === null ? undefined : String(found);
  };
  const user = find('user') ?? systemUser;
  const database = find('database');
  if (database === undefined) throw new ImportError(`djauthd: database "${alias}" has no NAME`);
  const host = find('host') ?? 'localhost';
  // MySQL's library takes localhost for the socket, whatever the port.
  const local = host.toLowerCase() === 'localhost';
  const socket = host.startsWith('/') ? host : local ? find('socket') : undefined;
  const port = find('port');
  const charset = find('charset');
  const tls = socket || local ? {} : tlsOptions(find, ssl);
  const query = formatQuery({
    socket,
    charset: charset === undefined || /^utf-?8(mb[34])?$/i.test(charset) ? undefined : charset,
    ...tls,
  });
  const place =
    socket || local
      ? 'localhost'
      : `${isIP(host) === 6 ? `[${host}]` : encodeURIComponent(host)}${port ? `:${port}` : ''}`;
  return {
    url: `mysql://${encodeURIComponent(user)}@${place}/${encodeURIComponent(database)}${query}`,
    password: find('password'),
    notes:
      charset !== undefined && charset.toLowerCase() !== CHARSET && !/^utf/i.test(charset)
        ? [{ text: `the connection's charset is ${charset}, as in OPTIONS` }]
        : [],
  };
}

function tlsOptions(
  find: (name: Name) => string | undefined,
  ssl: Record<string, unknown>,
): Record<string, string | undefined> {
  const mode = find('ssl_mode')?.toLowerCase();
  if (mode === 'disabled') return { ssl_mode: 'disabled' };
  const given = { ssl_ca: find('ssl_ca'), ssl_cert: find('ssl_cert'), ssl_key: find('ssl_key') };
  const wanted = Object.values(given).some(Boolean) || Object.keys(ssl).length > 0;
  if (mode === undefined || mode === 'preferred') {
    // The library does not check the name in a certificate unless told to, nor a certificate without an authority.
    return wanted ? { ssl_mode: given.ssl_ca ? 'verify_ca' : 'required', ...given } : {};
  }
  return { ssl_mode: mode, ...given };
}

/** The options that a file has for clients and for the named group; keys are spelled with `-`. */
function optionsOf(file: string, group: string): Map<string, string> {
  const sections = readOptionFile(file, { unquote: true });
  if (sections === undefined) {
    throw new ImportError(`djauthd: cannot read ${file}, the read_default_file`);
  }
  const found = new Map<string, string>();
  for (const name of ['client', 'client-server', 'client-mariadb', group]) {
    for (const [key, value] of sections.get(name) ?? []) found.set(key.replaceAll('_', '-'), value);
  }
  const charset = found.get('default-character-set');
  if (charset !== undefined) found.set('charset', charset);
  return found;
}
