import { accessSync, constants, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { hasPassword } from '../config/password-file.ts';
import type { Config } from '../config/schema.ts';
import { pathOf } from '../store/sqlite/url.ts';
import { type Finding, problem, warning } from './finding.ts';

const GROUP_WRITE = 0o020;
const OTHERS_READ = 0o004;
const OTHERS_WRITE = 0o002;
const STICKY = 0o1000;

/** Whether other users of this machine can change the configuration or open the sockets. */
export function examineAccess(file: string, config: Config): Finding[] {
  const findings: Finding[] = [];
  const ofFile = modeOf(file);
  if (ofFile !== undefined && ofFile & OTHERS_WRITE) {
    findings.push(problem(`${file} is world-writable`, [`chmod o-w ${file}`]));
  }
  const secret = Object.values(config.sites).some(
    (site) => site.password_file === undefined && hasPassword(site.database),
  );
  if (secret && ofFile !== undefined && ofFile & OTHERS_READ) {
    findings.push(warning(`${file} is world-readable and contains a password`, [`chmod o-r ${file}`]));
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

/** Whether a SQLite file can be written by users who need not. */
export function examineSqliteFile(url: string): Finding[] {
  const path = pathOf(url);
  const mode = path === undefined ? undefined : modeOf(path);
  if (path === undefined || mode === undefined) return [];
  if (mode & OTHERS_WRITE) return [problem(`${path} is world-writable`, [`chmod o-w ${path}`])];
  if (process.geteuid?.() === 0) return []; // root may write anything, and the daemon's user is unknown
  try {
    accessSync(path, constants.W_OK);
  } catch {
    return [];
  }
  const group = mode & GROUP_WRITE ? ' (by its group)' : '';
  return [warning(`this user may write ${path}${group}; the daemon only reads it: run the daemon as a separate user`)];
}

function modeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.mode;
}
