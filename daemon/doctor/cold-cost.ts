import { hasherOf } from '../hasher/hashers.ts';
import { decoysLike } from '../site/decoys.ts';
import type { HashPolicy } from '../site/hash-policy.ts';

/** The cost of a check whose proof is not cached. */
export interface ColdCost {
  /** Time of one core, in ms. */
  readonly ms: number;
  /** How many such checks all workers together can answer per second. */
  readonly perSecond: number;
  readonly workers: number;
}

const PASSWORD = Buffer.from('no user’s password');

/** Above this estimate, in seconds, the cost is not measured but estimated. */
const MEASURE_MAX = 5;

/** Runs the work of one cold check once, and measures it. */
export function coldCost(sampled: readonly string[], policy: HashPolicy, workers: number): ColdCost {
  let ms = 0;
  for (const decoy of decoysLike(sampled, policy)) {
    const hasher = hasherOf(decoy);
    const seconds = hasher?.work(decoy)?.seconds ?? 0;
    const startedAt = performance.now();
    if (seconds <= MEASURE_MAX) hasher?.verify(PASSWORD, decoy);
    ms += seconds <= MEASURE_MAX ? performance.now() - startedAt : seconds * 1000;
  }
  return { ms, perSecond: (workers * 1000) / ms, workers };
}
