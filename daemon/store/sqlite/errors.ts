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

/** The codes of SQLite and of the system for a file that cannot be read at the moment, whoever tries. */
const AWAY = ['SQLITE_IOERR', 'SQLITE_NOMEM', 'SQLITE_PROTOCOL'] as const;
const AWAY_OF_SYSTEM: readonly unknown[] = ['EIO', 'ESTALE', 'ETIMEDOUT'];

/** Whether the error says only that the file cannot be reached: not that it is another one, or closed to the daemon. */
export function isAway(error: unknown): boolean {
  return has(error, AWAY) || AWAY_OF_SYSTEM.includes((error as { code?: unknown } | undefined)?.code);
}

function has(error: unknown, codes: readonly string[]): boolean {
  const code = driver.codeOf(error) ?? '';
  return codes.some((each) => code === each || code.startsWith(`${each}_`));
}
