import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  lstatSync,
  openSync,
  readSync,
  statSync,
  writeSync,
} from 'node:fs';

/** The octets of the file: a uint64 in the machine's order, as PROTOCOL.md section 4.1 says. */
const OCTETS = 8;

/** A reply carries numbers up to 2^53-1. What is near that is no time, was never in a lease, and is overwritten. */
const PLAUSIBLE_MAX = 2n ** 53n - 2n ** 40n;

const MODE = 0o440;
/** Beside a socket that everybody may open. */
const MODE_OPEN = 0o444;
/** Its owner may write it for as long as it takes to open it. */
const MODE_OPENING = 0o640;

/**
 * The file beside a socket in which clients see whether their leases still hold. They have it mapped: it is written in
 * place, never truncated or replaced, so that every mapping shows what is written.
 */
export class EpochFile {
  /** What it contained when it was opened; 0 if it is new. */
  readonly before: bigint;
  readonly #socket: string;
  readonly #fd: number;
  readonly #number = new BigUint64Array(1);
  readonly #octets = new Uint8Array(this.#number.buffer);

  private constructor(socket: string, fd: number) {
    this.#socket = socket;
    this.#fd = fd;
    const read = readSync(fd, this.#octets, 0, OCTETS, 0);
    const found = this.#number[0] as bigint;
    this.before = read === OCTETS && found <= PLAUSIBLE_MAX ? found : 0n;
  }

  /** Opens or makes the file of a socket that is there. Clients may read a new one after `show`. @throws Error */
  static open(socket: string): EpochFile {
    const fd = openForWriting(pathOf(socket), statSync(socket).uid);
    try {
      return new EpochFile(socket, fd);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** Lets those read it who may open the socket, by its group or as others. It must have been written. @throws Error */
  show(): void {
    const { gid, mode } = statSync(this.#socket);
    if (fstatSync(this.#fd).gid !== gid) fchownSync(this.#fd, -1, gid);
    fchmodSync(this.#fd, (mode & 0o002) !== 0 ? MODE_OPEN : MODE);
  }

  /** Whether clients that look for the file now find this one. */
  get isInPlace(): boolean {
    const { ino, dev } = fstatSync(this.#fd);
    const found = lstatSync(pathOf(this.#socket), { throwIfNoEntry: false });
    return found?.ino === ino && found.dev === dev;
  }

  /** @throws Error */
  write(value: bigint): void {
    this.#number[0] = value;
    const written = writeSync(this.#fd, this.#octets, 0, OCTETS, 0);
    if (written !== OCTETS) throw new Error(`only ${written} of ${OCTETS} octets were written`);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

function pathOf(socket: string): string {
  return `${socket}.epoch`;
}

/**
 * Opens the file that is there, or makes one that nobody else can open yet. Where everybody may create files beside the
 * socket, a file of that name may be another's, or another's link to a file that root must not write.
 */
function openForWriting(path: string, socketOwner: number): number {
  const flags = constants.O_RDWR | constants.O_NOFOLLOW;
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return openSync(path, flags | constants.O_CREAT | constants.O_EXCL, 0o600);
  if (!found.isFile()) throw new Error(`${path} is no file`);
  if (found.uid !== socketOwner && found.uid !== process.geteuid?.()) {
    throw new Error(`it belongs to neither the socket's owner nor djauthd's user, but to uid ${found.uid}; remove it`);
  }
  if (found.nlink !== 1) throw new Error('it is a hard link to another file; remove it');
  chmodSync(path, MODE_OPENING);
  return openSync(path, flags);
}
