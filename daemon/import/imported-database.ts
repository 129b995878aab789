import type { Note } from './note.ts';

/** The location of a site's database. */
export interface ImportedDatabase {
  /** Without a password. */
  readonly url: string;
  readonly password: string | undefined;
  readonly notes: readonly Note[];
}
