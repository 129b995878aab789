import type { Socket } from 'node:net';
import { loadAddon } from '../native/addon.ts';
import { descriptorOf } from './peer.ts';

interface Addon {
  /** How many octets the kernel took; -1 if none. */
  send(fd: number, octets: Uint8Array): number;
}

/** null: it cannot be loaded. */
let addon: Addon | null | undefined;

/**
 * Writes to a socket: what the kernel takes at once is sent at once, and only the rest by Node, which makes several objects
 * for each write, and turns of its queues. A failure is Node's to report, which then fails alike.
 */
export function send(socket: Socket, octets: Buffer): void {
  if (addon === undefined) addon = attempt();
  if (addon !== null && socket.writableLength === 0) {
    const fd = descriptorOf(socket);
    const sent = fd === undefined ? -1 : addon.send(fd, octets);
    if (sent === octets.length) return;
    if (sent > 0) {
      socket.write(octets.subarray(sent));
      return;
    }
  }
  socket.write(octets);
}

function attempt(): Addon | null {
  try {
    return loadAddon<Addon>('send');
  } catch {
    return null;
  }
}
