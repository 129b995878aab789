import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';
import { decode, oneOf, parseQuery, portOf, UrlError } from '../url-query.ts';
import {
  describeParameter,
  PARAMETER_NAMES,
  type ParameterName,
  type Parameters,
  type SessionAttributes,
  type SslMode,
  type TlsVersion,
} from './parameters.ts';
import { readService } from './service-file.ts';

/** Where Debian's libpq looks for a server's socket by default. */
export const SOCKET_DIRECTORY = '/var/run/postgresql';
export const DEFAULT_PORT = 5432;

/** A server to connect to. */
export interface Host {
  /** Its name, which its certificate must have, or the directory of its socket. */
  readonly name: string;
  /** Where to connect: the name, or its `hostaddr`. */
  readonly address: string;
  readonly port: number;
}

export interface Tls {
  readonly mode: SslMode;
  /** The file with the root certificates, or `system`; undefined: the default file, if it exists. */
  readonly rootcert: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly keyPassword: string | undefined;
  readonly crl: string | undefined;
  readonly direct: boolean;
  readonly minVersion: TlsVersion | undefined;
  readonly maxVersion: TlsVersion | undefined;
}

export interface Settings {
  /** In the order in which they are tried; never empty. */
  readonly hosts: readonly Host[];
  readonly database: string;
  readonly user: string;
  readonly password: string | undefined;
  /** A password file, which is read if there is no password. */
  readonly passfile: { readonly path: string; readonly required: boolean };
  readonly tls: Tls;
  readonly sessionAttributes: SessionAttributes;
  /** Whether the hosts are tried in random order. */
  readonly shuffle: boolean;
  /** The limit for one host, in ms. */
  readonly connectTimeoutMs: number | undefined;
  readonly options: string | undefined;
  readonly applicationName: string | undefined;
  /** Whether statements are prepared, which poolers that change connections between transactions do not allow. */
  readonly prepare: boolean;
}

/**
 * Where a URL leads, as libpq understands it: what the URL says, then its service, then the environment, then defaults.
 *
 * @throws UrlError
 */
export function settingsOf(url: string): Settings {
  const given = withoutUnsupported(parse(url));
  const environment = environmentOf();
  const service = given.service ?? environment.service;
  const ofService =
    service === undefined ? {} : withoutUnsupported(readService(service, given.servicefile ?? environment.servicefile));
  const all: Parameters = { ...environment, ...ofService, ...given };
  const user = all.user || userInfo().username; // as in libpq, the role has the name of the system's user
  const passfile = given.passfile ?? ofService.passfile;
  return {
    hosts: hostsOf(all),
    database: all.dbname || user,
    user,
    password: all.password || undefined,
    passfile: { path: all.passfile || join(homedir(), '.pgpass'), required: passfile !== undefined },
    tls: tlsOf(all),
    sessionAttributes: (all.target_session_attrs ?? 'any') as SessionAttributes,
    shuffle: all.load_balance_hosts === 'random',
    connectTimeoutMs: timeoutOf(all.connect_timeout),
    options: all.options,
    applicationName: all.application_name || all.fallback_application_name,
    prepare: all.prepare !== 'false',
  };
}

/** Parameters of the environment. What cannot be done is ignored there, as it is not said of this connection. */
function environmentOf(): Parameters {
  const found: Parameters = {};
  for (const name of PARAMETER_NAMES) {
    const { variable, values, refused } = describeParameter(name);
    const value = variable && process.env[variable];
    if (value && !refused && (!values || values.includes(value))) found[name] = value;
  }
  return found;
}

const FORM = 'it is not of the form postgres://user:password@host:port/database?parameter=value';

/** The parts of a URL as parameters. Several hosts are a list with commas, as in libpq. @throws UrlError */
function parse(url: string): Parameters {
  const match = /^postgres(?:ql)?:\/\/(?:([^@/?#]*)@)?([^/?#@]*)(?:\/([^/?#]*))?(?:\?([^#]*))?$/is.exec(url);
  if (!match) throw new UrlError(`${FORM}; write @ : / ? # and % inside a part as %40 %3A %2F %3F %23 and %25`);
  const [, credentials = '', authority = '', database = '', query = ''] = match;
  const [, user = '', password] = /^([^:]*)(?::(.*))?$/s.exec(credentials) as RegExpExecArray;
  const hosts: string[] = [];
  const ports: string[] = [];
  for (const server of authority.split(',')) {
    const parts = /^(?:\[([^\]]+)\]|([^:[\]]*))(?::(\d*))?$/i.exec(server);
    if (!parts) throw new UrlError(`${FORM}; an IPv6 address is written in brackets`);
    hosts.push(decode(parts[1] ?? parts[2] ?? '', 'the host'));
    ports.push(parts[3] ?? '');
  }
  const parts: Parameters = {
    ...(authority === '' ? {} : { host: hosts.join(',') }),
    ...(ports.some((port) => port !== '') ? { port: ports.join(',') } : {}),
    ...(user === '' ? {} : { user: decode(user, 'the user') }),
    ...(password ? { password: decode(password, 'the password') } : {}),
    ...(database === '' ? {} : { dbname: decode(database, 'the database') }),
  };
  const parameters = parseQuery(query, PARAMETER_NAMES);
  for (const name of Object.keys(parts) as ParameterName[]) {
    // `postgres://:5433/?host=/run/postgresql` has its host in the query alone.
    if (name === 'host' && parts.host === '' && parameters.host !== undefined) continue;
    if (parameters[name] !== undefined) throw new UrlError(`parameter ${name} is given twice`);
  }
  return { ...parts, ...parameters };
}

/** @throws UrlError where a parameter or value is not supported */
function withoutUnsupported(parameters: Parameters): Parameters {
  for (const [name, value] of Object.entries(parameters) as [ParameterName, string][]) {
    const { values, refused } = describeParameter(name);
    if (refused) throw new UrlError(`parameter ${name} is not supported: ${refused}`);
    if (values) oneOf(name, value, values);
  }
  return parameters;
}

function hostsOf({ host = '', hostaddr, port = '' }: Parameters): Host[] {
  const names = host.split(',');
  const addresses = hostaddr?.split(',');
  const ports = port.split(',');
  const count = host === '' && addresses ? addresses.length : names.length;
  if (addresses && addresses.length !== count) throw new UrlError('hostaddr must have as many entries as host');
  if (ports.length !== 1 && ports.length !== count) throw new UrlError('port must have one entry, or as many as host');
  return Array.from({ length: count }, (_, index): Host => {
    const address = addresses?.[index] || names[index] || SOCKET_DIRECTORY;
    const text = (ports.length === 1 ? ports[0] : ports[index]) ?? '';
    if (address.startsWith('@')) throw new UrlError('a socket in the abstract namespace is not supported');
    return { name: names[index] || address, address, port: text === '' ? DEFAULT_PORT : portOf(text) };
  });
}

/** Modes that use TLS only if the server offers it, or do not use it. */
const WEAK: readonly SslMode[] = ['disable', 'allow', 'prefer'];

function tlsOf(all: Parameters): Tls {
  const system = all.sslrootcert === 'system';
  const mode = (all.sslmode ?? (all.ssl ? 'require' : system ? 'verify-full' : 'prefer')) as SslMode;
  if (system && mode !== 'verify-full') {
    throw new UrlError(`sslmode=${mode} is too weak for sslrootcert=system; use sslmode=verify-full`);
  }
  const direct = all.sslnegotiation === 'direct';
  if (direct && WEAK.includes(mode)) {
    throw new UrlError(`sslmode=${mode} is too weak for sslnegotiation=direct; use sslmode=require or stronger`);
  }
  return {
    mode,
    rootcert: all.sslrootcert || undefined,
    cert: all.sslcert || undefined,
    key: all.sslkey || undefined,
    keyPassword: all.sslpassword || undefined,
    crl: all.sslcrl || undefined,
    direct,
    minVersion: all.ssl_min_protocol_version as TlsVersion | undefined,
    maxVersion: all.ssl_max_protocol_version as TlsVersion | undefined,
  };
}

/** As in libpq: seconds; 0 or less is no limit, and 1 is taken as 2. */
function timeoutOf(seconds: string | undefined): number | undefined {
  if (seconds === undefined) return undefined;
  if (!/^-?\d{1,9}$/.test(seconds)) throw new UrlError('parameter connect_timeout is a number of seconds');
  return Number(seconds) > 0 ? Math.max(2, Number(seconds)) * 1000 : undefined;
}
