import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

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
  const lines = `${readIfPossible(`/etc/${database}`)}\n${getent(database, name)}`.split('\n');
  const line = lines.find((candidate) => candidate.startsWith(`${name}:`));
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
    return execFileSync('getent', [database, '--', name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return '';
  }
}
