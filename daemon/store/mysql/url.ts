import { existsSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { userInfo } from 'node:os';
import type { ConnectionOptions } from 'mysql2';
import { parseQuery } from '../url-query.ts';

/** Where servers listen when nothing is said: Debian, Red Hat, MySQL's own packages. */
const SOCKETS = ['/run/mysqld/mysqld.sock', '/var/lib/mysql/mysql.sock', '/tmp/mysql.sock'] as const;

/** How MySQL's own clients call it: what is demanded of the connection's encryption. */
const TLS_MODES = ['disabled', 'required', 'verify_ca', 'verify_identity'] as const;

interface Tls {
  readonly mode: (typeof TLS_MODES)[number];
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

interface Settings {
  host?: string;
  port?: number;
  socketPath?: string;
  database: string;
  user: string;
  password?: string;
  charset: string;
  /** Whether queries are prepared. */
  prepare: boolean;
  ssl: Tls | undefined;
}

const URL_FORM =
  /^(?:mysql|mariadb):\/\/(?:([^:@/?#]*)(?::([^@/?#]*))?@)?(\[[0-9a-f:.]+\]|[^:@/?#[\]]*)(?::(\d+))?\/([^/?#]+)(?:\?([^#]*))?$/i;

/** @throws Error whose message is a sentence on what is wrong */
export function settingsOf(url: string): Settings {
  const [match, user = '', password, host = '', port, database = '', query = ''] = URL_FORM.exec(url) ?? [];
  if (match === undefined) {
    throw new Error('it is not of the form mysql://user:password@host:port/database; odd characters are written %XX');
  }
  if (port !== undefined && !(Number(port) > 0 && Number(port) < 65536)) throw new Error('the port is no port number');
  const { socket, charset = 'utf8mb4', prepare = 'true', ...tls } = parseQuery(query, PARAMETERS);
  if (!/^[a-z0-9]+$/i.test(charset)) throw new Error('the charset is none');
  if (prepare !== 'true' && prepare !== 'false') throw new Error('prepare is neither true nor false');
  if (socket !== undefined && !socket.startsWith('/')) throw new Error('the socket is no absolute path');
  const settings = {
    database: decodeURIComponent(database),
    user: decodeURIComponent(user) || userInfo().username, // as MySQL's own clients
    ...(password ? { password: decodeURIComponent(password) } : {}),
    charset: charset.toLowerCase(),
    prepare: prepare === 'true',
    ssl: tlsOptionsOf(tls),
  };
  if (socket !== undefined) return { ...settings, socketPath: socket };
  // To MySQL's own clients, and so to Django, localhost is the socket; a port says that it is not meant.
  if (port === undefined && (host === '' || host.toLowerCase() === 'localhost')) {
    return { ...settings, socketPath: SOCKETS.find((path) => existsSync(path)) ?? SOCKETS[0] };
  }
  const bare = host.replace(/^\[|\]$/g, '') || 'localhost';
  // The library would compare the certificate's name with "localhost".
  if (isIP(bare) && settings.ssl?.mode === 'verify_identity') {
    throw new Error('ssl_mode=verify_identity needs the name of a host, not an address');
  }
  return { ...settings, host: bare, port: Number(port ?? 3306) };
}

const PARAMETERS = ['socket', 'charset', 'prepare', 'ssl_mode', 'ssl_ca', 'ssl_cert', 'ssl_key'] as const;

function tlsOptionsOf(options: { ssl_mode?: string; ssl_ca?: string; ssl_cert?: string; ssl_key?: string }) {
  const { ssl_mode, ssl_ca: ca, ssl_cert: cert, ssl_key: key } = options;
  const mode = TLS_MODES.find((known) => known === ssl_mode?.toLowerCase());
  if (ssl_mode !== undefined && mode === undefined) throw new Error(`ssl_mode is none of ${TLS_MODES.join(', ')}`);
  if (mode === 'disabled' || (mode ?? ca ?? cert ?? key) === undefined) return undefined;
  return { mode: mode ?? (ca === undefined ? 'required' : 'verify_ca'), ca, cert, key } satisfies Tls;
}

/** Read anew for each connection, as certificates are renewed. @throws Error where a file cannot be read */
export function tlsOf({ mode, ca, cert, key }: Tls): NonNullable<ConnectionOptions['ssl']> {
  return {
    ...(ca === undefined ? {} : { ca: readFileSync(ca) }),
    ...(cert === undefined ? {} : { cert: readFileSync(cert) }),
    ...(key === undefined ? {} : { key: readFileSync(key) }),
    rejectUnauthorized: mode !== 'required',
    verifyIdentity: mode === 'verify_identity',
  };
}
