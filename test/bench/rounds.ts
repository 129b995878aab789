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
export async function interleave<Side extends string, T = number>(
  stage: Stage,
  rounds: number,
  sides: Readonly<Record<Side, () => Promise<T>>>,
): Promise<Record<Side, T[]>> {
  const names = Object.keys(sides) as Side[];
  const figures = Object.fromEntries(names.map((name) => [name, [] as T[]])) as Record<Side, T[]>;
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
  [ourName, ours, ourDetail]: readonly [string, readonly number[], string?],
  [otherName, other, otherDetail]: readonly [string, readonly number[], string?],
): Measurement {
  return {
    key,
    value: median(ours) / median(other),
    ours: { what: ourName, value: median(ours), unit, ...detailed(ourDetail) },
    other: { what: otherName, value: median(other), unit, ...detailed(otherDetail) },
    rounds: ours.map((value, round) => value / (other[round] as number)),
  };
}

function detailed(detail: string | undefined): { detail?: string } {
  return detail === undefined ? {} : { detail };
}
