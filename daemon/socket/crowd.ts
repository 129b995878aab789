import { LongestIdle } from './longest-idle.ts';
import type { Peer } from './peer.ts';

/** What a front end makes of a client that has connected. */
export interface Accepted {
  /** Takes no more requests, answers those in flight, then ends the connection. */
  close(): void;
  /** Since when nothing is asked or answered, by the daemon's monotonic clock in ms; undefined: something is. */
  readonly idleSince: number | undefined;
}

/** The connections of one process. */
interface Group {
  readonly connections: Set<Accepted>;
  readonly idle: LongestIdle<Accepted>;
}

interface User {
  count: number;
  /** By pid. */
  readonly groups: Map<number, Group>;
  readonly idle: LongestIdle<Accepted>;
}

/** Who cannot be told from others. */
const NOBODY: Peer = { pid: -1, uid: -1, gids: [] };

/**
 * The open connections by user and process, and which of them gives way when there are too many: one of the user who has
 * most, of the process that has most, the one that is idle for longest. So a peer can only take the place of one who has
 * more, and no peer keeps others out.
 */
export class Crowd {
  readonly #peers = new Map<Accepted, Peer>();
  /** By uid. */
  readonly #users = new Map<number, User>();

  get size(): number {
    return this.#peers.size;
  }

  [Symbol.iterator](): IterableIterator<Accepted> {
    return this.#peers.keys();
  }

  add(connection: Accepted, peer: Peer = NOBODY): void {
    this.#peers.set(connection, peer);
    let user = this.#users.get(peer.uid);
    if (user === undefined) {
      user = { count: 0, groups: new Map(), idle: new LongestIdle<Accepted>() };
      this.#users.set(peer.uid, user);
    }
    let group = user.groups.get(peer.pid);
    if (group === undefined) {
      group = { connections: new Set(), idle: new LongestIdle<Accepted>() };
      user.groups.set(peer.pid, group);
    }
    group.connections.add(connection);
    user.count++;
  }

  delete(connection: Accepted): void {
    const peer = this.#peers.get(connection);
    if (peer === undefined) return;
    this.#peers.delete(connection);
    const user = this.#users.get(peer.uid) as User;
    const group = user.groups.get(peer.pid) as Group;
    group.connections.delete(connection);
    if (group.connections.size === 0) user.groups.delete(peer.pid);
    if (--user.count === 0) this.#users.delete(peer.uid);
  }

  /** The connection that gives way to one more of a peer; undefined if the newcomer is the one too many. */
  victim(newcomer: Peer = NOBODY): Accepted | undefined {
    const own = this.#users.get(newcomer.uid);
    let most = own;
    for (const user of this.#users.values()) {
      // Equal is not more: the two would take each other's place for ever.
      if (user.count > (most?.count ?? 0)) most = user;
    }
    if (most === undefined) return undefined;
    const { count, groups } = most;
    const [first, ...others] = groups.values();
    const largest = others.reduce(
      (best, group) => (group.connections.size > best.connections.size ? group : best),
      first as Group,
    );
    const idle = this.#longestIdle(largest, most);
    if (idle !== undefined) return idle;
    // None is idle: one that works gives way only to a peer that has clearly less.
    const rival = most === own ? (groups.get(newcomer.pid)?.connections.size ?? 0) : (own?.count ?? 0);
    const size = most === own ? largest.connections.size : count;
    return size > rival + 1 ? largest.connections.values().next().value : undefined;
  }

  /** Of a user's process, else of all its processes. */
  #longestIdle({ connections, idle }: Group, { count, groups, idle: idleOfUser }: User): Accepted | undefined {
    const ofProcess = idle.of({
      size: connections.size,
      has: (connection) => connections.has(connection),
      all: () => connections,
    });
    if (ofProcess !== undefined) return ofProcess;
    return idleOfUser.of({
      size: count,
      has: (connection) =>
        groups.get(this.#peers.get(connection)?.pid ?? Number.NaN)?.connections.has(connection) === true,
      all: () => [...groups.values()].flatMap((group) => [...group.connections]),
    });
  }

  /** Those that are idle since before a moment. */
  idleSince(before: number): Accepted[] {
    return [...this.#peers.keys()].filter(({ idleSince }) => idleSince !== undefined && idleSince < before);
  }
}
