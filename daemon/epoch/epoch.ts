import { messageOf } from '../fault.ts';
import { EpochFile } from './epoch-file.ts';

/** The number of which clients see whether their leases still hold. */
export interface Epoch {
  /** What a lease that is given now carries. */
  readonly value: bigint;
  /**
   * Ends all leases. Whoever makes the daemon forget an account before its time calls this, after the caches are emptied
   * and before that is acknowledged to anybody.
   */
  raise(): void;
}

export interface EpochOptions {
  /** Called with a sentence where there are no leases, once for each reason. */
  readonly onTrouble: (message: string) => void;
  /** Microseconds since 1970; a test has its own. */
  readonly now?: () => bigint;
}

/** A socket on which leases are given. */
export interface LeasedSocket {
  /** What the listener is called, such as `auth`. */
  readonly name: string;
  /** Its path; undefined if it is not known. */
  readonly path: string | undefined;
}

interface Shown {
  readonly path: string;
  readonly file: EpochFile;
}

/**
 * The epoch, and the file of it beside each socket that serves checks. One number for all sockets. A file that cannot be
 * made or written costs its socket the leases, and nothing else.
 */
export class EpochFiles implements Epoch {
  readonly #onTrouble: EpochOptions['onTrouble'];
  readonly #now: () => bigint;
  /** By the name of the listener. */
  readonly #shown = new Map<string, Shown>();
  /** What was said of a path, so that it is said once. */
  readonly #said = new Map<string, string>();
  #value = 0n;
  #closed = false;

  constructor({ onTrouble, now = () => BigInt(Date.now()) * 1000n }: EpochOptions) {
    this.#onTrouble = onTrouble;
    this.#now = now;
  }

  get value(): bigint {
    return this.#value;
  }

  /** Whether clients of that listener can see the epoch, so that leases may be given there. */
  isShownOn(listener: string): boolean {
    return this.#shown.has(listener);
  }

  /** Shows the epoch beside these sockets, which are listened on, and nowhere else; and raises it. */
  configure(sockets: readonly LeasedSocket[]): void {
    if (this.#closed) return;
    const before = new Map(this.#shown);
    this.#shown.clear();
    for (const { name, path } of sockets) {
      const present = before.get(name);
      if (present !== undefined && present.path === path && present.file.isInPlace) {
        this.#shown.set(name, present);
        before.delete(name);
      } else this.#open(name, path);
    }
    // Leases that are seen in a file that nobody writes any more end too. What it shows from now on is in no lease: clients who
    // still have it mapped would not see that one ends.
    if (before.size > 0) this.#value += 1n;
    for (const { path, file } of before.values()) this.#end(path, file);
    this.raise();
    for (const [name, { path, file }] of this.#shown) {
      this.#attempt(path, name, () => file.show());
    }
  }

  raise(): void {
    if (this.#closed) return;
    const now = this.#now();
    this.#value = now > this.#value ? now : this.#value + 1n;
    for (const [name, { path, file }] of this.#shown) {
      this.#attempt(path, name, () => file.write(this.#value));
    }
  }

  /** Raises it a last time: from now on no lease is given. */
  close(): void {
    this.raise();
    this.#closed = true;
    for (const { file } of this.#shown.values()) file.close();
    this.#shown.clear();
  }

  #open(name: string, path: string | undefined): void {
    if (path === undefined) {
      this.#say(name, `no leases on the socket "${name}": its path is not known`);
      return;
    }
    try {
      const file = EpochFile.open(path);
      if (file.before > this.#value) this.#value = file.before;
      this.#shown.set(name, { path, file });
    } catch (error) {
      this.#say(path, `no leases on ${path}: cannot use ${path}.epoch: ${messageOf(error)}${remedyOf(error)}`);
    }
  }

  /** What fails costs the socket its leases: those that were given end with their time. */
  #attempt(path: string, name: string, step: () => void): void {
    try {
      step();
      this.#said.delete(path);
    } catch (error) {
      this.#shown.get(name)?.file.close();
      this.#shown.delete(name);
      this.#say(path, `no leases on ${path}: cannot use ${path}.epoch: ${messageOf(error)}${remedyOf(error)}`);
    }
  }

  #end(path: string, file: EpochFile): void {
    try {
      file.write(this.#value);
    } catch (error) {
      this.#onTrouble(`leases on ${path} end with their time: ${messageOf(error)}`);
    } finally {
      file.close();
    }
  }

  #say(of: string, message: string): void {
    if (this.#said.get(of) === message) return;
    this.#said.set(of, message);
    this.#onTrouble(message);
  }
}

/** What is to be done about it: where systemd opens the socket, the daemon may make no file beside it. */
function remedyOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'EACCES' || code === 'EPERM' || code === 'EROFS'
    ? '; it must be writable for djauthd, as the unit that opens the socket makes it: see ExecStartPost= in djauthd.socket'
    : '';
}
