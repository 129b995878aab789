import { decode, parseQuery, UrlError } from '../url-query.ts';

/** The absolute path in `sqlite:///path`, percent-decoded. @throws UrlError */
export function pathOf(url: string): string {
  const [match, path = '', query = ''] = /^sqlite:\/\/(\/[^?#]+)(?:\?([^#]*))?$/i.exec(url) ?? [];
  if (match === undefined) {
    throw new UrlError(
      'a SQLite database is given as an absolute path after sqlite://, with %, ? and # as %25, %3F and %23',
    );
  }
  parseQuery(query, []); // there are no parameters
  return decode(path, 'the path');
}

/** The path of a SQLite database's file; undefined for any other database. @throws UrlError */
export function sqlitePathOf(url: string): string | undefined {
  return /^sqlite:/i.test(url) ? pathOf(url) : undefined;
}
