import { hasherOf } from '../hasher/hashers.ts';

/** The most that verifying one stored hash may take: who can write the database must not be able to stop the daemon. */
export interface HashBounds {
  /** Estimated for an ordinary core. */
  readonly seconds: number;
  /** Octets. */
  readonly memory: number;
}

/** What an encoded hash would take too much of, as a sentence; undefined where it is within bounds or malformed. */
export function exceeds(encoded: string, bounds: HashBounds): string | undefined {
  const work = hasherOf(encoded)?.work(encoded);
  if (work === undefined) return undefined;
  if (work.seconds > bounds.seconds) {
    return `the stored hash (${work.cost}) would take longer than hash.max_time allows`;
  }
  if (work.memory > bounds.memory) {
    return `the stored hash (${work.cost}) would take more memory than hash.max_memory allows`;
  }
  return undefined;
}
