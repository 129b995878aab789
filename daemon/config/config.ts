import { readFileSync } from 'node:fs';
import { parse, TomlError, type TomlTable } from 'smol-toml';
import type { z } from 'zod';
import { messageOf } from '../fault.ts';
import { hasPassword, readPasswordFile, withPassword } from './password-file.ts';
import { type Config, schema } from './schema.ts';

/** The configuration cannot be used. The message has one line for each thing that is wrong, each naming the file. */
export class ConfigError extends Error {}

/**
 * The configuration of a file.
 *
 * @throws ConfigError
 */
export function readConfig(file: string): Config {
  let source: string;
  try {
    source = readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError(`${file}: cannot be read: ${messageOf(error)}`);
  }
  return withPasswords(parseConfig(source, file), file);
}

/** The same with the passwords of `password_file` in the URLs, where stores look for them. @throws ConfigError */
function withPasswords(config: Config, file: string): Config {
  const problems: string[] = [];
  const sites = Object.entries(config.sites).map(([name, site]) => {
    if (site.password_file === undefined) return [name, site] as const;
    try {
      return [name, { ...site, database: withPassword(site.database, readPasswordFile(site.password_file)) }] as const;
    } catch (error) {
      problems.push(
        `${file}: ${spell(['sites', name, 'password_file'])}: "${site.password_file}": ${messageOf(error)}`,
      );
      return [name, site] as const;
    }
  });
  if (problems.length > 0) throw new ConfigError(problems.join('\n'));
  return { ...config, sites: Object.fromEntries(sites) };
}

/** The configuration of a text, with no password file read; `file` is what it is called in messages. @throws ConfigError */
export function parseConfig(source: string, file: string): Config {
  const tables = parseToml(source, file);
  const result = schema.safeParse(tables);
  if (!result.success)
    throw new ConfigError(result.error.issues.flatMap((issue) => sentences(issue, tables, file)).join('\n'));
  if (result.data.listen.control === result.data.listen.socket) {
    throw new ConfigError(`${file}: listen.control: is the same path as listen.socket; accepted: another one`);
  }
  for (const [name, { database, password_file }] of Object.entries(result.data.sites)) {
    if (password_file === undefined) continue;
    const key = spell(['sites', name, 'password_file']);
    if (/^sqlite:/i.test(database)) throw new ConfigError(`${file}: ${key}: a SQLite database has no password`);
    if (hasPassword(database)) throw new ConfigError(`${file}: ${key}: the URL has a password as well; accepted: one`);
  }
  return result.data;
}

/** The tables of a TOML text. The message does not repeat the text, which may hold a secret. @throws ConfigError */
export function parseToml(source: string, file: string): TomlTable {
  try {
    return parse(source);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const what = (error.message.split('\n')[0] as string).replace(/^Invalid TOML document: /, '');
    throw new ConfigError(`${file}: line ${error.line}: not TOML: ${what}`);
  }
}

/** What may hold a password is not repeated: the text of a database's URL, or what stands in the place of a site. */
function withoutSecrets(path: readonly PropertyKey[], text: string): string {
  if (path[0] !== 'sites' || (path.length > 2 && path[2] !== 'database')) return text;
  return `${/^[a-z0-9+]+:\/\//i.exec(text)?.[0] ?? ''}…`;
}

function sentences(issue: z.core.$ZodIssue, tables: unknown, file: string): string[] {
  const key = spell(issue.path);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((unknown) => `${file}: ${spell([...issue.path, unknown])}: is no key that is known here`);
  }
  const value = issue.path.reduce<unknown>(
    (at, part) => (at as Record<PropertyKey, unknown> | undefined)?.[part],
    tables,
  );
  if (value === undefined) return [`${file}: ${key}: is missing; needed: ${accepted(issue)}`];
  const shown = JSON.stringify(value, (_, v) =>
    typeof v === 'bigint' ? String(v) : typeof v === 'string' ? withoutSecrets(issue.path, v) : v,
  );
  return [`${file}: ${key}: ${shown.slice(0, 120)} is not accepted; accepted: ${accepted(issue)}`];
}

function accepted(issue: z.core.$ZodIssue): string {
  return issue.code === 'invalid_type' && issue.message.startsWith('Invalid input') ? `a table` : issue.message;
}

function spell(path: readonly PropertyKey[]): string {
  const bare = /^[A-Za-z0-9_-]+$/;
  return path.map((part) => (bare.test(String(part)) ? String(part) : JSON.stringify(part))).join('.') || 'the file';
}
