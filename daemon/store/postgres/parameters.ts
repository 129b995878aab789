/** A connection parameter of libpq. */
interface Parameter {
  /** The environment variable that holds its default. */
  readonly variable?: string;
  /** The only values accepted. */
  readonly values?: readonly string[];
  /** Why a URL with it is refused. */
  readonly refused?: string;
}

export const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;
export type SslMode = (typeof SSL_MODES)[number];

export const SESSION_ATTRIBUTES = ['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'] as const;
export type SessionAttributes = (typeof SESSION_ATTRIBUTES)[number];

const TLS_VERSIONS = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const;
export type TlsVersion = (typeof TLS_VERSIONS)[number];

const ONLY_PASSWORDS = 'the daemon authenticates with a password or a client certificate';
const NOT_CHECKED = 'the daemon cannot enforce it';

/**
 * Every parameter that a URL can have: those of libpq 18, and `prepare`. What cannot be done is refused by name, because
 * a parameter that is ignored could be one that protects the connection.
 */
export const PARAMETERS = {
  host: { variable: 'PGHOST' },
  hostaddr: { variable: 'PGHOSTADDR' },
  port: { variable: 'PGPORT' },
  dbname: { variable: 'PGDATABASE' },
  user: { variable: 'PGUSER' },
  password: { variable: 'PGPASSWORD' },
  passfile: { variable: 'PGPASSFILE' },
  service: { variable: 'PGSERVICE' },
  servicefile: { variable: 'PGSERVICEFILE' },
  options: { variable: 'PGOPTIONS' },
  application_name: { variable: 'PGAPPNAME' },
  fallback_application_name: {},
  connect_timeout: { variable: 'PGCONNECT_TIMEOUT' },
  target_session_attrs: { variable: 'PGTARGETSESSIONATTRS', values: SESSION_ATTRIBUTES },
  load_balance_hosts: { variable: 'PGLOADBALANCEHOSTS', values: ['disable', 'random'] },
  sslmode: { variable: 'PGSSLMODE', values: SSL_MODES },
  ssl: { values: ['true'] },
  sslrootcert: { variable: 'PGSSLROOTCERT' },
  sslcert: { variable: 'PGSSLCERT' },
  sslkey: { variable: 'PGSSLKEY' },
  sslpassword: {},
  sslcrl: { variable: 'PGSSLCRL' },
  sslnegotiation: { variable: 'PGSSLNEGOTIATION', values: ['postgres', 'direct'] },
  ssl_min_protocol_version: { variable: 'PGSSLMINPROTOCOLVERSION', values: TLS_VERSIONS },
  ssl_max_protocol_version: { variable: 'PGSSLMAXPROTOCOLVERSION', values: TLS_VERSIONS },
  prepare: { values: ['true', 'false'] },
  // Accepted where it says what is done anyway.
  uselibpqcompat: { values: ['true'] },
  client_encoding: { values: ['UTF8', 'utf8', 'UTF-8', 'utf-8', 'auto'] },
  channel_binding: { variable: 'PGCHANNELBINDING', values: ['disable', 'prefer'] },
  gssencmode: { variable: 'PGGSSENCMODE', values: ['disable', 'prefer'] },
  keepalives: { values: ['1'] },
  sslsni: { variable: 'PGSSLSNI', values: ['1'] },
  sslcompression: { variable: 'PGSSLCOMPRESSION', values: ['0'] },
  replication: { values: ['false', 'off', 'no', '0'] },
  // Refused.
  sslcrldir: { variable: 'PGSSLCRLDIR', refused: 'put the revocation lists into one file and name it in sslcrl' },
  sslcertmode: { variable: 'PGSSLCERTMODE', refused: NOT_CHECKED },
  sslkeylogfile: { refused: 'the daemon does not write keys to a file' },
  requiressl: { refused: 'use sslmode=require' },
  requirepeer: { variable: 'PGREQUIREPEER', refused: NOT_CHECKED },
  require_auth: { variable: 'PGREQUIREAUTH', refused: NOT_CHECKED },
  krbsrvname: { variable: 'PGKRBSRVNAME', refused: ONLY_PASSWORDS },
  gsslib: { variable: 'PGGSSLIB', refused: ONLY_PASSWORDS },
  gssdelegation: { variable: 'PGGSSDELEGATION', refused: ONLY_PASSWORDS },
  oauth_issuer: { refused: ONLY_PASSWORDS },
  oauth_client_id: { refused: ONLY_PASSWORDS },
  oauth_client_secret: { refused: ONLY_PASSWORDS },
  oauth_scope: { refused: ONLY_PASSWORDS },
  scram_client_key: { refused: ONLY_PASSWORDS },
  scram_server_key: { refused: ONLY_PASSWORDS },
  keepalives_idle: { refused: 'the daemon uses the defaults of the system' },
  keepalives_interval: { refused: 'the daemon uses the defaults of the system' },
  keepalives_count: { refused: 'the daemon uses the defaults of the system' },
  tcp_user_timeout: { refused: 'the timeout of the site limits each query' },
  min_protocol_version: { variable: 'PGMINPROTOCOLVERSION', refused: 'the daemon uses version 3.0' },
  max_protocol_version: { variable: 'PGMAXPROTOCOLVERSION', refused: 'the daemon uses version 3.0' },
} as const satisfies Readonly<Record<string, Parameter>>;

export type ParameterName = keyof typeof PARAMETERS;
export type Parameters = Partial<Record<ParameterName, string>>;

export const PARAMETER_NAMES = Object.keys(PARAMETERS) as ParameterName[];

export function describeParameter(name: ParameterName): Parameter {
  return PARAMETERS[name];
}
