import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** The number of a group by its name or number; undefined where there is none. */
export function groupId(group: string): number | undefined {
  if (/^[0-9]+$/.test(group)) return Number(group);
  const lines = `${readQuietly('/etc/group')}\n${askNameService(group)}`.split('\n');
  const line = lines.find((candidate) => candidate.startsWith(`${group}:`));
  return line === undefined ? undefined : Number(line.split(':')[2]);
}

function readQuietly(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** Groups may live in a directory service, which only the C library knows how to ask. */
function askNameService(group: string): string {
  try {
    return execFileSync('getent', ['group', '--', group], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return '';
  }
}
