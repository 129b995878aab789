import { resolve } from 'node:path';
import { ImportError } from './import-error.ts';
import type { ImportedDatabase } from './imported-database.ts';
import type { DatabaseFacts } from './introspection.ts';

/** `sqlite:///absolute/path` of a NAME that is a path or a `file:` URI, relative to where the site's Python ran. */
export function sqliteUrl({ parameters, directory, alias }: DatabaseFacts): ImportedDatabase {
  const name = String(parameters.database ?? '');
  const uri = /^file:(?:\/\/(?:localhost)?(?=\/))?([^?#]*)(?:\?([^#]*))?/i.exec(name);
  const named = uri ? decodeURIComponent(uri[1] as string) : name;
  if (named === '' || named === ':memory:' || /(?:^|&)mode=memory(?:&|$)/.test(uri?.[2] ?? '')) {
    throw new ImportError(
      `djauthd: database "${alias}" is in the memory of the site's own process: nobody else can read it`,
    );
  }
  const path = resolve(directory, named);
  const note = { text: `the database's path ${named} is relative; taken from ${directory}: ${path}` };
  return {
    url: `sqlite://${path.split('/').map(encodeURIComponent).join('/')}`,
    password: undefined,
    notes: named.startsWith('/') ? [] : [note],
  };
}
