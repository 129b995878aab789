import { readFileSync, statSync } from 'node:fs';
import { messageOf } from '../../fault.ts';
import { UrlError } from '../url-query.ts';
import { type Host, type Settings, SOCKET_DIRECTORY } from './url.ts';

/**
 * The password for a host in libpq's password file: that of the first line that fits; undefined if there is none. The
 * default file is ignored if it does not exist or others can read it, as libpq does; one that is named must be usable.
 *
 * @throws UrlError
 */
export function passwordFor(host: Host, settings: Settings): string | undefined {
  const { path, required } = settings.passfile;
  const text = readPassfile(path, required);
  return text === undefined
    ? undefined
    : passwordIn(text, { host: host.name, port: String(host.port), dbname: settings.database, user: settings.user });
}

/** @throws UrlError where a password file is named that cannot be used */
export function checkPassfile({ passfile: { path, required } }: Settings): void {
  readPassfile(path, required);
}

function readPassfile(path: string, required: boolean): string | undefined {
  try {
    const status = statSync(path);
    if (!status.isFile()) throw new Error('not a regular file');
    if ((status.mode & 0o077) !== 0) throw new Error('permissions must be 0600 or less');
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (!required) return undefined;
    throw new UrlError(`passfile ${path}: ${messageOf(error)}`);
  }
}

/** What a line of a password file is compared with. */
interface Login {
  readonly host: string;
  readonly port: string;
  readonly dbname: string;
  readonly user: string;
}

/** The password of the first line that fits. */
export function passwordIn(text: string, { host, port, dbname, user }: Login): string | undefined {
  const isDefaultSocket = host === SOCKET_DIRECTORY;
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith('#')) continue;
    // A backslash escapes a colon or a backslash.
    const fields = [...line.matchAll(/((?:\\.|[^:\\])*)(?::|$)/gs)].map(([, field = '']) =>
      field.replace(/\\(.)/gs, '$1'),
    );
    const [ofHost, ofPort, ofName, ofUser, password] = fields;
    const fits = (pattern: string | undefined, value: string) => pattern === '*' || pattern === value;
    const hostFits = fits(ofHost, host) || (isDefaultSocket && ofHost === 'localhost');
    if (password && hostFits && fits(ofPort, port) && fits(ofName, dbname) && fits(ofUser, user)) return password;
  }
  return undefined;
}
