import { Socket } from 'node:net';

/** Into which the octets of all connections are read, one after the other, and which whoever takes them wipes. */
const SHARED = Buffer.from(new ArrayBuffer(65_536));

/** What `net` has in each socket for `onread`, by name. */
interface Internals {
  readonly _handle?: { useUserBuffer?(memory: Uint8Array): void } | null;
  [part: symbol]: unknown;
}

const PARTS = Object.getOwnPropertySymbols(new Socket());
const part = (name: string) => PARTS.find(({ description }) => description === name);
const BUFFER = part('kBuffer');
const CALLBACK = part('kBufferCb');
const GENERATOR = part('kBufferGen');

/**
 * Calls back with the octets that arrive on an accepted socket. They are in memory that the next read overwrites: what is
 * not taken by the return must be copied, and all must be wiped.
 *
 * Node's own way allocates 64 KiB for each read, from version 22 on copies what came into memory of its own, and frees the
 * first without wiping it: a password then stays there until something else needs the place. `net.connect` has an option
 * `onread` against that. Accepted sockets have not, but work alike: the names are those of Node 18 to 24. Where they are
 * others one day, the octets come as they do in every program.
 */
export function receive(socket: Socket, onOctets: (octets: Buffer) => void): void {
  const internals = socket as unknown as Internals;
  const handle = internals._handle;
  if (BUFFER === undefined || CALLBACK === undefined || GENERATOR === undefined || !handle?.useUserBuffer) {
    socket.on('data', onOctets);
    return;
  }
  internals[BUFFER] = SHARED;
  internals[CALLBACK] = (length: number) => onOctets(SHARED.subarray(0, length));
  internals[GENERATOR] = null;
  handle.useUserBuffer(SHARED);
  // What came before: from a client that connected while the daemon was getting ready.
  for (let octets = socket.read(); octets !== null; octets = socket.read()) onOctets(octets);
}

/** Whether the octets are in memory that the next read overwrites. */
export function isShared(octets: Buffer): boolean {
  return octets.buffer === SHARED.buffer;
}
