import { readFileSync } from 'node:fs';
import { getent } from '../service/getent.ts';

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

/** In both databases the number is the third field. */
function idOf(database: 'group' | 'passwd', name: string): number | undefined {
  if (/^[0-9]+$/.test(name)) return Number(name);
  const lines = readIfPossible(`/etc/${database}`).split('\n');
  const line = lines.find((candidate) => candidate.startsWith(`${name}:`));
  const entry = line?.split(':') ?? getent(database, name, GETENT_MS);
  return entry?.[0] === name ? Number(entry[2]) : undefined;
}

function readIfPossible(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
