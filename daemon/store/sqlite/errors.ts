import { driver } from './drivers.ts';

/** The codes of SQLite, without what follows in an extended code, that say that the file cannot be used. */
const OUTAGES = [
  'SQLITE_PERM',
  'SQLITE_NOMEM',
  'SQLITE_READONLY', // a WAL database in a directory that the daemon cannot write
  'SQLITE_IOERR',
  'SQLITE_CORRUPT',
  'SQLITE_FULL',
  'SQLITE_CANTOPEN',
  'SQLITE_PROTOCOL',
  'SQLITE_NOTADB',
] as const;

/** Whether another process has locked the file. Includes extended codes such as SQLITE_BUSY_SNAPSHOT. */
export function isLock(error: unknown): boolean {
  return has(error, ['SQLITE_BUSY', 'SQLITE_LOCKED']);
}

/** Whether the file cannot be used. Other errors are about the query, such as a missing table. */
export function isOutage(error: unknown): boolean {
  return driver.codeOf(error) === undefined || has(error, OUTAGES);
}

function has(error: unknown, codes: readonly string[]): boolean {
  const code = driver.codeOf(error) ?? '';
  return codes.some((each) => code === each || code.startsWith(`${each}_`));
}
