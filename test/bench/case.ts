import type { KeyName } from './keys.ts';
import type { Stage } from './stage.ts';

/** One side's figure, as measured. */
export interface Figure {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
}

export interface Measurement {
  readonly key: KeyName;
  readonly value: number;
  readonly ours: Figure;
  readonly other: Figure;
  /** The value of each round, for the reader to see how steady it was. */
  readonly rounds?: readonly number[];
}

/** What a case found. `notes` are figures without an aim: steps of memory, query plans. */
export interface Outcome {
  readonly measurements: readonly Measurement[];
  readonly notes?: Readonly<Record<string, unknown>>;
}

/** One benchmark. It is added by writing one file and listing it in cases.ts. */
export interface Case {
  readonly name: string;
  readonly keys: readonly KeyName[];
  run(stage: Stage): Promise<Outcome>;
}
