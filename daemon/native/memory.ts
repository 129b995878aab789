import { messageOf } from '../fault.ts';
import { loadAddon } from './addon.ts';

interface Addon {
  protect(): void;
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
