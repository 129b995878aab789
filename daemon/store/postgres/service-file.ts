import { homedir } from 'node:os';
import { join } from 'node:path';
import { didYouMean } from '../../text/suggest.ts';
import { readOptionFile } from '../option-file.ts';
import { UrlError } from '../url-query.ts';
import { PARAMETER_NAMES, type ParameterName, type Parameters } from './parameters.ts';

/** Where Debian's libpq looks for the services of all users. */
const SYSTEM_FILE = '/etc/postgresql-common/pg_service.conf';

/** Whose files and environment count. */
export interface Surroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly home: string;
}

export const OWN: () => Surroundings = () => ({ environment: process.env, home: homedir() });

/**
 * The parameters of a service of libpq's `pg_service.conf`.
 *
 * @throws UrlError where no file has the service, or it has an unknown parameter
 */
export function readService(
  service: string,
  servicefile: string | undefined,
  { environment, home }: Surroundings = OWN(),
): Parameters {
  const directory = environment.PGSYSCONFDIR;
  const files = [
    servicefile ?? environment.PGSERVICEFILE ?? join(home, '.pg_service.conf'),
    directory ? join(directory, 'pg_service.conf') : SYSTEM_FILE,
  ];
  for (const file of files) {
    const section = readOptionFile(file, { unquote: false })?.get(service);
    if (!section) continue;
    for (const name of section.keys()) {
      if (name === 'service' || !PARAMETER_NAMES.includes(name as ParameterName)) {
        throw new UrlError(`${file}: unknown parameter "${name}"${didYouMean(name, PARAMETER_NAMES)}`);
      }
    }
    return Object.fromEntries(section);
  }
  throw new UrlError(`no service "${service}" in ${files.join(' or ')}`);
}
