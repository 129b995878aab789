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

/** What others on this machine could do to the configuration and the sockets. */
export function examinePlaces(file: string, config: Config): Finding[] {
  const findings: Finding[] = [];
  const ofFile = modeOf(file);
  if (ofFile !== undefined && ofFile & OTHERS_WRITE) {
    findings.push(problem(`everybody may write ${file}`, [`chmod o-w ${file}`]));
  }
  const secret = Object.values(config.sites).some(
    (site) => site.password_file === undefined && hasPassword(site.database),
  );
  if (secret && ofFile !== undefined && ofFile & OTHERS_READ) {
    findings.push(warning(`everybody may read ${file}, which has a password in it`, [`chmod o-r ${file}`]));
  }
  const { socket, control, mode } = config.listen;
  if (mode & 0o006) {
    findings.push(
      warning(`listen.mode lets everybody on this machine ask; 0660 and listen.group are enough for a web server`),
    );
  }
  const present = modeOf(socket);
  if (present !== undefined && present & 0o006 && !(mode & 0o006)) {
    findings.push(
      warning(`everybody may open ${socket}: its mode is not what listen.mode says`, [`chmod o= ${socket}`]),
    );
  }
  for (const directory of new Set([socket, ...(control === undefined ? [] : [control])].map((path) => dirname(path)))) {
    const bits = modeOf(directory);
    if (bits === undefined || !(bits & OTHERS_WRITE)) continue;
    findings.push(
      warning(
        bits & STICKY
          ? `everybody may write ${directory}, and so take the socket's place while the daemon is not running`
          : `everybody may write ${directory}, and so put another socket in the place of the daemon's`,
      ),
    );
  }
  return findings;
}

/** Whether a SQLite file can be written by those who need not. */
export function examineSqliteFile(url: string): Finding[] {
  const path = pathOf(url);
  const mode = path === undefined ? undefined : modeOf(path);
  if (path === undefined || mode === undefined) return [];
  if (mode & OTHERS_WRITE) return [problem(`everybody may write ${path}`, [`chmod o-w ${path}`])];
  if (process.geteuid?.() === 0) return []; // root may write anything; who runs the daemon is not known
  try {
    accessSync(path, constants.W_OK);
  } catch {
    return [];
  }
  const way = mode & GROUP_WRITE ? ' (its group may)' : '';
  return [warning(`this user may write ${path}${way}; the daemon only needs to read it: run it as a user of its own`)];
}

function modeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.mode;
}
