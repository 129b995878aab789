import { isIP } from 'node:net';
import { describeParameter, type ParameterName } from '../store/postgres/parameters.ts';
import { formatQuery } from '../store/url-query.ts';
import { ImportError } from './import-error.ts';
import type { ImportedDatabase } from './imported-database.ts';
import type { IntrospectedDatabase } from './introspection.ts';
import { completed } from './libpq.ts';
import type { Note } from './note.ts';

/** Parameters that are written into the query of the URL, where the daemon gives them libpq's meaning. */
const CARRIED = ['hostaddr', 'target_session_attrs', 'load_balance_hosts', 'connect_timeout'] as const;
const CARRIED_TLS = [
  ...['sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'sslcrl', 'sslnegotiation'],
  ...['ssl_min_protocol_version', 'ssl_max_protocol_version'],
] as readonly ParameterName[];

/** Parameters that make a connection safer. One that the daemon cannot do is not dropped. */
const PROTECTING = [
  'channel_binding',
  'gssencmode',
  'require_auth',
  'requirepeer',
  'sslcertmode',
  'sslcrldir',
] as const;

/** The URL that means to the daemon what the site's parameters mean to libpq. */
export function postgresUrl(introspected: IntrospectedDatabase): ImportedDatabase {
  const { alias, role } = introspected;
  const parameters = completed(introspected);
  const { user = '', dbname = '', host = '', port = '', password, options: startup } = parameters;
  const notes: Note[] = [];
  for (const name of PROTECTING) {
    const { values, refused } = describeParameter(name);
    const value = parameters[name];
    if (value !== undefined && !values?.includes(value)) {
      throw new ImportError(
        `djauthd: database "${alias}": ${name}=${value} is not supported${refused ? `: ${refused}` : ''}`,
      );
    }
  }
  if (parameters.sslpassword !== undefined) {
    throw new ImportError(
      `djauthd: database "${alias}": sslpassword is not imported: give djauthd a key without a password`,
    );
  }
  if (host.startsWith('@')) {
    throw new ImportError(`djauthd: database "${alias}": abstract sockets are not supported`);
  }
  const hosts = host.split(',');
  const ports = port.split(',');
  // In the place of the host a socket's directory would need encoding, and so would a list with one.
  const inQuery = hosts.some((each) => each.startsWith('/')) || host === '';
  const isLocal = hosts.every((each) => each.startsWith('/')) && parameters.hostaddr === undefined; // TLS is not used
  const pick = (names: readonly ParameterName[]): Partial<Record<ParameterName, string | undefined>> =>
    Object.fromEntries(names.map((name) => [name, parameters[name]]));
  const { sslcert, sslkey, sslrootcert, ...tls } =
    isLocal || parameters.sslmode === 'disable' ? pick([]) : pick(CARRIED_TLS);
  if (tls.sslmode?.startsWith('verify') && sslrootcert === undefined) {
    throw new ImportError(
      `djauthd: database "${alias}": sslmode=${tls.sslmode} requires sslrootcert, or ~/.postgresql/root.crt`,
    );
  }
  if (sslrootcert === 'system') {
    notes.push({ text: 'sslrootcert=system: the root certificates are those of the system that djauthd runs on' });
  }
  const options = [startup, role ? `-c role=${escaped(role)}` : undefined].filter(Boolean);
  const query = formatQuery({
    host: inQuery && host !== '' ? host : undefined,
    port: inQuery && port !== '' && port !== '5432' ? port : undefined,
    ...pick(CARRIED),
    ...(parameters.sslmode === 'disable' && !isLocal ? { sslmode: 'disable' } : {}),
    ...tls,
    sslrootcert,
    sslcert,
    sslkey: sslcert === undefined ? undefined : sslkey,
    options: options.length > 0 ? options.join(' ') : undefined,
  });
  const authority = inQuery ? '' : hosts.map((each, index) => server(each, ports[index] ?? ports[0] ?? '')).join(',');
  return {
    url: `postgres://${encodeURIComponent(user)}@${authority}/${encodeURIComponent(dbname)}${query}`,
    password,
    notes,
  };
}

function server(host: string, port: string): string {
  const name = isIP(host) === 6 ? `[${host}]` : encodeURIComponent(host);
  return port === '' || port === '5432' ? name : `${name}:${port}`;
}

/** In `options`, a backslash escapes a space. */
function escaped(value: string): string {
  return value.replace(/[\\ ]/g, '\\$&');
}
