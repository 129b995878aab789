import type { KeyName } from './keys.ts';
import type { Stage } from './stage.ts';

/** The measured figure of one side. */
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
  /** The value of each round: shows how steady the figure was. */
  readonly rounds?: readonly number[];
}

/** The results of a case. `notes` are figures without an aim, such as memory by step and query plans. */
export interface Outcome {
  readonly measurements: readonly Measurement[];
  readonly notes?: Readonly<Record<string, unknown>>;
}

/** One benchmark. To add one, write a file and list it in cases.ts. */
export interface Case {
  readonly name: string;
  readonly keys: readonly KeyName[];
  run(stage: Stage): Promise<Outcome>;
}
