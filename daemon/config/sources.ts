import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parse, TomlError, type TomlTable } from 'smol-toml';
import { messageOf } from '../fault.ts';
import { ConfigError } from './config-error.ts';

/** Beside the configuration: a directory of files with a site each. */
const DIRECTORY = 'sites.d';

/** A configuration as it is written, before it is checked. */
export interface Sources {
  /** The configuration itself, then those of `sites.d`. */
  readonly files: readonly string[];
  /** The sites of all files are in `sites`. */
  readonly document: TomlTable;
  /** The file in which a site is written; of anything else and of an unknown site the configuration itself. */
  fileOf(site?: string): string;
}

/**
 * The configuration in a file, with the sites of `sites.d/*.toml` beside it.
 *
 * @throws ConfigError, a line for each mistake
 */
export function readSources(file: string): Sources {
  const document = parseToml(readText(file), file);
  const sites = new Map(Object.keys(tableOf(document.sites) ?? {}).map((name) => [name, file]));
  const merged: TomlTable = { ...tableOf(document.sites) };
  const problems: string[] = [];
  const others = siteFiles(file);
  for (const path of others) {
    try {
      const own = parseToml(readText(path), path);
      const extra = Object.keys(own).filter((key) => key !== 'sites');
      if (extra.length > 0) problems.push(`${path}: ${named(extra)}: accepted in this directory: [sites."NAME"] only`);
      const tables = tableOf(own.sites);
      if (tables === undefined) problems.push(`${path}: missing section [sites."NAME"]`);
      for (const [name, site] of Object.entries(tables ?? {})) {
        const before = sites.get(name);
        if (before === undefined) merged[name] = site;
        else
          problems.push(
            `${path}: [sites.${JSON.stringify(name)}]: the site is in ${before} too; accepted: one of the two`,
          );
        sites.set(name, before ?? path);
      }
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(error.message);
    }
  }
  if (problems.length > 0) throw new ConfigError(problems.join('\n'));
  // What is no table is shown as it is, whatever the other files have: its message names the mistake.
  const mistaken = document.sites !== undefined && tableOf(document.sites) === undefined;
  const whole = sites.size === 0 || mistaken ? document : { ...document, sites: merged };
  return {
    files: [file, ...others],
    document: whole,
    fileOf: (site) => (site === undefined ? undefined : sites.get(site)) ?? file,
  };
}

/** The file of `sites.d` that an import writes a site to. */
export function siteFileOf(config: string, site: string): string {
  return join(dirname(config), DIRECTORY, `${encodeURIComponent(site)}.toml`);
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

/** In the order of their names. What an editor or a package manager leaves behind does not end in ".toml". */
function siteFiles(file: string): string[] {
  const directory = join(dirname(file), DIRECTORY);
  try {
    return readdirSync(directory)
      .filter((name) => name.endsWith('.toml') && !name.startsWith('.'))
      .sort()
      .map((name) => join(directory, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new ConfigError(`${directory}: cannot be read: ${messageOf(error)}`);
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError(`${file}: cannot be read: ${messageOf(error)}`);
  }
}

function tableOf(value: unknown): TomlTable | undefined {
  const table = typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
  return table ? (value as TomlTable) : undefined;
}

function named(keys: readonly string[]): string {
  return keys.map((key) => `"${key}"`).join(', ');
}
