import { constants, getPriority, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '../fault.ts';
import { choosePbkdf2 } from '../native/pbkdf2.ts';
import { hasherOf } from './hashers.ts';

/**
 * How far below the event loop hashing stands. Enough that answers which are known go first; not so much that another
 * busy program on the machine could bring hashing to a stand.
 */
const NICENESS = 5;

/**
 * A question to a worker: is this the password of that encoded hash? It is answered when the padding has been computed
 * as well, also where it is. The octets move; the sender has them no more.
 */
export interface HashQuestion {
  readonly password: Uint8Array;
  readonly encoded: string;
  readonly padding: readonly string[];
}

/** A worker's answer. A fault is no mismatch. */
export type HashAnswer = { readonly matches: boolean } | { readonly fault: string };

function answer({ password, encoded, padding }: HashQuestion): HashAnswer {
  const octets = Buffer.from(password.buffer, password.byteOffset, password.byteLength);
  try {
    const hasher = hasherOf(encoded);
    if (!hasher) return { fault: 'no hasher knows this encoding' };
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
 * On Linux this is the priority of the calling thread alone: the event loop goes first, cached answers are not delayed.
 * Counted from where the daemon itself stands (`Nice=` in a unit), for nobody without privileges may go ahead of that.
 */
function standBack(): void {
  try {
    setPriority(0, Math.min(getPriority(0) + NICENESS, constants.priority.PRIORITY_LOW));
  } catch {
    // A host that forbids even this gets its hashes all the same, beside the answers.
  }
}

/** Answers questions, one at a time, until its parent ends it. */
export function runHashWorker(): void {
  standBack();
  choosePbkdf2((workerData as { native: boolean }).native);
  parentPort?.on('message', (question: HashQuestion) => parentPort?.postMessage(answer(question)));
}
