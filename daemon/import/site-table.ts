import type { SchemaKeys } from './user-model.ts';

/** The value of a key of a site. */
type Value = string | number | boolean | readonly string[] | readonly Record<string, string>[];

/** A site's table: its keys in the order in which they are written, and its schema. */
export interface SiteTable {
  readonly name: string;
  readonly keys: Readonly<Record<string, Value>>;
  readonly schema: SchemaKeys | undefined;
}

/** The keys that an import replaces; it keeps all other keys of the site's table, which the administrator chose. */
export const IMPORTED_KEYS: readonly string[] = [
  'database',
  'password_file',
  'hashers',
  'foreign_hashers',
  'bcrypt_long',
  'username_match',
  'schema',
];

/** The table as TOML. */
export function writeSiteTable({ name, keys, schema }: SiteTable): string {
  const head = `sites.${key(name)}`;
  const tables = [table(head, keys)];
  for (const [part, { parents, ...columns }] of Object.entries(schema ?? {})) {
    const lines = parents === undefined ? columns : { ...columns, parents };
    tables.push(table(`${head}.schema.${part}`, lines));
  }
  return tables.join('\n');
}

function table(head: string, keys: Readonly<Record<string, Value>>): string {
  return `[${head}]\n${Object.entries(keys)
    .map(([name, value]) => `${key(name)} = ${write(value)}\n`)
    .join('')}`;
}

function key(name: string): string {
  return /^[A-Za-z0-9_-]+$/.test(name) ? name : text(name);
}

function write(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(write).join(', ')}]`;
  if (typeof value === 'string') return text(value);
  if (typeof value !== 'object' || value === null) return String(value);
  return `{ ${Object.entries(value)
    .map(([name, inner]) => `${key(name)} = ${write(inner)}`)
    .join(', ')} }`;
}

/** JSON strings are valid TOML strings, except for DEL. */
function text(value: string): string {
  return JSON.stringify(value).replaceAll('\x7f', '\\u007F');
}
