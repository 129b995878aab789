/** A value at a time, in seconds. */
export type Sample = readonly [seconds: number, value: number];

/** The slope of the straight line through the samples by least squares, in units per hour. */
export function slopePerHour(samples: readonly Sample[]): number {
  const mean = (of: (sample: Sample) => number) => samples.reduce((sum, each) => sum + of(each), 0) / samples.length;
  const [x, y] = [mean(([at]) => at), mean(([, value]) => value)];
  const above = samples.reduce((sum, [at, value]) => sum + (at - x) * (value - y), 0);
  const below = samples.reduce((sum, [at]) => sum + (at - x) ** 2, 0);
  return (above / below) * 3600;
}
