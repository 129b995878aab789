import { execFileSync } from 'node:child_process';

/**
 * An entry of a database of the system, such as `passwd` or `group`, by its key, as its fields; undefined if there is none.
 * Users and groups may be in a directory service, which only the C library can query.
 *
 * @param timeoutMs how long that may take; without it as long as it takes
 */
export function getent(database: string, key: string, timeoutMs?: number): string[] | undefined {
  const line = run(database, key, timeoutMs).split('\n')[0];
  return line ? line.split(':') : undefined;
}

/** The numbers of all groups that a user is in beside its own. */
export function supplementaryGroups(user: string): number[] {
  // `initgroups NAME  GID GID …`
  return run('initgroups', user).trim().split(/\s+/).slice(1).map(Number);
}

function run(database: string, key: string, timeoutMs?: number): string {
  try {
    return execFileSync('getent', [database, '--', key], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      ...(timeoutMs === undefined ? {} : { timeout: timeoutMs, killSignal: 'SIGKILL' }),
    });
  } catch {
    return '';
  }
}
