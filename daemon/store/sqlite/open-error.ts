import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { messageOf } from '../../fault.ts';
import { accessProblem, cannotRead } from './access.ts';
import { driver } from './drivers.ts';

/** The codes that only a database in WAL mode has for a connection that does not write. */
const WAL_CODES = ['SQLITE_READONLY_DIRECTORY', 'SQLITE_READONLY_CANTINIT', 'SQLITE_READONLY_RECOVERY'];

/** Why a database cannot be opened or read: a sentence with its path and the user that tried. */
export function openError(path: string, error: unknown): string {
  return cannotRead(path, accessProblem(path) ?? causeOf(path, error));
}

function causeOf(path: string, error: unknown): string {
  const code = driver.codeOf(error) ?? '';
  if (code === 'SQLITE_READONLY_ROLLBACK') {
    return (
      `a process that ended during a transaction left ${path}-journal, which only a process that may write the ` +
      'database can roll back; any request to the site does so'
    );
  }
  const files = [`${path}-wal`, `${path}-shm`];
  if (WAL_CODES.includes(code) || (code === 'SQLITE_CANTOPEN' && files.some((file) => existsSync(file)))) {
    return walCause(path, files);
  }
  return messageOf(error);
}

/** In WAL mode a reader needs two more files, and to create them if no other process has the database open. */
function walCause(path: string, files: readonly string[]): string {
  const closed = files.find((file) => existsSync(file) && accessProblem(file) !== undefined);
  const cause =
    closed === undefined
      ? `it cannot create ${files.join(' and ')}, which a reader of a database in WAL mode needs`
      : `permission denied for ${closed}, which a reader of a database in WAL mode needs`;
  return (
    `${cause}. Either let this user and the site's write ${dirname(path)} and the database, by a group of both (modes ` +
    '2770 and 0660); or leave WAL mode (PRAGMA journal_mode=DELETE); or keep the database open in a process of the ' +
    'site (CONN_MAX_AGE = None), with both files readable'
  );
}
