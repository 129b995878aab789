import { readFileSync, readlinkSync } from 'node:fs';
import type { Socket } from 'node:net';
import { messageOf } from '../fault.ts';
import { loadAddon } from '../native/addon.ts';

/** The process at the other end of a connection, as it was when it connected (unix(7), SO_PEERCRED). */
export interface Peer {
  readonly pid: number;
  readonly uid: number;
  /** Its group and its supplementary groups. */
  readonly gids: readonly number[];
}

interface Addon {
  /** pid, uid, gid, supplementary groups. */
  peer(fd: number): number[];
  /** Whether the peer has closed the connection. */
  gone(fd: number): boolean;
  /** The path that a socket is bound to; "" if it has none. */
  path(fd: number): string;
}

/** Reads credentials; undefined if they cannot be read. */
export type ReadPeer = (socket: Socket) => Peer | undefined;

/** Tells who has connected. */
export interface Peers {
  /** A sentence if it cannot. */
  problem(): string | undefined;
  readonly read: ReadPeer;
}

/** The number that the kernel shows in place of one that the daemon's user namespace does not have. */
const OVERFLOW = 65_534;

let addon: Addon | string | undefined;

/** Whether every user of the host has a number here. Under PrivateUsers= of systemd all but two look like nobody. */
let allMapped: boolean | undefined;

function peerProblem(): string | undefined {
  if (addon === undefined) {
    try {
      addon = loadAddon<Addon>('peer');
    } catch (error) {
      addon = `the addon that reads who has connected cannot be loaded: ${messageOf(error)}`;
    }
  }
  return typeof addon === 'string' ? addon : undefined;
}

/** The credentials of a connection that was accepted just now. */
const readPeer: ReadPeer = (socket) => {
  if (peerProblem() !== undefined) return undefined;
  const fd = descriptorOf(socket);
  if (fd === undefined) return undefined;
  try {
    const [pid, uid, ...gids] = (addon as Addon).peer(fd) as [number, number, ...number[]];
    if (uid === OVERFLOW && !hasAllUsers()) return undefined;
    return { pid, uid, gids };
  } catch {
    return undefined;
  }
};

/**
 * Whether the peer has closed its connection, and not only ended its side, after which it still reads. false if that cannot be
 * told.
 */
export function hasGone(socket: Socket): boolean {
  const fd = descriptorOf(socket);
  return fd !== undefined && peerProblem() === undefined && (addon as Addon).gone(fd);
}

/** The absolute path of an open Unix socket that systemd has bound; undefined if the system does not tell. */
export function boundPath(fd: number): string | undefined {
  const path = peerProblem() === undefined ? (addon as Addon).path(fd) : pathInProc(fd);
  return path?.startsWith('/') ? path : undefined;
}

/** For a daemon without the addon. Where the unit hides all of /proc but processes there is no such file. */
function pathInProc(fd: number): string | undefined {
  try {
    const inode = /\d+/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[0];
    // Num RefCount Protocol Flags Type St Inode Path
    const line = readFileSync('/proc/net/unix', 'utf8')
      .split('\n')
      .find((each) => each.split(/ +/)[6] === inode);
    return line?.split(/ +/).slice(7).join(' ');
  } catch {
    return undefined;
  }
}

export const systemPeers: Peers = { problem: peerProblem, read: readPeer };

function hasAllUsers(): boolean {
  if (allMapped === undefined) {
    try {
      allMapped = /^\s*0\s+0\s+4294967295\s*$/.test(readFileSync('/proc/self/uid_map', 'utf8'));
    } catch {
      allMapped = false;
    }
  }
  return allMapped;
}

/**
 * Node has no public way to a socket's descriptor; the handle has had it under this name since version 0.6, and has in 20,
 * 22 and 24.
 */
export function descriptorOf(socket: Socket): number | undefined {
  const fd = (socket as unknown as { _handle?: { fd?: number } | null })._handle?.fd;
  return fd !== undefined && fd >= 0 ? fd : undefined;
}
