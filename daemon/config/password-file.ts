import { readFileSync, statSync } from 'node:fs';
import { isAbsolute, join, relative } from 'node:path';
import { messageOf } from '../fault.ts';

/** The length limit of a password file, in octets: a longer file is something else. */
const LENGTH_MAX = 4_096;

/** The prefix of a path that systemd's LoadCredential= provides. */
const CREDENTIALS = '$CREDENTIALS_DIRECTORY/';

export const PASSWORD_FILE_FORM = `an absolute path, or one that begins with ${CREDENTIALS}`;

export function isPasswordFile(path: string): boolean {
  if (!path.startsWith(CREDENTIALS)) return isAbsolute(path);
  const inside = relative('/', join('/', path.slice(CREDENTIALS.length)));
  return inside !== '' && inside === path.slice(CREDENTIALS.length);
}

/**
 * The path that `password_file` stands for.
 *
 * @throws Error, a sentence, if systemd provides no credentials
 */
export function resolvePasswordFile(path: string, environment: NodeJS.ProcessEnv = process.env): string {
  if (!path.startsWith(CREDENTIALS)) return path;
  const directory = environment.CREDENTIALS_DIRECTORY;
  if (!directory) {
    throw new Error(
      'CREDENTIALS_DIRECTORY is not set: systemd sets it for a unit with LoadCredential=; beside the running service, ' +
        'set it to /run/credentials/djauthd.service',
    );
  }
  return join(directory, path.slice(CREDENTIALS.length));
}

/**
 * The password in a file: its content without one newline at the end. Read at start and at each reload.
 *
 * @throws Error, a sentence, if it cannot be read or others can read it
 */
export function readPasswordFile(path: string): string {
  const file = resolvePasswordFile(path);
  let content: Buffer;
  try {
    const problem = permissionProblem(file);
    if (problem) throw new Error(problem);
    content = readFileSync(file);
  } catch (error) {
    throw new Error(`${file === path ? '' : `${file}: `}${messageOf(error)}`);
  }
  const password = content.toString('utf8').replace(/\r?\n$/, '');
  if (content.length > LENGTH_MAX || password === '' || /[\0\n]/.test(password) || password.includes('\ufffd')) {
    throw new Error('not a password file; accepted: one line of UTF-8 that is not empty');
  }
  return password;
}

/**
 * A sentence if it is no file, such as a pipe, which to read might never end, or if others than the owner, or than root and one
 * group, have access to it. @throws Error of stat
 */
function permissionProblem(file: string): string | undefined {
  const stats = statSync(file);
  const { mode, uid } = stats;
  if (!stats.isFile()) return 'not a file';
  if (excessMode({ mode, uid }) === 0) return undefined;
  const octal = (mode & 0o777).toString(8).padStart(4, '0');
  return `invalid mode ${octal}; accepted: 0600${uid === 0 ? ', or 0640 if root owns it' : ''}`;
}

/**
 * The bits that the mode of a secret must not have, by the rule of PostgreSQL's server for its key: root may let a group
 * read it, which is also how systemd passes credentials on.
 */
export function excessMode({ mode, uid }: { mode: number; uid: number }): number {
  return mode & (uid === 0 ? 0o137 : 0o177);
}

/** A URL that has no password, with one put into it. */
export function withPassword(url: string, password: string): string {
  const match = /^([a-z][a-z0-9+.-]*:\/\/)(?:([^@/?#]*)@)?(.*)$/is.exec(url);
  if (!match) return url;
  const [, scheme, user = '', rest] = match;
  return `${scheme}${user}:${encodeURIComponent(password)}@${rest}`;
}

/** Whether a URL contains a password. */
export function hasPassword(url: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\/[^@/?#]*:[^@/?#]+@/i.test(url) || /[?&]password=/i.test(url);
}
