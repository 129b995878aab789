import { importDatabase } from './database.ts';
import { cautions } from './deviations.ts';
import { hasherKeys } from './hashers.ts';
import { ImportError } from './import-error.ts';
import type { Facts } from './introspection.ts';
import type { Acceptable, Note } from './note.ts';
import { introspect, type PythonOptions } from './python.ts';
import { type SchemaKeys, schemaKeys } from './user-model.ts';

export interface ImportOptions extends PythonOptions {
  /** What the site is called in the configuration; by default its settings module. */
  readonly site?: string | undefined;
  /** Differences from Django, towards letting in more, that are known and taken. */
  readonly accept: readonly Acceptable[];
}

/** What a Django site is to the daemon. */
export interface ImportedSite {
  readonly name: string;
  /** The database's URL, without a password. */
  readonly url: string;
  readonly password: string | undefined;
  readonly hasherKeys: Readonly<Record<string, string | readonly string[]>>;
  readonly schema: SchemaKeys | undefined;
  /** Sentences to be shown. */
  readonly notes: readonly string[];
}

/**
 * Imports a site by its own Python.
 *
 * @throws ImportError where it cannot be, or where the daemon might let in whom Django would not
 */
export async function importSite(options: ImportOptions): Promise<ImportedSite> {
  const facts = await introspect(options);
  const database = await importDatabase(facts.database);
  const { schema, notes: ofSchema } = schemaKeys(facts);
  const { keys, notes: ofHashers } = hasherKeys(facts);
  const notes = [...database.notes, ...ofSchema, ...ofHashers, ...cautions(facts)];
  refuseUnaccepted(facts, notes, options.accept);
  return {
    name: options.site ?? options.settings,
    url: database.url,
    password: database.password,
    hasherKeys: { ...keys },
    schema,
    notes: [...new Set(notes.map(({ text }) => text))],
  };
}

function refuseUnaccepted({ model }: Facts, notes: readonly Note[], accepted: readonly Acceptable[]): void {
  const refused = notes.filter(({ accept }) => accept !== undefined && !accepted.includes(accept));
  if (refused.length === 0) return;
  const lines = refused.map(({ text, accept }) => `djauthd: ${text} (--accept ${accept})`);
  lines.push(`djauthd: ${model} is not imported: somebody might be let in whom Django would not let in`);
  throw new ImportError(lines.join('\n'));
}
