import { resolve } from 'node:path';
import { ImportError } from './import-error.ts';
import type { ImportedDatabase } from './imported-database.ts';
import type { IntrospectedDatabase } from './introspection.ts';

/** `sqlite:///absolute/path` of a NAME that is a path or a `file:` URI, relative to the directory where the site's Python ran. */
export function sqliteUrl({ parameters, directory, alias }: IntrospectedDatabase): ImportedDatabase {
  const name = String(parameters.database ?? '');
  const uri = /^file:(?:\/\/(?:localhost)?(?=\/))?([^?#]*)(?:\?([^#]*))?/i.exec(name);
  const named = uri ? decodeURIComponent(uri[1] as string) : name;
  if (named === '' || named === ':memory:' || /(?:^|&)mode=memory(?:&|$)/.test(uri?.[2] ?? '')) {
    throw new ImportError(`djauthd: database "${alias}" is an in-memory database, which no other process can read`);
  }
  const path = resolve(directory, named);
  const note = { text: `the database path ${named} is relative to ${directory}: using ${path}` };
  return {
    url: `sqlite://${path.split('/').map(encodeURIComponent).join('/')}`,
    password: undefined,
    notes: named.startsWith('/') ? [] : [note],
  };
}
