import { didYouMean } from '../text/suggest.ts';

/** A sentence on what is wrong with a database URL. It contains no password. */
export class UrlError extends Error {}

/**
 * The parameters of a URL's query, percent-decoded; `+` is a plus sign, as in libpq. `aliases` maps other spellings to
 * the names they stand for.
 *
 * @throws UrlError where a parameter is unknown or repeated, or is not of the form key=value
 */
export function parseQuery<Name extends string>(
  query: string,
  names: readonly Name[],
  aliases: Readonly<Record<string, Name>> = {},
): Partial<Record<Name, string>> {
  const parameters: Partial<Record<Name, string>> = {};
  for (const pair of query === '' ? [] : query.split('&')) {
    const [, encoded = '', value] = /^([^=]*)(?:=(.*))?$/s.exec(pair) as RegExpExecArray;
    const key = decode(encoded, 'a parameter');
    const name = names.find((each) => each === key) ?? aliases[key];
    if (name === undefined) {
      const accepted = didYouMean(key, names) || `; accepted: ${names.join(', ') || 'none'}`;
      throw new UrlError(`unknown parameter${isHarmless(key, query) ? ` "${key}"` : ''}${accepted}`);
    }
    if (value === undefined) throw new UrlError(`parameter ${name} has no value; write ${name}=VALUE`);
    if (parameters[name] !== undefined) throw new UrlError(`parameter ${name} is given twice`);
    parameters[name] = decode(value, `parameter ${name}`);
  }
  return parameters;
}

/** Whether a word can be repeated in a message: a password with ?, & or @ in it could have become part of the query. */
function isHarmless(word: string, query: string): boolean {
  return /^[\w.-]{1,40}$/.test(word) && !/@|password=/i.test(query);
}

/** The value, if it is among those accepted. @throws UrlError, which does not repeat the value */
export function oneOf<Value extends string>(name: string, value: string, accepted: readonly Value[]): Value {
  const found = accepted.find((each) => each === value);
  if (found !== undefined) return found;
  throw new UrlError(
    `parameter ${name}: unknown value${didYouMean(value, accepted)}; accepted: ${accepted.join(', ')}`,
  );
}

/** A percent-encoded part of a URL, decoded. @throws UrlError */
export function decode(text: string, what: string): string {
  let decoded: string;
  try {
    decoded = decodeURIComponent(text);
  } catch {
    throw new UrlError(`${what}: invalid percent-encoding; write % as %25`);
  }
  if (decoded.includes('\0')) throw new UrlError(`${what}: a NUL character is not accepted`);
  return decoded;
}

/** A port number. @throws UrlError, which does not repeat the text: it could be a password */
export function portOf(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535) throw new UrlError('invalid port; accepted: 1 to 65535');
  return port;
}

/** `?key=value&…` of the parameters that are defined, as `parseQuery` reads it; empty if none is. */
export function formatQuery(parameters: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined);
  if (given.length === 0) return '';
  return `?${given.map(([key, value]) => `${key}=${encodeURIComponent(value).replaceAll('%2F', '/')}`).join('&')}`;
}
