import { readFileSync } from 'node:fs';
import { parse, TomlError, type TomlTable } from 'smol-toml';
import { messageOf } from '../fault.ts';
import { messagesOf, spell } from './messages.ts';
import { hasPassword, readPasswordFile, withPassword } from './password-file.ts';
import { type Config, schema } from './schema.ts';

/** The configuration cannot be used. The message has one line per mistake; each names the file. */
export class ConfigError extends Error {}

/**
 * The configuration in a file.
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

/** The same with the passwords of `password_file` in the URLs, where stores expect them. @throws ConfigError */
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

/** The configuration in a text. Password files are not read. `file` is its name in messages. @throws ConfigError */
export function parseConfig(source: string, file: string): Config {
  const document = parseToml(source, file);
  const result = schema.safeParse(document);
  if (!result.success) throw new ConfigError(messagesOf(result.error, document, file).join('\n'));
  const problems = contradictions(result.data).map((problem) => `${file}: ${problem}`);
  if (problems.length > 0) throw new ConfigError(problems.join('\n'));
  return result.data;
}

/** What is wrong with keys that are right each by itself. */
function contradictions({ listen, sites }: Config): string[] {
  const problems: string[] = [];
  if (listen.control === listen.socket) {
    problems.push('listen.control: the same path as listen.socket; accepted: another path');
  }
  for (const [name, { database, password_file }] of Object.entries(sites)) {
    if (password_file === undefined) continue;
    const key = spell(['sites', name, 'password_file']);
    if (/^sqlite:/i.test(database)) problems.push(`${key}: a SQLite database has no password`);
    if (hasPassword(database)) problems.push(`${key}: the URL has a password too; accepted: one of the two`);
  }
  return problems;
}

/** The tables of a TOML text. The message does not repeat the text, which may hold a secret. @throws ConfigError */
export function parseToml(source: string, file: string): TomlTable {
  try {
    return parse(source);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const what = (error.message.split('\n')[0] as string).replace(/^Invalid TOML document: /, '');
    throw new ConfigError(`${file}: line ${error.line}: invalid TOML: ${what}`);
  }
}
