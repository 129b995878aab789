import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** How long a directory service may take, in ms: nothing is answered meanwhile, and systemd's watchdog waits for 10 s. */
const GETENT_MS = 2_000;

/** The number of a group, given by name or number; undefined if there is no such group. */
export function groupId(group: string): number | undefined {
  return idOf('group', group);
}

/** The number of a user, given by name or number; undefined if there is no such user. */
export function userId(user: string): number | undefined {
  return idOf('passwd', user);
}

/** In both files the number is the third field. */
function idOf(database: 'group' | 'passwd', name: string): number | undefined {
  if (/^[0-9]+$/.test(name)) return Number(name);
  return idIn(readIfPossible(`/etc/${database}`), name) ?? idIn(getent(database, name), name);
}

function idIn(text: string, name: string): number | undefined {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${name}:`));
  return line === undefined ? undefined : Number(line.split(':')[2]);
}

function readIfPossible(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** Users and groups may be in a directory service, which only the C library can query. */
function getent(database: string, name: string): string {
  try {
    return execFileSync('getent', [database, '--', name], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: GETENT_MS,
      killSignal: 'SIGKILL',
    });
  } catch {
    return '';
  }
}
