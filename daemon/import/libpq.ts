import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeParameter, PARAMETER_NAMES, type Parameters } from '../store/postgres/parameters.ts';
import { passwordIn } from '../store/postgres/password-file.ts';
import { readService } from '../store/postgres/service-file.ts';
import { SOCKET_DIRECTORY } from '../store/postgres/url.ts';
import { UrlError } from '../store/url-query.ts';
import { ImportError } from './import-error.ts';
import type { IntrospectedDatabase } from './introspection.ts';

const PORT = '5432';

/** Files in the home directory that libpq uses if no other file is named. */
const HOME_FILES = {
  sslrootcert: '.postgresql/root.crt',
  sslcert: '.postgresql/postgresql.crt',
  sslkey: '.postgresql/postgresql.key',
  sslcrl: '.postgresql/root.crl',
} as const;

/**
 * Connection parameters as libpq completes them: those given, then the service, then the environment, then defaults; the
 * password file last. The parameters are named as in libpq's connection strings.
 *
 * @throws ImportError where no file has the service
 */
export function completed(introspected: IntrospectedDatabase): Parameters {
  const { environment, user, home } = introspected;
  const given = Object.fromEntries(
    Object.entries(introspected.parameters)
      .filter(([, value]) => typeof value === 'string' || typeof value === 'number')
      .map(([name, value]) => [name === 'database' ? 'dbname' : name, String(value)])
      .filter(([, value]) => value !== ''),
  ) as Parameters;
  const service = given.service ?? environment.PGSERVICE;
  const ofService = service === undefined ? {} : serviceOf(service, given.servicefile, introspected);
  const ofEnvironment = Object.fromEntries(
    PARAMETER_NAMES.flatMap((name) => {
      const { variable } = describeParameter(name);
      const value = variable && environment[variable];
      return value ? [[name, value]] : [];
    }),
  ) as Parameters;
  const all: Parameters = { ...ofEnvironment, ...ofService, ...given };
  all.user ??= user;
  all.dbname ??= all.user ?? user;
  if (all.hostaddr === undefined) all.host ??= SOCKET_DIRECTORY;
  for (const [name, file] of Object.entries(HOME_FILES) as [keyof typeof HOME_FILES, string][]) {
    const path = join(home, file);
    if (all[name] === undefined && existsSync(path)) all[name] = path;
  }
  const password = all.password ?? passwordOf(all, home);
  return password === undefined ? all : { ...all, password };
}

function serviceOf(service: string, servicefile: string | undefined, introspected: IntrospectedDatabase): Parameters {
  try {
    return readService(service, servicefile, introspected);
  } catch (error) {
    if (error instanceof UrlError) throw new ImportError(`djauthd: ${error.message}, or the file cannot be read`);
    throw error;
  }
}

/** The password in the site's password file. Several hosts can have several passwords there: the first host's counts. */
function passwordOf({ passfile, host, hostaddr, port, dbname, user }: Parameters, home: string): string | undefined {
  const first = (list: string | undefined) => list?.split(',')[0] || undefined;
  let text: string;
  try {
    text = readFileSync(passfile ?? join(home, '.pgpass'), 'utf8');
  } catch {
    return undefined;
  }
  return passwordIn(text, {
    host: first(host) ?? first(hostaddr) ?? SOCKET_DIRECTORY,
    port: first(port) ?? PORT,
    dbname: dbname ?? '',
    user: user ?? '',
  });
}
