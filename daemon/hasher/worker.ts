import { constants, setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import { messageOf } from '../fault.ts';
import { hasherOf } from './hashers.ts';

/** A question to a worker: is this the password of that encoded hash? The octets move; the sender has them no more. */
export interface HashQuestion {
  readonly password: Uint8Array;
  readonly encoded: string;
}

/** A worker's answer. A fault is no mismatch. */
export type HashAnswer = { readonly matches: boolean } | { readonly fault: string };

function answer({ password, encoded }: HashQuestion): HashAnswer {
  const octets = Buffer.from(password.buffer, password.byteOffset, password.byteLength);
  try {
    const hasher = hasherOf(encoded);
    if (!hasher) return { fault: 'no hasher knows this encoding' };
    return { matches: hasher.verify(octets, encoded) };
  } catch (error) {
    return { fault: messageOf(error) };
  } finally {
    octets.fill(0);
  }
}

/** Answers questions, one at a time, until its parent ends it. */
export function runHashWorker(): void {
  // On Linux this is the priority of the calling thread alone: the event loop goes first, cached answers are not delayed.
  setPriority(0, constants.priority.PRIORITY_LOW);
  parentPort?.on('message', (question: HashQuestion) => parentPort?.postMessage(answer(question)));
}
