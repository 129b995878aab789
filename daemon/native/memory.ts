import { messageOf } from '../fault.ts';
import { loadAddon } from './addon.ts';

interface Addon {
  protect(): void;
  create(octets: number): number;
  map(fd: number): ArrayBuffer;
}

/**
 * Makes this process one whose memory no other process of the same user can read (prctl(2), PR_SET_DUMPABLE): not with a
 * debugger, not in /proc, and not in a core file, whatever the limits say. Only root still can. It holds until a program
 * is executed, so it is not handed on to the programs that this one starts.
 *
 * @returns a sentence if that is not possible
 */
export function protectMemory(): string | undefined {
  try {
    loadAddon<Addon>('memory').protect();
    return undefined;
  } catch (error) {
    return `other processes of the daemon's user can read its memory: ${messageOf(error)}`;
  }
}

/**
 * The descriptor of new memory of a fixed size, all zero, that lives as long as a process holds the descriptor.
 *
 * @throws Error with the reason
 */
export function createSharedMemory(octets: number): number {
  return loadAddon<Addon>('memory').create(octets);
}

/**
 * That memory as an ArrayBuffer. It is this process's alone until the descriptor is closed.
 *
 * @throws Error with the reason, such as that its size may change or that another process has it
 */
export function mapSharedMemory(fd: number): ArrayBuffer {
  return loadAddon<Addon>('memory').map(fd);
}
