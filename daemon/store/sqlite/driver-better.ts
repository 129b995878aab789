import { loadPackage } from '../../native/bundle.ts';
import type { Connection, Driver, OpenOptions } from './driver.ts';

/** The package better-sqlite3. @throws Error if it is not installed */
export function betterDriver(): Driver {
  interface BetterError extends Error {
    readonly code: string;
  }
  const Sqlite = loadPackage<{
    new (path: string, options: OpenOptions & { readonly fileMustExist: true }): Connection;
    readonly SqliteError: new (...words: never[]) => BetterError;
  }>('better-sqlite3');
  return {
    name: 'better-sqlite3',
    open: (path, options) => new Sqlite(path, { ...options, fileMustExist: true }),
    codeOf: (error) => (error instanceof Sqlite.SqliteError ? error.code : undefined),
  };
}
