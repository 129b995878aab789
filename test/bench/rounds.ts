import type { Measurement } from './case.ts';
import type { KeyName } from './keys.ts';
import type { Stage } from './stage.ts';

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle];
  if (upper === undefined) throw new Error('no round has been measured');
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
}

/**
 * Measures all sides once per round, one after the other, so that other load affects all of them alike. Every second
 * round runs in reverse order.
 */
export async function interleave<Side extends string>(
  stage: Stage,
  rounds: number,
  sides: Record<Side, () => Promise<number>>,
): Promise<Record<Side, number[]>> {
  const names = Object.keys(sides) as Side[];
  const figures = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Side, number[]>;
  for (let round = 1; round <= rounds; round++) {
    stage.progress(`round ${round} of ${rounds}`);
    for (const name of round % 2 === 1 ? names : names.toReversed()) figures[name].push(await sides[name]());
  }
  return figures;
}

/** The medians of two sides and their ratio. */
export function ratio(
  key: KeyName,
  unit: string,
  [ourName, ours]: readonly [string, readonly number[]],
  [otherName, other]: readonly [string, readonly number[]],
): Measurement {
  return {
    key,
    value: median(ours) / median(other),
    ours: { what: ourName, value: median(ours), unit },
    other: { what: otherName, value: median(other), unit },
    rounds: ours.map((value, round) => value / (other[round] as number)),
  };
}
