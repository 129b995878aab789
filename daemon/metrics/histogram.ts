/** Upper bounds of the buckets, in seconds; what is over the last one is counted as well. */
export const BOUNDS: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

/** How many took how long, as it is told: `counts` has one more than BOUNDS, for what is over the last. */
export interface HistogramReport {
  readonly count: number;
  /** In seconds. */
  readonly sum: number;
  /** Each bucket's own, not those below it. */
  readonly counts: readonly number[];
}

/** Counts durations in buckets. To observe one allocates nothing: it goes on while people wait. */
export class Histogram {
  readonly #counts = new Float64Array(BOUNDS.length + 1); // a double counts further than 32 bits
  #sum = 0;

  observe(seconds: number): void {
    let at = 0;
    while (at < BOUNDS.length && seconds > (BOUNDS[at] as number)) at++;
    this.#counts[at] = (this.#counts[at] as number) + 1;
    this.#sum += seconds;
  }

  report(): HistogramReport {
    const counts = [...this.#counts];
    return { count: counts.reduce((sum, count) => sum + count, 0), sum: this.#sum, counts };
  }
}

/** What came between two reports of one histogram. */
export function between(before: HistogramReport, after: HistogramReport): HistogramReport {
  const counts = after.counts.map((count, at) => count - (before.counts[at] ?? 0));
  return { count: after.count - before.count, sum: after.sum - before.sum, counts };
}

export function together(one: HistogramReport, other: HistogramReport): HistogramReport {
  const counts = one.counts.map((count, at) => count + (other.counts[at] ?? 0));
  return { count: one.count + other.count, sum: one.sum + other.sum, counts };
}

/**
 * The time that `share` (0 to 1) of them took at most, in seconds, as far as buckets tell: inside one it is taken that
 * they lie evenly. undefined where there are none; the last bound where it is over that.
 */
export function quantile({ count, counts }: HistogramReport, share: number): number | undefined {
  if (count === 0) return undefined;
  const rank = share * count;
  let below = 0;
  for (const [at, own] of counts.entries()) {
    const upper = BOUNDS[at];
    if (upper === undefined) break;
    if (own > 0 && below + own >= rank) {
      const lower = BOUNDS[at - 1] ?? 0;
      return lower + ((upper - lower) * (rank - below)) / own;
    }
    below += own;
  }
  return BOUNDS.at(-1);
}
