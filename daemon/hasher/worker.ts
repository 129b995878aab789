import { constants, getPriority, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '../fault.ts';
import { choosePbkdf2 } from '../native/pbkdf2.ts';
import { hasherOf } from './hashers.ts';

/**
 * How much lower the priority of hashing is than that of the event loop: enough for cached answers to go first, but not
 * so much that another busy program on the machine could stop hashing.
 */
const NICENESS = 5;

/**
 * A job for a worker: does the password match that encoded hash? It is answered when the padding has been computed as
 * well, even if it does. The octets are transferred: the sender no longer has them.
 */
export interface HashQuestion {
  readonly password: Uint8Array;
  readonly encoded: string;
  readonly padding: readonly string[];
}

/** A worker's answer. A fault is not a mismatch. */
export type HashAnswer = { readonly matches: boolean } | { readonly fault: string };

function answer({ password, encoded, padding }: HashQuestion): HashAnswer {
  const octets = Buffer.from(password.buffer, password.byteOffset, password.byteLength);
  try {
    const hasher = hasherOf(encoded);
    if (!hasher) return { fault: 'unknown algorithm' };
    const matches = hasher.verify(octets, encoded);
    for (const decoy of padding) hasherOf(decoy)?.verify(octets, decoy);
    return { matches };
  } catch (error) {
    return { fault: messageOf(error) };
  } finally {
    octets.fill(0);
  }
}

/**
 * On Linux this lowers the priority of the calling thread alone: the event loop goes first, cached answers are not
 * delayed. It counts from the daemon's own priority (`Nice=` in a unit), because a process without privileges cannot
 * raise it.
 */
function lowerPriority(): void {
  try {
    setPriority(0, Math.min(getPriority(0) + NICENESS, constants.priority.PRIORITY_LOW));
  } catch {
    // A host that forbids even this computes its hashes with the priority of the event loop.
  }
}

/** Answers one job at a time, until its parent ends it. */
export function runHashWorker(): void {
  lowerPriority();
  choosePbkdf2((workerData as { native: boolean }).native);
  parentPort?.on('message', (question: HashQuestion) => parentPort?.postMessage(answer(question)));
}
