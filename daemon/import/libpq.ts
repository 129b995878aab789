import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ImportError } from './import-error.ts';
import type { IntrospectedDatabase } from './introspection.ts';
import { readOptionFile } from './option-file.ts';

/** The environment variable of each connection parameter that is read. */
const VARIABLES: Readonly<Record<string, string>> = {
  host: 'PGHOST',
  hostaddr: 'PGHOSTADDR',
  port: 'PGPORT',
  dbname: 'PGDATABASE',
  user: 'PGUSER',
  password: 'PGPASSWORD',
  passfile: 'PGPASSFILE',
  options: 'PGOPTIONS',
  sslmode: 'PGSSLMODE',
  sslrootcert: 'PGSSLROOTCERT',
  sslcert: 'PGSSLCERT',
  sslkey: 'PGSSLKEY',
  sslcrl: 'PGSSLCRL',
};

const SOCKET_DIRECTORY = '/var/run/postgresql';
const PORT = '5432';

/** Files in the home directory that libpq uses if no other is named. */
const HOME_FILES = {
  sslrootcert: '.postgresql/root.crt',
  sslcert: '.postgresql/postgresql.crt',
  sslkey: '.postgresql/postgresql.key',
} as const;

/** Debian's system-wide service file. */
const SERVICE_FILE = '/etc/postgresql-common/pg_service.conf';

/**
 * Connection parameters as libpq completes them: the given ones, then the service, the environment and the defaults;
 * last the password file. The parameters are named as in libpq's connection strings.
 *
 * @throws ImportError if no file has the service
 */
export function completed(database: IntrospectedDatabase): Record<string, string> {
  const { environment, user, home } = database;
  const given = Object.fromEntries(
    Object.entries(database.parameters)
      .filter(([, value]) => typeof value === 'string' || typeof value === 'number')
      .map(([name, value]) => [name === 'database' ? 'dbname' : name, String(value)])
      .filter(([, value]) => value !== ''),
  ) as Record<string, string>;
  const service = given.service ?? environment.PGSERVICE;
  const ofService = service === undefined ? {} : serviceOf(service, given.servicefile, database);
  const ofEnvironment = Object.fromEntries(
    Object.entries(VARIABLES).flatMap(([name, variable]) => {
      const value = environment[variable];
      return value ? [[name, value]] : [];
    }),
  );
  const all: Record<string, string> = { ...ofEnvironment, ...ofService, ...given };
  all.user ??= user;
  all.dbname ??= all.user;
  all.host ??= SOCKET_DIRECTORY;
  all.port ??= PORT;
  for (const [name, file] of Object.entries(HOME_FILES)) {
    const path = join(home, file);
    if (all[name] === undefined && existsSync(path)) all[name] = path;
  }
  const password = all.password ?? passwordOf(all, all.passfile ?? join(home, '.pgpass'));
  return { ...all, ...(password === undefined ? {} : { password }) };
}

function serviceOf(
  service: string,
  named: string | undefined,
  { environment, home }: IntrospectedDatabase,
): Record<string, string> {
  const directory = environment.PGSYSCONFDIR;
  const files = [
    named ?? environment.PGSERVICEFILE ?? join(home, '.pg_service.conf'),
    directory ? join(directory, 'pg_service.conf') : SERVICE_FILE,
  ];
  for (const file of files) {
    const section = readOptionFile(file, { unquote: false })?.get(service);
    if (section) return Object.fromEntries(section);
  }
  throw new ImportError(`djauthd: no service "${service}" found in ${files.join(' or ')}`);
}

/** The password that a password file has for a connection: that of the first matching line. */
function passwordOf(parameters: Record<string, string>, passfile: string): string | undefined {
  let lines: string[];
  try {
    lines = readFileSync(passfile, 'utf8').split(/\r?\n/);
  } catch {
    return undefined;
  }
  const { host, port, dbname, user } = parameters;
  const isDefaultSocket = host === SOCKET_DIRECTORY;
  for (const line of lines) {
    if (line.startsWith('#')) continue;
    // A backslash escapes a colon or a backslash.
    const fields = [...line.matchAll(/((?:\\.|[^:\\])*)(?::|$)/gs)].map(([, field = '']) =>
      field.replace(/\\(.)/gs, '$1'),
    );
    const [ofHost, ofPort, ofName, ofUser, password] = fields;
    const fits = (pattern: string | undefined, value: string | undefined) => pattern === '*' || pattern === value;
    const hostFits = fits(ofHost, host) || (isDefaultSocket && ofHost === 'localhost');
    if (password && hostFits && fits(ofPort, port) && fits(ofName, dbname) && fits(ofUser, user)) return password;
  }
  return undefined;
}
