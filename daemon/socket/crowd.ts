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
  readonly uid: number;
  readonly connections: Set<Accepted>;
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
  /** By uid and pid. */
  readonly #groups = new Map<string, Group>();
  readonly #users = new Map<number, number>();

  get size(): number {
    return this.#peers.size;
  }

  [Symbol.iterator](): IterableIterator<Accepted> {
    return this.#peers.keys();
  }

  add(connection: Accepted, peer: Peer = NOBODY): void {
    this.#peers.set(connection, peer);
    const name = nameOf(peer);
    let group = this.#groups.get(name);
    if (group === undefined) {
      group = { uid: peer.uid, connections: new Set() };
      this.#groups.set(name, group);
    }
    group.connections.add(connection);
    this.#users.set(peer.uid, (this.#users.get(peer.uid) ?? 0) + 1);
  }

  delete(connection: Accepted): void {
    const peer = this.#peers.get(connection);
    if (peer === undefined) return;
    this.#peers.delete(connection);
    const group = this.#groups.get(nameOf(peer)) as Group;
    group.connections.delete(connection);
    if (group.connections.size === 0) this.#groups.delete(nameOf(peer));
    const left = (this.#users.get(peer.uid) as number) - 1;
    if (left > 0) this.#users.set(peer.uid, left);
    else this.#users.delete(peer.uid);
  }

  /** The connection that gives way to one more of a peer; undefined if the newcomer is the one too many. */
  victim(newcomer: Peer = NOBODY): Accepted | undefined {
    const own = this.#users.get(newcomer.uid) ?? 0;
    let uid = newcomer.uid;
    let most = own;
    for (const [each, count] of this.#users) {
      // Equal is not more: the two would take each other's place for ever.
      if (count > most) [uid, most] = [each, count];
    }
    const groups = [...this.#groups.values()].filter((group) => group.uid === uid);
    const largest = groups.reduce<Group | undefined>(
      (best, group) => (best === undefined || group.connections.size > best.connections.size ? group : best),
      undefined,
    );
    if (largest === undefined) return undefined;
    const idle = longestIdle(largest.connections) ?? longestIdle(groups.flatMap((group) => [...group.connections]));
    if (idle !== undefined) return idle;
    // None is idle: one that works gives way only to a peer that has clearly less.
    const rival = uid === newcomer.uid ? (this.#groups.get(nameOf(newcomer))?.connections.size ?? 0) : own;
    const size = uid === newcomer.uid ? largest.connections.size : most;
    return size > rival + 1 ? largest.connections.values().next().value : undefined;
  }

  /** Those that are idle since before a moment. */
  idleSince(before: number): Accepted[] {
    return [...this.#peers.keys()].filter(({ idleSince }) => idleSince !== undefined && idleSince < before);
  }
}

function nameOf({ uid, pid }: Peer): string {
  return `${uid} ${pid}`;
}

function longestIdle(connections: Iterable<Accepted>): Accepted | undefined {
  let longest: Accepted | undefined;
  for (const each of connections) {
    if (each.idleSince === undefined) continue;
    if (longest?.idleSince === undefined || each.idleSince < longest.idleSince) longest = each;
  }
  return longest;
}
