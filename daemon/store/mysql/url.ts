import { existsSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { userInfo } from 'node:os';
import type { ConnectionOptions } from 'mysql2';
import { messageOf } from '../../fault.ts';
import { systemRoots } from '../system-roots.ts';
import { decode, oneOf, parseQuery, portOf, UrlError } from '../url-query.ts';

/** The default socket paths of Debian, Red Hat and MySQL's own packages. */
const SOCKETS = ['/run/mysqld/mysqld.sock', '/var/lib/mysql/mysql.sock', '/tmp/mysql.sock'] as const;

/** The values of `ssl-mode` in MySQL's own clients. */
const TLS_MODES = ['disabled', 'preferred', 'required', 'verify_ca', 'verify_identity'] as const;

export interface Tls {
  readonly mode: Exclude<(typeof TLS_MODES)[number], 'disabled'>;
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

export interface Settings {
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
  /** A file with the server's RSA key, by which a password can be sent without TLS. */
  serverPublicKey: string | undefined;
}

const PARAMETERS = [
  'socket',
  'charset',
  'prepare',
  'ssl_mode',
  'ssl_ca',
  'ssl_cert',
  'ssl_key',
  'server_public_key_path',
] as const;

/** The spelling of MySQL's command line. */
const ALIASES: Readonly<Record<string, (typeof PARAMETERS)[number]>> = Object.fromEntries(
  PARAMETERS.map((name) => [name.replaceAll('_', '-'), name]),
);

const URL_FORM =
  /^(?:mysql|mariadb):\/\/(?:([^:@/?#]*)(?::([^@/?#]*))?@)?(\[[0-9a-f:.]+\]|[^:@/?#[\]]*)(?::(\d+))?\/([^/?#]+)(?:\?([^#]*))?$/i;

/** @throws UrlError */
export function settingsOf(url: string): Settings {
  const [match, user = '', password, host = '', port, database = '', query = ''] = URL_FORM.exec(url) ?? [];
  if (match === undefined) {
    throw new UrlError(
      'it is not of the form mysql://user:password@host:port/database; write @ : / ? # and % inside a part as %40 %3A %2F %3F %23 and %25',
    );
  }
  const parameters = parseQuery(query, PARAMETERS, ALIASES);
  const { socket, charset = 'utf8mb4', prepare = 'true', server_public_key_path: serverPublicKey } = parameters;
  if (!/^[a-z0-9]+$/i.test(charset)) throw new UrlError('parameter charset: invalid value');
  if (socket !== undefined && !socket.startsWith('/')) {
    throw new UrlError('parameter socket: the path is not absolute');
  }
  const settings = {
    database: decode(database, 'the database'),
    user: decode(user, 'the user') || userInfo().username, // as MySQL's own clients
    ...(password ? { password: decode(password, 'the password') } : {}),
    charset: charset.toLowerCase(),
    prepare: oneOf('prepare', prepare, ['true', 'false']) === 'true',
    serverPublicKey,
  };
  // To MySQL's own clients, and so to Django, localhost is the socket. A port means a TCP connection.
  const bare = decode(host.replace(/^\[|\]$/g, ''), 'the host');
  const socketPath =
    socket ??
    (port === undefined && (bare === '' || bare.toLowerCase() === 'localhost')
      ? (SOCKETS.find((path) => existsSync(path)) ?? SOCKETS[0])
      : undefined);
  const ssl = tlsOf(parameters, socketPath !== undefined);
  if (socketPath !== undefined) return { ...settings, ssl, socketPath };
  // The driver would compare the certificate's name with "localhost".
  if (isIP(bare) && ssl?.mode === 'verify_identity') {
    throw new UrlError('ssl-mode=verify_identity requires a host name, not an address');
  }
  return { ...settings, ssl, host: bare || 'localhost', port: port === undefined ? 3306 : portOf(port) };
}

type TlsParameters = Partial<Record<'ssl_mode' | 'ssl_ca' | 'ssl_cert' | 'ssl_key', string>>;

/** As MySQL's clients: a file with authorities means `verify_ca`. Over a socket there is TLS only if it is asked for. */
function tlsOf({ ssl_mode, ssl_ca: ca, ssl_cert: cert, ssl_key: key }: TlsParameters, local: boolean): Tls | undefined {
  const given = ssl_mode && oneOf('ssl-mode', ssl_mode.toLowerCase(), TLS_MODES);
  const byDefault = ca ? 'verify_ca' : cert ? 'required' : 'preferred';
  const mode = given || byDefault;
  if (mode === 'disabled' || (mode === 'preferred' && local)) return undefined;
  return { mode, ca, cert, key };
}

/** Files are read for each connection, because certificates are renewed. @throws UrlError where one cannot be read */
export function tlsOptionsOf({ mode, ca, cert, key }: Tls): NonNullable<ConnectionOptions['ssl']> {
  const verifies = mode === 'verify_ca' || mode === 'verify_identity';
  const roots = ca === undefined ? (verifies ? systemRoots() : undefined) : read('ssl-ca', ca);
  return {
    ...(roots === undefined ? {} : { ca: roots }),
    ...(cert === undefined ? {} : { cert: read('ssl-cert', cert) }),
    ...(key === undefined ? {} : { key: read('ssl-key', key) }),
    rejectUnauthorized: verifies,
    verifyIdentity: mode === 'verify_identity',
  };
}

/** The content of a file that a parameter names. @throws UrlError */
export function read(parameter: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new UrlError(`parameter ${parameter}: ${messageOf(error)}`);
  }
}
