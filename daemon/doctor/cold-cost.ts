import { algorithmOf, hasherOf } from '../hasher/hashers.ts';
import { decoysLike } from '../site/decoys.ts';
import { exceeds, type HashBounds } from '../site/hash-policy.ts';

/** What a check costs whose password is not remembered. */
export interface ColdCost {
  /** Of one core, in ms. */
  readonly ms: number;
  /** How many such checks can be answered in a second, with all workers at it. */
  readonly perSecond: number;
  readonly workers: number;
}

const PASSWORD = Buffer.from('not anybody’s');

/** Above this estimate, in seconds, one run is not worth waiting for: the estimate is told. */
const MEASURE_MAX = 5;

/** Runs what a question about anybody makes the daemon run, once, and measures it. */
export function coldCost(
  sampled: readonly string[],
  accepted: readonly string[] | undefined,
  bounds: HashBounds,
  workers: number,
): ColdCost {
  const counted = sampled.filter(
    (encoded) =>
      (accepted === undefined || accepted.includes(algorithmOf(encoded))) && exceeds(encoded, bounds) === undefined,
  );
  let ms = 0;
  for (const decoy of decoysLike(counted)) {
    const hasher = hasherOf(decoy);
    const seconds = hasher?.work(decoy)?.seconds ?? 0;
    const startedAt = performance.now();
    if (seconds <= MEASURE_MAX) hasher?.verify(PASSWORD, decoy);
    ms += seconds <= MEASURE_MAX ? performance.now() - startedAt : seconds * 1000;
  }
  return { ms, perSecond: (workers * 1000) / ms, workers };
}
