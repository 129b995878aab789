import { accessSync, constants, existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname } from 'node:path';

/** What ProtectHome= hides from a service: it looks like a directory that nobody may enter. */
const HOMES = ['/home', '/root', '/run/user'];

/** Why this process cannot read a file: a few words; undefined if it can. */
export function accessProblem(path: string): string | undefined {
  const closed = directoriesOf(path).find((directory) => !isAllowed(directory, constants.X_OK));
  if (closed !== undefined) {
    if (!existsSync(closed)) return `no such directory: ${closed}`;
    const home = HOMES.includes(closed) ? ', which ProtectHome= of a systemd unit hides; run djauthd doctor' : '';
    return `permission denied at directory ${closed}${home}`;
  }
  if (!existsSync(path)) return 'no such file';
  return isAllowed(path, constants.R_OK) ? undefined : 'permission denied';
}

/** The message about a file that this process cannot read: it names the user whose permissions count. */
export function cannotRead(path: string, cause: string): string {
  return `cannot read ${path} as user ${userName()}: ${cause}`;
}

/** The directories above a path, from the top. */
function directoriesOf(path: string): string[] {
  const directories: string[] = [];
  for (let at = dirname(path); at !== dirname(at); at = dirname(at)) directories.unshift(at);
  return directories;
}

/** Whether this process has the permission `mode` (`constants.R_OK`, …) for a file. */
export function isAllowed(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

/** The user's name, or the number of one without a name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.geteuid?.() ?? 'unknown');
  }
}
