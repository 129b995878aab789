import { type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Config } from '../config/schema.ts';
import { findUser, groupMembers, groupName, type SystemUser } from '../service/system-user.ts';
import { findUnit, type Unit } from '../service/unit.ts';
import { groupId } from '../socket/group.ts';
import type { DaemonProcess } from './daemon-process.ts';
import { type Finding, problem, warning } from './finding.ts';

/** The users that web servers run as: Debian, Red Hat, Arch, SUSE. */
const WEB_USERS = ['www-data', 'apache', 'http', 'wwwrun'] as const;

interface Access {
  readonly path: string;
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  /** The line that lets a group open it. */
  readonly remedy: (group: string) => string;
}

/** Whether the web server's user may open the auth socket. */
export function examineSocket({ unit, user }: DaemonProcess, { socket, group, mode }: Config['listen']): Finding[] {
  const ofUnit = unit && socketUnit(unit, socket);
  const findings: Finding[] = [];
  if (ofUnit === undefined && unit && group !== undefined && user.uid !== 0) {
    const gid = groupId(group);
    if (gid !== undefined && !user.groups.includes(gid)) {
      findings.push(
        problem(`${user.name} is not in group ${group}: the daemon cannot set listen.group`, [
          `systemctl edit ${unit.name}`,
          '[Service]',
          `SupplementaryGroups=${group}`,
        ]),
      );
    }
  }
  const access = ofUnit ? unitAccess(ofUnit, socket) : declaredAccess(user, { socket, group, mode });
  // Without a unit, a group or a socket nothing says who is to open it.
  const present = statOf(access.path);
  if (present === undefined && unit === undefined && group === undefined) return findings;
  const web = WEB_USERS.map((name) => findUser(name)).find((found) => found !== undefined);
  if (web === undefined) return findings;
  const actual = present?.isSocket() ? { ...access, uid: present.uid, gid: present.gid, mode: present.mode } : access;
  const closed = closedDirectory(web, access.path);
  if (closed !== undefined) {
    findings.push(warning(`${web.name}, the web server's user, may not enter ${closed}`, [`chmod o+x ${closed}`]));
  } else if (!may(web, actual, 0o2)) {
    const octal = (actual.mode & 0o777).toString(8).padStart(4, '0');
    const sentence = `${web.name}, the web server's user, may not open ${access.path} (group ${groupName(actual.gid)}, mode ${octal})`;
    const nobody = actual.gid === user.gid && groupMembers(actual.gid).length === 0;
    findings.push((nobody ? problem : warning)(sentence, [access.remedy(web.name)]));
  }
  return findings;
}

function socketUnit(unit: Unit, path: string): Unit | undefined {
  const units = unit.words('Service.Sockets').map((name) => findUnit(name, unit));
  return units.find(
    (each) => each?.value('Socket.FileDescriptorName') === 'auth' || each?.value('Socket.ListenStream') === path,
  );
}

function unitAccess(unit: Unit, path: string): Access {
  return {
    path: unit.value('Socket.ListenStream') ?? path,
    uid: findUser(unit.value('Socket.SocketUser') ?? 'root')?.uid ?? 0,
    gid: groupId(unit.value('Socket.SocketGroup') ?? 'root') ?? 0,
    mode: Number.parseInt(unit.value('Socket.SocketMode') ?? '0666', 8),
    remedy: (group) => `SocketGroup=${group} (systemctl edit ${unit.name}, section [Socket])`,
  };
}

function declaredAccess(
  user: SystemUser,
  { socket, group, mode }: Pick<Config['listen'], 'socket' | 'group' | 'mode'>,
): Access {
  const gid = group === undefined ? user.gid : (groupId(group) ?? user.gid);
  const remedy = (name: string) =>
    group === undefined ? `listen.group = "${name}"` : `usermod --append --groups ${group} ${name}`;
  return { path: socket, uid: user.uid, gid, mode, remedy };
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined; // there is none, or none that this user can see
  }
}

/** The first directory above a path that a user may not enter. */
function closedDirectory(user: SystemUser, path: string): string | undefined {
  const directories: string[] = [];
  for (let at = dirname(path); ; at = dirname(at)) {
    directories.unshift(at);
    if (at === dirname(at)) break;
  }
  return directories.find((directory) => {
    const stat = statOf(directory);
    return stat !== undefined && !may(user, stat, 0o1);
  });
}

/** Whether the bits of a mode let a user do that. Access control lists are not looked at. */
function may(user: SystemUser, { uid, gid, mode }: { uid: number; gid: number; mode: number }, bit: number): boolean {
  if (user.uid === 0) return true;
  if (user.uid === uid) return (mode & (bit << 6)) !== 0;
  return (mode & (user.groups.includes(gid) ? bit << 3 : bit)) !== 0;
}
