import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** The number of a group, given by name or number; undefined if there is no such group. */
export function groupId(group: string): number | undefined {
  if (/^[0-9]+$/.test(group)) return Number(group);
  const lines = `${readIfPossible('/etc/group')}\n${getent(group)}`.split('\n');
  const line = lines.find((candidate) => candidate.startsWith(`${group}:`));
  return line === undefined ? undefined : Number(line.split(':')[2]);
}

function readIfPossible(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** Groups may be in a directory service, which only the C library can query. */
function getent(group: string): string {
  try {
    return execFileSync('getent', ['group', '--', group], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return '';
  }
}
