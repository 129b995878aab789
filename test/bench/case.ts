import type { KeyName } from './keys.ts';
import type { Stage } from './stage.ts';

/** The measured figure of one side. */
export interface Figure {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** More about it, in brackets behind the value. */
  readonly detail?: string;
}

export interface Measurement {
  readonly key: KeyName;
  readonly value: number;
  readonly ours: Figure;
  readonly other: Figure;
  /** The value of each round: shows how steady the figure was. */
  readonly rounds?: readonly number[];
}

/** What becomes of people's rights behind one kind of server after a change: cells of a row of the table. */
export interface Revocation {
  /** The server, and what is behind it. */
  readonly server: string;
  /** How long the old password gets in, the new one does not, a deactivated person does, one who left the group does. */
  readonly cells: readonly [string, string, string, string];
  /** The setting that the times come from, and its default. */
  readonly setting: string;
}

/** The results of a case. `notes` are figures without an aim, such as memory by step and query plans. */
export interface Outcome {
  readonly measurements: readonly Measurement[];
  readonly notes?: Readonly<Record<string, unknown>>;
  readonly revocations?: readonly Revocation[];
  /** What could not be measured, and why. */
  readonly failures?: readonly string[];
}

/** One benchmark. To add one, write a file and list it in cases.ts. */
export interface Case {
  readonly name: string;
  /** Empty: it runs only in a full run, or by its own name. */
  readonly keys: readonly KeyName[];
  run(stage: Stage): Promise<Outcome>;
}
