import { isDeepStrictEqual } from 'node:util';
import { parse, type TomlTable } from 'smol-toml';
import { ImportError } from './import-error.ts';

/**
 * A configuration with a site's tables replaced, or put at its end; all else stays as it is, comments included.
 *
 * @param tables the site's tables as TOML
 * @throws ImportError where the site stands in another form than tables of its own
 */
export function splice(source: string, site: string, tables: string, file: string): string {
  const newline = source.includes('\r\n') ? '\r\n' : '\n';
  const lines = source.split(/(?<=\n)/);
  const kept: string[] = [];
  let at: number | undefined;
  let inside = false;
  let pending: string[] = []; // blank lines and comments after the site's last key belong to what comes next
  for (const { line, header } of statements(lines)) {
    if (header !== undefined) {
      const own = header[0] === 'sites' && header[1] === site;
      if (!own) kept.push(...pending);
      if (own) at ??= kept.length;
      pending = [];
      inside = own;
      if (own) continue;
    }
    if (!inside) kept.push(line);
    else if (/^\s*(#|$)/.test(line)) pending.push(line);
    else pending = []; // a key of the site's, and what stood before it
  }
  const written = tables.replaceAll('\n', newline);
  const before = kept.slice(0, at ?? kept.length).join('');
  const after = [...kept.slice(at ?? kept.length), ...pending].join('');
  const gap = before === '' || /\n\s*\n$/.test(before) ? '' : before.endsWith('\n') ? newline : newline + newline;
  const gapAfter = after === '' || /^\s*(\r?\n|$)/.test(after) ? '' : newline;
  const result = `${before}${at === undefined ? gap : ''}${written}${gapAfter}${after}`;
  assertSpliced(source, result, site, tables, file);
  return result;
}

/** The same by the meaning of it: what was not the site's has not changed, and the site is as it was to be. */
function assertSpliced(source: string, result: string, site: string, tables: string, file: string): void {
  const sitesOf = (table: TomlTable) => (table.sites ?? {}) as TomlTable;
  const others = (text: string) => {
    const { sites: _, ...rest } = parse(text);
    const { [site]: __, ...otherSites } = sitesOf(parse(text));
    return { ...rest, otherSites };
  };
  try {
    const own = isDeepStrictEqual(sitesOf(parse(result))[site], sitesOf(parse(tables))[site]);
    if (own && isDeepStrictEqual(others(source), others(result))) return;
  } catch {
    // such as one table defined twice
  }
  throw new ImportError(
    `djauthd: ${file}: site "${site}" stands there in another form than a table [sites.…] of its own: make it one, or take it out`,
  );
}

/** Each line, and where it begins a table the table's key. Lines inside of texts and lists begin none. */
function* statements(lines: readonly string[]): Generator<{ line: string; header: readonly string[] | undefined }> {
  let open = '';
  for (const line of lines) {
    const header = open === '' ? headerOf(line) : undefined;
    yield { line, header };
    if (header === undefined) open = opened(open, line);
  }
}

/** The key in `[key]` or `[[key]]`; undefined where the line is no such. */
function headerOf(line: string): string[] | undefined {
  if (!/^\s*\[/.test(line)) return undefined;
  const keys: string[] = [];
  try {
    for (let at: unknown = parse(line); ; at = Array.isArray(at) ? at[0] : Object.values(at as object)[0]) {
      const next = Array.isArray(at) ? at[0] : at;
      const [key] = Object.keys(next as object);
      if (key === undefined) return keys;
      keys.push(key);
    }
  } catch {
    return undefined;
  }
}

/**
 * What is open after a line: a quote of three for a text of many lines, a `[` for each bracket. `before` is what was
 * open before it.
 */
function opened(before: string, line: string): string {
  let open = before;
  for (let at = 0; at < line.length; ) {
    const rest = line.slice(at);
    if (open === '"""' || open.endsWith('"""') || open.endsWith("'''")) {
      const quote = open.slice(-3);
      const end =
        quote === '"""' ? /^(?:[^"\\]|\\.|\\\n|"(?!""))*"""/s.exec(rest) : /^(?:[^']|'(?!''))*'''/s.exec(rest);
      if (!end) return open;
      open = open.slice(0, -3);
      at += end[0].length;
      continue;
    }
    const token = /^(?:"""|'''|"(?:[^"\\]|\\.)*"|'[^']*'|#.*|[[\]{}]|[^"'#[\]{}]+)/s.exec(rest)?.[0] ?? rest[0] ?? '';
    if (token === '"""' || token === "'''") open += token;
    else if (token === '[' || token === '{') open += token;
    else if (token === ']' || token === '}') open = open.slice(0, -1);
    else if (token.startsWith('#')) return open;
    at += token.length;
  }
  return open;
}
