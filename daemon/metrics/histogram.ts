/** Upper bounds of the buckets, in seconds. One more bucket counts everything above the last bound. */
export const BOUNDS: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

/** A histogram as plain data. */
export interface HistogramReport {
  readonly count: number;
  readonly sum_seconds: number;
  /** The count of each bucket alone, not cumulative as in Prometheus; one more than BOUNDS. */
  readonly buckets: readonly number[];
}

/** Counts durations in buckets. An observation allocates nothing, because it is made while a client waits. */
export class Histogram {
  readonly #buckets = new Float64Array(BOUNDS.length + 1); // doubles, because they count beyond 32 bits
  #sum = 0;

  observe(seconds: number): void {
    let index = 0;
    while (index < BOUNDS.length && seconds > (BOUNDS[index] as number)) index++;
    this.#buckets[index] = (this.#buckets[index] as number) + 1;
    this.#sum += seconds;
  }

  report(): HistogramReport {
    const buckets = [...this.#buckets];
    return { count: buckets.reduce((sum, count) => sum + count, 0), sum_seconds: this.#sum, buckets };
  }
}

/** The observations made between two reports of one histogram. */
export function difference(before: HistogramReport, after: HistogramReport): HistogramReport {
  return {
    count: after.count - before.count,
    sum_seconds: after.sum_seconds - before.sum_seconds,
    buckets: after.buckets.map((count, index) => count - (before.buckets[index] ?? 0)),
  };
}

/**
 * An estimate of the quantile `share` (0 to 1), in seconds, by linear interpolation within a bucket. undefined if there
 * are no observations; the last bound if the quantile is above it.
 */
export function quantile({ count, buckets }: HistogramReport, share: number): number | undefined {
  if (count === 0) return undefined;
  const rank = share * count;
  let below = 0;
  for (const [index, own] of buckets.entries()) {
    const upper = BOUNDS[index];
    if (upper === undefined) break;
    if (own > 0 && below + own >= rank) {
      const lower = BOUNDS[index - 1] ?? 0;
      return lower + ((upper - lower) * (rank - below)) / own;
    }
    below += own;
  }
  return BOUNDS.at(-1);
}
