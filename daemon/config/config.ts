import { readFileSync } from 'node:fs';
import { parse, TomlError } from 'smol-toml';
import type { z } from 'zod';
import { messageOf } from '../fault.ts';
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
  return parseConfig(source, file);
}

/** The configuration of a text; `file` is what it is called in messages. @throws ConfigError */
export function parseConfig(source: string, file: string): Config {
  let tables: unknown;
  try {
    tables = parse(source);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const what = (error.message.split('\n')[0] as string).replace(/^Invalid TOML document: /, '');
    throw new ConfigError(`${file}: line ${error.line}: not TOML: ${what}`);
  }
  const result = schema.safeParse(tables);
  if (!result.success)
    throw new ConfigError(result.error.issues.flatMap((issue) => sentences(issue, tables, file)).join('\n'));
  if (result.data.listen.control === result.data.listen.socket) {
    throw new ConfigError(`${file}: listen.control: is the same path as listen.socket; accepted: another one`);
  }
  return result.data;
}

/** Values that may hold a secret are not repeated. */
const SECRET = /(?<=:\/\/[^:@/"]*:).*(?=@)/;

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
  const shown = JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? String(v) : v)).replace(SECRET, '[redacted]');
  return [`${file}: ${key}: ${shown.slice(0, 120)} is not accepted; accepted: ${accepted(issue)}`];
}

function accepted(issue: z.core.$ZodIssue): string {
  return issue.code === 'invalid_type' && issue.message.startsWith('Invalid input') ? `a table` : issue.message;
}

function spell(path: readonly PropertyKey[]): string {
  const bare = /^[A-Za-z0-9_-]+$/;
  return path.map((part) => (bare.test(String(part)) ? String(part) : JSON.stringify(part))).join('.') || 'the file';
}
