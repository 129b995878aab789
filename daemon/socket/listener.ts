import { chmodSync, chownSync, existsSync, lstatSync, type Stats, unlinkSync } from 'node:fs';
import net from 'node:net';
import { dirname } from 'node:path';
import { monotonic } from '../clock.ts';
import { messageOf } from '../fault.ts';
import { type Accepted, Crowd } from './crowd.ts';
import { groupId } from './group.ts';
import { boundPath, type Peer, type ReadPeer } from './peer.ts';

/** The socket cannot be listened on. The message is a sentence that names its path. */
export class ListenError extends Error {}

/** Makes a connection of a socket that was accepted. The listener knows nothing of what is spoken on it. */
export type Accept = (socket: net.Socket, peer: Peer | undefined) => Accepted;

export interface ListenerOptions {
  /** What the listener is called, such as `auth`. */
  readonly name: string;
  /** Empty if `fd` is given and the configuration names none. */
  readonly path: string;
  /** The descriptor of a socket that systemd opened; its mode and group are not set here. */
  readonly fd?: number | undefined;
  readonly mode: number;
  /** Name or number; undefined: the daemon's own group. */
  readonly group: string | undefined;
  readonly maxConnections: number;
  /** After how many ms an idle connection is closed when there are nearly too many. */
  readonly idleMs: number;
  /** Who has connected. */
  readonly readPeer: ReadPeer;
  readonly accept: Accept;
  /** Called with a sentence if a connection is refused because there are too many. */
  readonly onRefused: (message: string, peer: Peer | undefined) => void;
  /** Called with a sentence about the socket itself. */
  readonly onTrouble: (message: string) => void;
}

/** How many connections may wait to be accepted. */
const BACKLOG = 4_096;

/** How many connections may be open for a moment beyond the limit: those that give way, until they are closed. */
const LEAVING_MAX = 64;

/** From this share of the limit on idle connections are closed, and how often they are looked for, in ms. */
const NEAR = 7 / 8;
const LOOK_MS = 1_000;

/** A Unix socket and the connections accepted on it. */
export class Listener {
  #options: ListenerOptions;
  readonly #server: net.Server;
  readonly #connections = new Crowd();
  /** Where the socket is; undefined if systemd opened it and the system does not tell. */
  #path: string | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;
  /** Clients that connected before `configure`: they are served once the generation is committed. */
  #early: net.Socket[] | undefined = [];

  private constructor(options: ListenerOptions) {
    this.#options = options;
    this.#path = options.fd === undefined ? options.path : undefined;
    this.#server = net.createServer({ allowHalfOpen: true }, (socket) => {
      if (this.#early === undefined) this.#accept(socket);
      else this.#early.push(socket.on('error', () => socket.destroy()));
    });
    this.#server.on('drop', () => this.#refuse(undefined));
  }

  /** Listens. Clients may connect from now on and are served after `configure`. @throws ListenError */
  static async open(options: ListenerOptions): Promise<Listener> {
    const listener = new Listener(options);
    if (options.fd === undefined) await listener.#listen();
    else await listener.#takeOver(options.fd);
    listener.#server.on('error', (error) => {
      const { path, onTrouble } = listener.#options;
      onTrouble(`cannot accept connections on ${path}: ${messageOf(error)}`);
    });
    return listener;
  }

  async #listen(): Promise<void> {
    const { path } = this.#options;
    groupOf(this.#options);
    await removeStaleSocket(path);
    // Nobody may connect before mode and group are set.
    const umask = process.umask(0o777);
    try {
      await this.#listenOn({ path, backlog: BACKLOG });
    } catch (error) {
      throw new ListenError(`cannot listen on ${path}: ${messageOf(error)}`);
    } finally {
      process.umask(umask);
    }
    try {
      setAccess(this.#options);
    } catch (error) {
      this.#server.close();
      throw error;
    }
  }

  /** Listens on a socket that systemd holds open too: connections that are not accepted wait for the next daemon. */
  async #takeOver(fd: number): Promise<void> {
    const { name, path, onTrouble } = this.#options;
    try {
      await this.#listenOn({ fd, backlog: BACKLOG });
    } catch (error) {
      throw new ListenError(`cannot listen on the socket "${name}" that systemd opened: ${messageOf(error)}`);
    }
    // Node reports no address for a Unix socket that it did not open, and one for any other kind.
    if (this.#server.address()) {
      this.#server.close();
      throw new ListenError(`the socket "${name}" that systemd opened is not a Unix socket`);
    }
    const actual = boundPath(fd);
    this.#path = actual ?? (path === '' ? undefined : path);
    if (actual !== undefined && path !== '' && actual !== path) {
      onTrouble(`systemd opened ${actual} as "${name}": ${path} of the configuration is not used`);
    }
  }

  #listenOn(options: net.ListenOptions & { fd?: number }): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(options, resolve);
    });
  }

  /** Whether it listens where these options say. */
  isAt({ fd, path }: ListenerOptions): boolean {
    return fd === this.#options.fd && (fd !== undefined || path === this.#options.path);
  }

  /** Where clients find the socket; undefined if that is not known. */
  get path(): string | undefined {
    return this.#path;
  }

  get connections(): number {
    return this.#connections.size;
  }

  /**
   * Sets mode and group of the socket. Returns a function that puts back those that it had.
   *
   * @throws ListenError, with nothing changed
   */
  changeAccess(options: ListenerOptions): () => void {
    if (options.fd !== undefined) return () => {};
    const before = setAccess(options);
    return () => {
      try {
        restoreAccess(options.path, before);
      } catch (error) {
        options.onTrouble(`cannot restore mode and group of ${options.path}: ${messageOf(error)}`);
      }
    };
  }

  /** Serves as these options say: those who wait, and those who connect from now on. Open connections stay. */
  configure(options: ListenerOptions): void {
    this.#options = options;
    this.#server.maxConnections = options.maxConnections + LEAVING_MAX;
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const socket of early) {
      if (socket.destroyed || socket.readableEnded) socket.destroy();
      else this.#accept(socket);
    }
  }

  /** Accepts no more and closes each connection as a front end does. Resolves when all are gone. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#early ?? []) socket.destroy();
    for (const connection of this.#connections) connection.close();
    await closed;
  }

  #accept(socket: net.Socket): void {
    const { maxConnections, readPeer, accept } = this.#options;
    const peer = readPeer(socket);
    if (this.#connections.size >= maxConnections) {
      const victim = this.#connections.victim(peer);
      if (victim === undefined) {
        socket.on('error', () => {});
        socket.destroy();
        this.#refuse(peer);
        return;
      }
      // A client that finds a connection closed asks again on a new one.
      this.#connections.delete(victim);
      victim.close();
    }
    const connection = accept(socket, peer);
    this.#connections.add(connection, peer);
    socket.once('close', () => this.#connections.delete(connection));
    if (this.#connections.size >= NEAR * maxConnections) this.#closeIdle();
  }

  #closeIdle(): void {
    const now = monotonic.now();
    if (now - this.#lookedAt < LOOK_MS) return;
    this.#lookedAt = now;
    for (const connection of this.#connections.idleSince(now - this.#options.idleMs)) connection.close();
  }

  #refuse(peer: Peer | undefined): void {
    const { maxConnections, onRefused } = this.#options;
    onRefused(`connection refused: listen.max_connections (${maxConnections}) reached`, peer);
  }
}

/** The number of the configured group. @throws ListenError */
function groupOf({ path, group }: ListenerOptions): number {
  if (group === undefined) return process.getegid?.() ?? -1;
  const gid = groupId(group);
  if (gid === undefined) throw new ListenError(`cannot listen on ${path}: no such group "${group}"`);
  return gid;
}

/** Sets mode and group, both or neither. Returns what they were. @throws ListenError */
function setAccess(options: ListenerOptions): Stats {
  const { path, mode, group } = options;
  const gid = groupOf(options);
  let before: Stats | undefined;
  try {
    before = lstatSync(path);
    // In between only those may connect who may before and after.
    chmodSync(path, before.mode & mode);
    chownSync(path, -1, gid);
    chmodSync(path, mode);
    return before;
  } catch (error) {
    if (before !== undefined) restoreQuietly(path, before);
    const hint =
      (error as NodeJS.ErrnoException).code === 'EPERM' ? `; the daemon's user must be in group "${group}"` : '';
    throw new ListenError(`cannot listen on ${path}: ${messageOf(error)}${hint}`);
  }
}

function restoreAccess(path: string, { mode, gid }: Stats): void {
  chmodSync(path, lstatSync(path).mode & mode & 0o777);
  chownSync(path, -1, gid);
  chmodSync(path, mode & 0o777);
}

function restoreQuietly(path: string, before: Stats): void {
  try {
    restoreAccess(path, before);
  } catch {
    // the first error says what is wrong
  }
}

/** Removes a socket on which nobody listens any more. @throws ListenError if the path cannot be used */
async function removeStaleSocket(path: string): Promise<void> {
  const directory = dirname(path);
  if (!existsSync(directory)) throw new ListenError(`cannot listen on ${path}: no such directory: ${directory}`);
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isSocket()) throw new ListenError(`cannot listen on ${path}: file exists and is not a socket`);
  if (await isLive(path)) {
    throw new ListenError(`cannot listen on ${path}: address already in use, another process listens there`);
  }
  unlinkSync(path);
}

function isLive(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(false);
      else if (error.code === 'EAGAIN')
        resolve(true); // its backlog is full: it is alive and busy
      else {
        const message = `cannot listen on ${path}: file exists, and connecting to it failed: ${error.message}`;
        reject(new ListenError(message));
      }
    });
  });
}
