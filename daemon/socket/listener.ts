import { chmodSync, chownSync, existsSync, lstatSync, readFileSync, readlinkSync, unlinkSync } from 'node:fs';
import net from 'node:net';
import { dirname } from 'node:path';
import { messageOf } from '../fault.ts';
import { type Answer, Connection } from './connection.ts';
import { groupId } from './group.ts';

/** The socket cannot be listened on. The message is a sentence naming its path. */
export class ListenError extends Error {}

export interface ListenerOptions {
  readonly path: string;
  /** The descriptor of a socket that listens already; its mode and group are not ours to set. */
  readonly passed?: number | undefined;
  readonly mode: number;
  /** Name or number; undefined: the daemon's own. */
  readonly group: string | undefined;
  readonly maxConnections: number;
  readonly answer: Answer;
  readonly onMisuse: (message: string) => void;
}

/** How many connections may wait to be accepted. */
const BACKLOG = 4_096;

/** A Unix socket and the connections made through it. */
export class Listener {
  #options: ListenerOptions;
  readonly #server: net.Server;
  readonly #connections = new Set<Connection>();

  private constructor(options: ListenerOptions) {
    this.#options = options;
    this.#server = net.createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
    this.#server.maxConnections = options.maxConnections;
    this.#server.on('drop', () => options.onMisuse(`more than ${options.maxConnections} connections: one was refused`));
  }

  /** Listens. @throws ListenError */
  static async open(options: ListenerOptions): Promise<Listener> {
    const { path, passed } = options;
    if (passed !== undefined) return Listener.#take(options, passed);
    groupOf(options);
    await makeRoom(path);
    const listener = new Listener(options);
    // Nobody may connect before mode and group are as they should be.
    const umask = process.umask(0o777);
    try {
      await new Promise<void>((resolve, reject) => {
        listener.#server.once('error', reject);
        listener.#server.listen({ path, backlog: BACKLOG }, resolve);
      });
    } catch (error) {
      throw new ListenError(`cannot listen on ${path}: ${messageOf(error)}`);
    } finally {
      process.umask(umask);
    }
    try {
      setAccess(options);
    } catch (error) {
      listener.#server.close();
      throw error;
    }
    listener.#server.on('error', (error) => options.onMisuse(`listening on ${path}: ${messageOf(error)}`));
    return listener;
  }

  /** Takes over a socket that somebody else holds open too: what nobody has accepted waits for our successor. */
  static async #take(options: ListenerOptions, passed: number): Promise<Listener> {
    const listener = new Listener(options);
    const server = listener.#server;
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen({ fd: passed, backlog: BACKLOG }, resolve);
      });
    } catch (error) {
      throw new ListenError(`cannot listen on the socket passed for ${options.path}: ${messageOf(error)}`);
    }
    // Node knows no address of a Unix socket that it was given; of any other it does.
    if (server.address()) {
      server.close();
      throw new ListenError(`the socket passed for ${options.path} is no Unix socket`);
    }
    const path = pathOf(passed);
    if (path !== undefined && options.path !== '' && path !== options.path) {
      options.onMisuse(`the socket passed is ${path}; the configuration says ${options.path}, which is not used`);
    }
    server.on('error', (error) => options.onMisuse(`listening on ${path}: ${messageOf(error)}`));
    return listener;
  }

  /** Whether it listens where these options say. */
  isAt(options: ListenerOptions): boolean {
    return options.passed === this.#options.passed && (options.passed !== undefined || options.path === this.path);
  }

  get path(): string {
    return this.#options.path;
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** Takes other options for the same path; connections stay. @throws ListenError, with nothing changed. */
  adjust(options: ListenerOptions): void {
    if (options.passed === undefined) setAccess(options);
    this.#options = options;
    this.#server.maxConnections = options.maxConnections;
  }

  /** Accepts no more, answers what is in flight, ends every connection; resolves when all are gone. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of this.#connections) connection.close();
    await closed;
  }

  #accept(socket: net.Socket): void {
    const connection = new Connection(socket, this.#options);
    this.#connections.add(connection);
    socket.once('close', () => this.#connections.delete(connection));
  }
}

/** The path of an open Unix socket; undefined where the system does not tell. */
function pathOf(fd: number): string | undefined {
  try {
    const inode = /\d+/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[0];
    // Num RefCount Protocol Flags Type St Inode Path
    const line = readFileSync('/proc/net/unix', 'utf8')
      .split('\n')
      .find((each) => each.split(/ +/)[6] === inode);
    return line?.split(/ +/).slice(7).join(' ') || undefined;
  } catch {
    return undefined;
  }
}

/** The number of the configured group. @throws ListenError */
function groupOf({ path, group }: ListenerOptions): number {
  if (group === undefined) return process.getegid?.() ?? -1;
  const gid = groupId(group);
  if (gid === undefined) throw new ListenError(`cannot listen on ${path}: there is no group "${group}"`);
  return gid;
}

/** Lets those in who may ask. @throws ListenError */
function setAccess(options: ListenerOptions): void {
  const { path, mode, group } = options;
  const gid = groupOf(options);
  try {
    chownSync(path, -1, gid);
    chmodSync(path, mode);
  } catch (error) {
    const hint =
      (error as NodeJS.ErrnoException).code === 'EPERM' ? `; the daemon's user must be in group "${group}"` : '';
    throw new ListenError(`cannot listen on ${path}: ${messageOf(error)}${hint}`);
  }
}

/** Removes a socket that nobody listens on any more. @throws ListenError where the path cannot be had. */
async function makeRoom(path: string): Promise<void> {
  const directory = dirname(path);
  if (!existsSync(directory))
    throw new ListenError(`cannot listen on ${path}: the directory ${directory} does not exist`);
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isSocket()) throw new ListenError(`cannot listen on ${path}: it exists and is no socket`);
  if (await isLive(path)) throw new ListenError(`cannot listen on ${path}: another process answers there`);
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
      else
        reject(
          new ListenError(`cannot listen on ${path}: it exists, and asking who answers there failed: ${error.message}`),
        );
    });
  });
}
