import type { UsernameMatch } from '../store/username-match.ts';
import { importDatabase } from './database.ts';
import { deviations } from './deviations.ts';
import { hasherKeys } from './hashers.ts';
import { ImportError } from './import-error.ts';
import type { Introspection } from './introspection.ts';
import type { Acceptable, Note } from './note.ts';
import { introspect, type PythonOptions } from './python.ts';
import { type SchemaKeys, schemaKeys } from './user-model.ts';

export interface ImportOptions extends PythonOptions {
  /** The site's name in the configuration; by default its settings module. */
  readonly site?: string | undefined;
  /** The deviations that the administrator accepts. */
  readonly accept: readonly Acceptable[];
}

/** A Django site as the daemon needs it. */
export interface ImportedSite {
  readonly name: string;
  /** The database's URL, without a password. */
  readonly url: string;
  readonly password: string | undefined;
  /** Its keys in the configuration, apart from the database and the schema. */
  readonly keys: Readonly<Record<string, string | readonly string[]>>;
  readonly schema: SchemaKeys | undefined;
  /** Sentences to show. */
  readonly notes: readonly string[];
}

/**
 * Imports a site by running its own Python.
 *
 * @throws ImportError if that fails, or if the daemon might grant a user whom Django would deny
 */
export async function importSite(options: ImportOptions): Promise<ImportedSite> {
  const introspection = await introspect(options);
  const database = await importDatabase(introspection.database);
  const { schema, notes: ofSchema } = schemaKeys(introspection);
  const { keys, notes: ofHashers } = hasherKeys(introspection);
  const notes = [...database.notes, ...ofSchema, ...ofHashers, ...deviations(introspection)];
  refuseUnaccepted(introspection, notes, options.accept);
  return {
    name: options.site ?? options.settings,
    url: database.url,
    password: database.password,
    keys: { ...keys, ...usernameMatch(introspection) },
    schema,
    notes: [...new Set(notes.map(({ text }) => text))],
  };
}

/** The key for a comparison of usernames that is not the default. */
function usernameMatch({ natural_key, username }: Introspection): { username_match?: UsernameMatch } {
  const { match, custom } = natural_key;
  if (match !== null && match !== 'exact') return { username_match: match };
  if (custom) return {};
  if (username?.type === 'UUIDField') return { username_match: 'uuid' };
  return /(Integer|Auto)Field$/.test(username?.type ?? '') ? { username_match: 'integer' } : {};
}

function refuseUnaccepted({ model }: Introspection, notes: readonly Note[], accepted: readonly Acceptable[]): void {
  const refused = notes.filter(({ accept }) => accept !== undefined && !accepted.includes(accept));
  if (refused.length === 0) return;
  const lines = refused.map(({ text, accept }) => `djauthd: ${text} (--accept ${accept})`);
  lines.push(`djauthd: not importing ${model}: djauthd might grant users whom Django denies`);
  throw new ImportError(lines.join('\n'));
}
