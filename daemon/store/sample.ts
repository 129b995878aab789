import type { CompiledQuery, Kysely } from 'kysely';
import { endsQuery, type SqlDialect, spreadQuery, walkQuery } from './query.ts';
import type { Schema } from './schema.ts';

/** Encoded hashes of some accounts. */
export interface Sample {
  readonly encoded: readonly string[];
  /** After which primary key the next sample goes on; undefined: from the first one. */
  readonly last: string | undefined;
}

interface SampleOptions {
  readonly db: Kysely<unknown>;
  readonly schema: Schema;
  readonly dialect: SqlDialect;
  readonly limit: number;
  /** The `last` of the sample before. */
  readonly after: string | undefined;
  /** How the parts of the table lie in which rows are read, from 0 to less than 1; by default at random. */
  readonly phase?: number;
}

interface Row {
  readonly id?: unknown;
  readonly password?: unknown;
}

/** The queries of a sample: each yields one and is resumed with its rows, so that a store may wait for them or not. */
export type SampleSteps = Generator<CompiledQuery, Sample, readonly Row[]>;

/**
 * Half of a sample is spread over the whole table, which shows at once what shares the costs of hashes have. The other half
 * goes on where the sample before ended: after some samples no account has been left out, however the primary keys lie.
 */
export function* sampleSteps(options: SampleOptions): SampleSteps {
  const { db, schema, dialect, limit, after, phase = Math.random() } = options;
  const half = Math.ceil(limit / 2);
  const [first, last] = (yield endsQuery(db, schema, dialect)).map(({ id }) => keyOf(id));
  if (first === undefined || last === undefined) return { encoded: [], last: undefined };
  const spread = yield spreadQuery(db, schema, dialect, half, [first, last], phase);
  const walked = yield walkQuery(db, schema, dialect, half, after);
  const encoded = [...spread, ...walked].flatMap(({ password }) => (typeof password === 'string' ? [password] : []));
  return { encoded, last: walked.length < half ? undefined : keyOf(walked.at(-1)?.id) };
}

/** undefined for a key that has no text form. */
function keyOf(id: unknown): string | undefined {
  return typeof id === 'string' || typeof id === 'number' || typeof id === 'bigint' ? String(id) : undefined;
}
