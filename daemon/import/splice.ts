import { isDeepStrictEqual } from 'node:util';
import { parse, type TomlTable } from 'smol-toml';
import { ImportError } from './import-error.ts';

/**
 * A configuration with a site's tables replaced, or appended; all else is kept as it is, comments included.
 *
 * @param tables the site's tables as TOML
 * @throws ImportError if the configuration spells the site in another form than `[sites.NAME]` tables
 */
export function splice(source: string, site: string, tables: string, file: string): string {
  const newline = source.includes('\r\n') ? '\r\n' : '\n';
  const lines = source.split(/(?<=\n)/);
  const kept: string[] = [];
  let position: number | undefined;
  let inside = false;
  let pending: string[] = []; // blank lines and comments after the site's last key belong to the next table
  for (const { line, header } of statements(lines)) {
    if (header !== undefined) {
      const own = header[0] === 'sites' && header[1] === site;
      if (!own) kept.push(...pending);
      if (own) position ??= kept.length;
      pending = [];
      inside = own;
      if (own) continue;
    }
    if (!inside) kept.push(line);
    else if (/^\s*(#|$)/.test(line)) pending.push(line);
    else pending = []; // a key of the site, and the lines before it
  }
  const written = tables.replaceAll('\n', newline);
  const before = kept.slice(0, position ?? kept.length).join('');
  const after = [...kept.slice(position ?? kept.length), ...pending].join('');
  const gap = before === '' || /\n\s*\n$/.test(before) ? '' : before.endsWith('\n') ? newline : newline + newline;
  const gapAfter = after === '' || /^\s*(\r?\n|$)/.test(after) ? '' : newline;
  const result = `${before}${position === undefined ? gap : ''}${written}${gapAfter}${after}`;
  assertSpliced(source, result, site, tables, file);
  return result;
}

/** Checks the result by its meaning: all other tables are unchanged, and the site's tables are the given ones. */
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
    // such as a table defined twice
  }
  throw new ImportError(
    `djauthd: ${file}: cannot replace site "${site}": it is not written as a table [sites.…]; write it as one, or remove it`,
  );
}

/** Each line, with the table's key if it begins a table. Lines inside strings and arrays begin none. */
function* statements(lines: readonly string[]): Generator<{ line: string; header: readonly string[] | undefined }> {
  let open = '';
  for (const line of lines) {
    const header = open === '' ? headerOf(line) : undefined;
    yield { line, header };
    if (header === undefined) open = opened(open, line);
  }
}

/** The key in `[key]` or `[[key]]`; undefined for any other line. */
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
 * What is open after a line: a triple quote for a multi-line string, a `[` for each bracket. `before` is what was open
 * before it.
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
