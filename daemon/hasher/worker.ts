import { setPriority } from 'node:os';
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

/** Answers questions, one at a time, until its parent ends it. */
export function runHashWorker(): void {
  // On Linux this is the priority of the calling thread alone: the event loop goes first, cached answers are not delayed.
  setPriority(0, NICENESS);
  choosePbkdf2((workerData as { native: boolean }).native);
  parentPort?.on('message', (question: HashQuestion) => parentPort?.postMessage(answer(question)));
}
