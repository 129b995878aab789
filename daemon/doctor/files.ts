import { accessSync, closeSync, constants, existsSync, openSync, readSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Config, SiteConfig } from '../config/schema.ts';
import type { Sources } from '../config/sources.ts';
import { messageOf } from '../fault.ts';
import type { Unit } from '../service/unit.ts';
import { accessProblem } from '../store/sqlite/access.ts';
import { sqlitePathOf } from '../store/sqlite/url.ts';
import type { DaemonProcess } from './daemon-process.ts';
import { hiddenBy } from './unit-restrictions.ts';

/** What a SQLite file begins with. */
const SQLITE_MAGIC = 'SQLite format 3\0';

/**
 * What this process, which runs as the daemon's user, cannot use of the files that a configuration names: a line each, which
 * begins with the file in which it is named.
 */
export function examineFiles({ files, fileOf }: Sources, config: Config, daemon: DaemonProcess): string[] {
  const { user, unit } = daemon;
  const found: string[] = [];
  const add = (file: string, what: string, problem: string | undefined) => {
    if (problem !== undefined) found.push(`${file}: warning: ${what}: ${problem}`);
  };
  const reading = (path: string): string | undefined => {
    const problem = openProblem(path);
    return problem === undefined ? undefined : `cannot read ${path} as user ${user.name}: ${problem}`;
  };
  for (const file of files) add(file, 'the configuration', reading(file));
  for (const [name, site] of Object.entries(config.sites)) {
    const file = fileOf(name);
    for (const { what, path, kind } of pathsOf(site)) {
      const where = kind === 'sqlite' ? `site "${name}"` : `site "${name}": ${what}`;
      add(file, where, unit && hidden(unit, path));
      if (kind === 'socket') add(file, where, existsSync(path) ? undefined : `no such directory or socket: ${path}`);
      else add(file, where, reading(path) ?? (kind === 'sqlite' ? sqliteProblem(path) : undefined));
    }
  }
  for (const key of ['password_file', 'key_file'] as const) {
    const path = config.throttle[key];
    if (path?.startsWith('/')) add(fileOf(), `throttle.${key}`, reading(path));
  }
  const { socket, control } = config.listen;
  // systemd makes the sockets of a unit itself.
  for (const [key, path] of Object.entries({ socket, control })) {
    if (path === undefined || (unit !== undefined && unit.words('Service.Sockets').length > 0)) continue;
    add(fileOf(), `listen.${key}`, directoryProblem(path, user.name));
  }
  return found;
}

/** The setting that hides a path from the unit, and the lines that show it. */
function hidden(unit: Unit, path: string): string | undefined {
  const found = hiddenBy(unit, path, 'the file');
  return found && `${found.message}: ${found.remedy.join(', ')}`;
}

interface Named {
  readonly what: string;
  readonly path: string;
  readonly kind: 'sqlite' | 'file' | 'socket';
}

/** Every file that a site names: its database, its password, and what the URL has for TLS and for a socket. */
function pathsOf({ database, password_file }: SiteConfig): Named[] {
  const paths: Named[] = [];
  const sqlite = sqlitePathOf(database);
  if (sqlite !== undefined) paths.push({ what: 'database', path: sqlite, kind: 'sqlite' });
  if (password_file?.startsWith('/')) paths.push({ what: 'password_file', path: password_file, kind: 'file' });
  for (const [name, value] of new URLSearchParams(/\?([^#]*)/.exec(database)?.[1] ?? '')) {
    if (!value.startsWith('/')) continue;
    if (name === 'host' || name === 'socket') paths.push({ what: `database, ${name}`, path: value, kind: 'socket' });
    else if (/^(ssl|passfile)/.test(name)) paths.push({ what: `database, ${name}`, path: value, kind: 'file' });
  }
  return paths;
}

/** Why a file cannot be opened; undefined if it was. */
function openProblem(path: string): string | undefined {
  const problem = accessProblem(path);
  if (problem !== undefined) return problem;
  try {
    closeSync(openSync(path, 'r'));
    return statSync(path).isFile() ? undefined : 'not a file';
  } catch (error) {
    return messageOf(error);
  }
}

/** What is wrong with a file that is to be a SQLite database, from how it begins. */
function sqliteProblem(path: string): string | undefined {
  const head = Buffer.alloc(SQLITE_MAGIC.length);
  const file = openSync(path, 'r');
  try {
    const length = readSync(file, head, 0, head.length, 0);
    if (length === 0) return `${path} is empty: not the site's database, or "manage.py migrate" was not run yet`;
    return head.toString('latin1') === SQLITE_MAGIC ? undefined : `${path} is not a SQLite database`;
  } finally {
    closeSync(file);
  }
}

/** Why no socket could be made there. */
function directoryProblem(path: string, user: string): string | undefined {
  const directory = dirname(path);
  if (!existsSync(directory)) return `cannot make ${path}: no such directory: ${directory}`;
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
    return undefined;
  } catch {
    return `cannot make ${path}: user ${user} may not write in ${directory}`;
  }
}
