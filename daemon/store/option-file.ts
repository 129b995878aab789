import { readFileSync } from 'node:fs';

/** Sections of `key = value` lines, by name. */
export type Sections = Map<string, Map<string, string>>;

/**
 * An option file in the form of libpq's service file and MySQL's my.cnf: `[section]`, `key=value` or a key alone, `#` and
 * `;` comments, with `unquote` also quotes around a value. undefined if the file cannot be read.
 */
export function readOptionFile(file: string, options: { unquote: boolean }): Sections | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
  const sections: Sections = new Map();
  let section: Map<string, string> | undefined;
  for (const line of text.split(/\r?\n/).map((raw) => raw.trim())) {
    if (line === '' || line.startsWith('#') || line.startsWith(';')) continue;
    const header = /^\[(.*)\]/.exec(line)?.[1];
    if (header !== undefined) {
      section = sections.get(header) ?? new Map();
      sections.set(header, section);
      continue;
    }
    const [, key = '', value = ''] = /^([^=]*?)\s*(?:=\s*(.*))?$/.exec(line) ?? [];
    section?.set(key, options.unquote ? value.replace(/^(['"])(.*)\1$/, '$2') : value);
  }
  return sections;
}
