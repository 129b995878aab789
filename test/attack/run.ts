import type { Row } from './case.ts';
import { attacks } from './cases.ts';
import { Stage } from './stage.ts';

export interface RunOptions {
  readonly only?: readonly string[] | undefined;
  readonly short: boolean;
  readonly iterations?: number | undefined;
  readonly progress: (what: string) => void;
  /** Where a run ends even if attacks are left, in ms. */
  readonly limitMs?: number;
}

export interface Outcome {
  readonly rows: readonly Row[];
  /** The errors of attacks that could not be done, by name. */
  readonly failures: ReadonlyMap<string, string>;
  readonly iterations: number;
}

const LIMIT_MS = 15 * 60_000;

/** Does the attacks that were chosen, one after the other. */
export async function runAttacks({
  only,
  short,
  iterations,
  progress,
  limitMs = LIMIT_MS,
}: RunOptions): Promise<Outcome> {
  const chosen = attacks.filter((each) => only?.includes(each.name) ?? (!short || each.short));
  const rows: Row[] = [];
  const failures = new Map<string, string>();
  const startedAt = performance.now();
  const stage = await Stage.open({ short, iterations, progress });
  progress(`pbkdf2_sha256 with ${stage.iterations} iterations`);
  try {
    for (const [at, each] of chosen.entries()) {
      progress(`${at + 1}/${chosen.length} ${each.name}`);
      if (performance.now() - startedAt > limitMs) {
        failures.set(each.name, 'there was no time left');
        continue;
      }
      try {
        rows.push(...(await each.run(stage)));
      } catch (error) {
        failures.set(each.name, (error instanceof Error ? error.message : String(error)).slice(0, 500));
      }
    }
  } finally {
    await stage.close();
  }
  return { rows, failures, iterations: stage.iterations };
}
