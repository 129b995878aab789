import type { Note } from './note.ts';

/** A site's database as the configuration names it. */
export interface ImportedDatabase {
  /** Without a password. */
  readonly url: string;
  readonly password: string | undefined;
  readonly notes: readonly Note[];
}
