/**
 * The parameters of a URL's query, percent-decoded. `-` in a name counts as `_`.
 *
 * @throws Error, a sentence, where a name is not among the known ones
 */
export function parseQuery<Name extends string>(query: string, known: readonly Name[]): Partial<Record<Name, string>> {
  const parameters: Partial<Record<Name, string>> = {};
  for (const [key, value] of new URLSearchParams(query)) {
    const name = known.find((each) => each === key.replaceAll('-', '_'));
    if (name === undefined) throw new Error(`unknown parameter ${key}; accepted: ${known.join(', ')}`);
    parameters[name] = value;
  }
  return parameters;
}

/** `?key=value&…` of the parameters that are defined, as `parseQuery` reads it; empty if none is. */
export function formatQuery(parameters: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined);
  if (given.length === 0) return '';
  return `?${given.map(([key, value]) => `${key}=${encodeURIComponent(value).replaceAll('%2F', '/')}`).join('&')}`;
}
