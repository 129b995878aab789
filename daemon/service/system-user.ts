import { spawnSync } from 'node:child_process';
import { groupId } from '../socket/group.ts';
import { getent, supplementaryGroups } from './getent.ts';

/** A user of this machine, with all groups. */
export interface SystemUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}

/** The user whom a process of this one's rights is. */
export function currentUser(): SystemUser {
  const uid = process.geteuid?.() ?? 0;
  const gid = process.getegid?.() ?? 0;
  const name = passwd(String(uid))?.[0] ?? String(uid);
  return { name, uid, gid, groups: [...new Set([gid, ...(process.getgroups?.() ?? [])])] };
}

/** A user by name or number, in the given groups too; undefined if there is no such user. */
export function findUser(
  user: string,
  { group, supplementary = [] }: { group?: string | undefined; supplementary?: readonly string[] } = {},
): SystemUser | undefined {
  const entry = passwd(user);
  if (entry === undefined) return undefined;
  const [name = user, , uid, ownGid] = entry;
  const gid = group === undefined ? Number(ownGid) : groupId(group);
  if (gid === undefined) return undefined;
  const more = supplementary.map(groupId).filter((id): id is number => id !== undefined);
  return { name, uid: Number(uid), gid, groups: [...new Set([gid, ...supplementaryGroups(name), ...more])] };
}

/** The name of a group, or its number. */
export function groupName(gid: number): string {
  return getent('group', String(gid))?.[0] ?? String(gid);
}

/** The names of those who are in a group beside the users whose own group it is. */
export function groupMembers(gid: number): string[] {
  return (getent('group', String(gid))?.[3] ?? '').split(',').filter(Boolean);
}

/** Makes this process, run by root, one of that user for good; or ends it, after it has run once more as that user. */
export function become(user: SystemUser): void {
  const { uid, gid, groups } = user;
  try {
    process.setgroups?.([...groups]);
  } catch (error) {
    // Debian 13's Node.js changes no user: it takes its libuv for one with io_uring (CVE-2024-22017).
    if ((error as NodeJS.ErrnoException).code !== 'ERR_INVALID_STATE') throw error;
    process.exit(runAgain(user));
  }
  process.setgid?.(gid);
  process.setuid?.(uid);
}

/** @returns the exit code */
function runAgain({ uid, gid, groups }: SystemUser): number {
  const identity = [`--reuid=${uid}`, `--regid=${gid}`, `--groups=${groups.join(',')}`];
  const itself = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const { status, error } = spawnSync('setpriv', [...identity, ...itself], { stdio: 'inherit' });
  if (error) throw error;
  return status ?? 1;
}

const passwd = (user: string) => getent('passwd', user);
