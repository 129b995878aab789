import { Fault } from '../fault.ts';
import { hasherOf } from './hashers.ts';

/** The most that verifying one stored hash may take: who can write the database must not be able to stop the daemon. */
export interface HashBounds {
  /** Estimated for an ordinary core. */
  readonly seconds: number;
  /** Octets. */
  readonly memory: number;
}

/** @throws Fault where a well-formed encoded hash would take more. */
export function withinBounds(encoded: string, bounds: HashBounds): void {
  const work = hasherOf(encoded)?.work(encoded);
  if (work === undefined) return;
  if (work.seconds > bounds.seconds) {
    throw new Fault(`the stored hash (${work.cost}) would take longer than hash.max_time allows`);
  }
  if (work.memory > bounds.memory) {
    throw new Fault(`the stored hash (${work.cost}) would take more memory than hash.max_memory allows`);
  }
}
