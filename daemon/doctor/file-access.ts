import { constants, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { hasPassword } from '../config/password-file.ts';
import type { Config } from '../config/schema.ts';
import type { Sources } from '../config/sources.ts';
import { groupName } from '../service/system-user.ts';
import { accessProblem, isAllowed } from '../store/sqlite/access.ts';
import { sqlitePathOf } from '../store/sqlite/url.ts';
import { type Finding, problem, warning } from './finding.ts';

const GROUP_WRITE = 0o020;
const OTHERS_READ = 0o004;
const OTHERS_WRITE = 0o002;
const STICKY = 0o1000;

/** Whether other users of this machine can change the configuration or open the sockets. */
export function examineAccess({ files, fileOf }: Sources, config: Config): Finding[] {
  const findings: Finding[] = [];
  const secrets = new Set(
    Object.entries(config.sites)
      .filter(([, site]) => site.password_file === undefined && hasPassword(site.database))
      .map(([name]) => fileOf(name)),
  );
  for (const file of new Set([...files, ...files.slice(1).map((path) => dirname(path))])) {
    const mode = modeOf(file) ?? 0;
    if (mode & OTHERS_WRITE) findings.push(problem(`${file} is world-writable`, [`chmod o-w ${file}`]));
    if (secrets.has(file) && mode & OTHERS_READ) {
      findings.push(warning(`${file} is world-readable and contains a password`, [`chmod o-r ${file}`]));
    }
  }
  const { socket, control, mode } = config.listen;
  if (mode & 0o006) {
    findings.push(
      warning(`listen.mode allows every user of this machine to ask; use 0660 and listen.group for a web server`),
    );
  }
  const present = modeOf(socket);
  if (present !== undefined && present & 0o006 && !(mode & 0o006)) {
    findings.push(warning(`every user may open ${socket}: its mode differs from listen.mode`, [`chmod o= ${socket}`]));
  }
  for (const directory of new Set([socket, ...(control === undefined ? [] : [control])].map((path) => dirname(path)))) {
    const bits = modeOf(directory);
    if (bits === undefined || !(bits & OTHERS_WRITE)) continue;
    findings.push(
      warning(
        bits & STICKY
          ? `${directory} is world-writable: any user can create the socket while the daemon is not running`
          : `${directory} is world-writable: any user can replace the daemon's socket`,
      ),
    );
  }
  return findings;
}

/** Whether the daemon's user, who examines, may read the configuration and the password files. */
export function examineReading(files: readonly string[], config: Config, user: string): Finding[] {
  const findings: Finding[] = [];
  for (const file of files) {
    const closed = readingProblem(file, user);
    if (closed !== undefined) findings.push(problem(closed, fixOf(file)));
  }
  for (const [name, { password_file: path }] of Object.entries(config.sites)) {
    // systemd itself makes a credential readable.
    if (path === undefined || !path.startsWith('/')) continue;
    const sentence = readingProblem(path, user);
    if (sentence !== undefined)
      findings.push(problem(`${sentence}; it is the password_file of site "${name}"`, fixOf(path)));
  }
  return findings;
}

/** The commands with which this process's group may read a file, and others still may not. */
function fixOf(path: string): string[] {
  const group = groupName(process.getegid?.() ?? 0);
  return [`chown root:${group} ${path}`, `chmod 0640 ${path}`];
}

/** Why this process, which runs as that user, cannot read a file; a sentence. */
export function readingProblem(path: string, user: string): string | undefined {
  const cause = accessProblem(path);
  return cause === undefined ? undefined : `${user} cannot read ${path}: ${cause}`;
}

/** Whether a SQLite file can be written by users who need not. */
export function examineSqliteFile(url: string, user: string): Finding[] {
  const path = sqlitePathOf(url);
  const mode = path === undefined ? undefined : modeOf(path);
  if (path === undefined || mode === undefined) return [];
  if (mode & OTHERS_WRITE) return [problem(`${path} is world-writable`, [`chmod o-w ${path}`])];
  if (process.geteuid?.() === 0) return []; // root may write anything, and the daemon's user is unknown
  if (!isAllowed(path, constants.W_OK)) return [];
  const group = mode & GROUP_WRITE ? ' (by its group)' : '';
  return [warning(`${user} may write ${path}${group}; the daemon only reads it: run the daemon as a separate user`)];
}

function modeOf(path: string): number | undefined {
  try {
    return statSync(path).mode;
  } catch {
    return undefined; // there is none, or none that this user can see
  }
}
