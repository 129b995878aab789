import type { z } from 'zod';
import { closest, didYouMean } from '../text/suggest.ts';
import { type SectionEntry, sectionsOf } from './key.ts';
import { schema } from './schema.ts';

type Path = readonly PropertyKey[];

/** How much of a value is repeated in a message, in characters. */
const SHOWN_MAX = 120;

/** Every section of the reference; made where there is something to say. */
let sections: readonly SectionEntry[] | undefined;

/** One line for each mistake in a document that the schema did not accept. */
export function messagesOf(error: z.ZodError, document: unknown, fileOf: (site?: string) => string): string[] {
  sections ??= sectionsOf(schema);
  const unquoted = unquotedSites(document);
  const lines = unquoted.map(
    (path) =>
      `${fileOf(path[1])}: [${spell(path)}]: a site name with a dot must be quoted: [sites.${JSON.stringify(path.slice(1).join('.'))}]`,
  );
  const meant = meantKeys(error.issues);
  for (const issue of error.issues) {
    if (meant.has(JSON.stringify(issue.path)) && at(document, issue.path) === undefined) continue;
    const rest = withoutUnquoted(issue, unquoted);
    if (rest === undefined) continue;
    const [top, site] = rest.path;
    lines.push(...sentences(rest, document, fileOf(top === 'sites' ? (site as string | undefined) : undefined)));
  }
  return lines;
}

function sentences(issue: z.core.$ZodIssue, document: unknown, file: string): string[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((name) => `${file}: ${unknownKey(issue.path, name, at(document, [...issue.path, name]))}`);
  }
  const value = at(document, issue.path);
  const section = sectionAt(issue.path);
  if (value === undefined && section) return [`${file}: missing section [${spell(issue.path)}]`];
  if (value === undefined) {
    const name = String(issue.path.at(-1));
    return [`${file}: missing key "${name}"${inSection(issue.path.slice(0, -1))}; accepted: ${issue.message}`];
  }
  return [`${file}: ${spell(issue.path)}: invalid value ${show(issue.path, value)}; accepted: ${issue.message}`];
}

/** `unknown key "databse" in [sites.mysite]; did you mean "database"?` */
function unknownKey(path: Path, name: string, value: unknown): string {
  const inner = sections?.filter((section) => isBelow(section, path)).map(({ path }) => path.at(-1) as string) ?? [];
  if (isTable(value)) {
    const close = didYouMean(name, inner).replace(/"(.*)"/, (_, known) => `[${spell([...path, known])}]`);
    const top = path.length > 0 && sections?.some((section) => section.path.length === 1 && section.path[0] === name);
    return `unknown section [${spell([...path, name])}]${top ? `; did you mean [${name}]?` : close}`;
  }
  const known = [...(sectionAt(path)?.keys.map((key) => key.name) ?? []), ...inner.filter((word) => word !== '*')];
  const hint = didYouMean(name, known) || belongsIn(name);
  return `unknown key "${withoutSecret(name)}"${inSection(path)}${hint}`;
}

/** The keys that are missing because they are misspelt: the line about the misspelt one says so. As JSON of their paths. */
function meantKeys(issues: readonly z.core.$ZodIssue[]): Set<string> {
  const meant = new Set<string>();
  for (const issue of issues) {
    if (issue.code !== 'unrecognized_keys') continue;
    const known = sectionAt(issue.path)?.keys.map(({ name }) => name) ?? [];
    for (const name of issue.keys) meant.add(JSON.stringify([...issue.path, closest(name, known)]));
  }
  return meant;
}

/** `; it belongs in [cache]`, of a key that is known in one other section. */
function belongsIn(name: string): string {
  const homes = sections?.filter(({ keys }) => keys.some((key) => key.name === name)) ?? [];
  const home = homes.length === 1 ? homes[0] : undefined;
  return home ? `; it belongs in [${home.path.map((part) => (part === '*' ? '"NAME"' : part)).join('.')}]` : '';
}

function inSection(path: Path): string {
  return path.length === 0 ? ' at the top of the file' : ` in [${spell(path)}]`;
}

/**
 * Sites whose name has a dot and is not quoted, as they are written: TOML takes the rest of the name for a table in
 * the site.
 */
function unquotedSites(document: unknown): string[][] {
  const sites = at(document, ['sites']);
  if (!isTable(sites)) return [];
  const known = new Set([...(sectionAt(['sites', '*'])?.keys.map(({ name }) => name) ?? []), 'schema']);
  const other = new Set(sections?.map(({ path }) => path[0]));
  const misplaced = (name: string, path: readonly string[]) =>
    path.length === 2 && (other.has(name) || closest(name, ['schema']) !== undefined);
  const found: string[][] = [];
  const descend = (table: Record<string, unknown>, path: string[]) => {
    for (const [name, value] of Object.entries(table)) {
      if (known.has(name) || !isTable(value) || misplaced(name, path)) continue;
      const inner = [...path, name];
      const values = Object.entries(value);
      if (values.length === 0 || values.some(([key, one]) => known.has(key) || !isTable(one))) found.push(inner);
      else descend(value, inner);
    }
  };
  for (const [name, site] of Object.entries(sites)) if (isTable(site)) descend(site, ['sites', name]);
  return found;
}

/** What an issue says apart from unquoted names: that half a name is a site, and that this site lacks a database. */
function withoutUnquoted(issue: z.core.$ZodIssue, unquoted: readonly string[][]): z.core.$ZodIssue | undefined {
  const rest = unquoted.filter(([, site]) => issue.path[0] === 'sites' && issue.path[1] === site);
  if (rest.length === 0) return issue;
  if (issue.code === 'unrecognized_keys' && issue.path.length === 2) {
    const keys = issue.keys.filter((key) => !rest.some(([, , table]) => table === key));
    return keys.length === 0 ? undefined : { ...issue, keys };
  }
  return issue.path.length === 3 && issue.path[2] === 'database' ? undefined : issue;
}

function at(document: unknown, path: Path): unknown {
  return path.reduce<unknown>((value, part) => (value as Record<PropertyKey, unknown> | undefined)?.[part], document);
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** The section that a path of the document stands for. */
function sectionAt(path: Path): SectionEntry | undefined {
  const parts = path.filter((part) => typeof part !== 'number');
  return sections?.find((section) => section.path.length === parts.length && matches(section.path, parts));
}

/** Whether a section stands directly in the table at a path. */
function isBelow(section: SectionEntry, path: Path): boolean {
  const parts = path.filter((part) => typeof part !== 'number');
  return section.path.length === parts.length + 1 && matches(section.path, parts);
}

function matches(pattern: readonly string[], parts: Path): boolean {
  return parts.every((part, i) => pattern[i] === '*' || pattern[i] === part);
}

/** A value as it may be repeated: nothing of what may hold a password but a URL's scheme. */
function show(path: Path, value: unknown): string {
  const name = path.at(-1);
  const secret = sectionAt(path.slice(0, -1))?.keys.find((key) => key.name === name)?.secret;
  const hide = secret === true || (path[0] === 'sites' && path.length <= 2);
  const text = JSON.stringify(value, (_, inner) => {
    if (typeof inner === 'bigint') return String(inner);
    return typeof inner === 'string' ? withoutSecret(inner, hide) : inner;
  });
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text;
}

function withoutSecret(text: string, hide = false): string {
  const scheme = /^[a-z0-9+]+:\/\//i.exec(text)?.[0];
  return scheme || hide ? `${scheme ?? ''}…` : text;
}

/** A path as TOML writes it. */
export function spell(path: Path): string {
  const bare = /^[A-Za-z0-9_-]+$/;
  return (
    path
      .map(String)
      .map((part) => (bare.test(part) ? part : JSON.stringify(withoutSecret(part))))
      .join('.') || 'the file'
  );
}
