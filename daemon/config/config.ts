import { messageOf } from '../fault.ts';
import { databaseOf } from '../store/databases.ts';
import { ConfigError } from './config-error.ts';
import { messagesOf, spell } from './messages.ts';
import { hasPassword, readPasswordFile, withPassword } from './password-file.ts';
import { type Config, type SiteConfig, schema } from './schema.ts';
import { parseToml, readSources, type Sources } from './sources.ts';

/**
 * The configuration in a file and in `sites.d` beside it.
 *
 * @throws ConfigError
 */
export function readConfig(file: string): Config {
  return configOf(readSources(file));
}

/** The same of sources that have been read. @throws ConfigError */
export function configOf(sources: Sources): Config {
  return withPasswords(checked(sources), sources);
}

/** The same without the passwords of `password_file`, which are not read. @throws ConfigError */
export function readConfigWithoutPasswords(file: string): Config {
  return checked(readSources(file));
}

/** The configuration in a text. Password files are not read. `file` is its name in messages. @throws ConfigError */
export function parseConfig(source: string, file: string): Config {
  return checked({ files: [file], document: parseToml(source, file), fileOf: () => file });
}

/** The same with the passwords of `password_file` in the URLs, where stores expect them. @throws ConfigError */
function withPasswords(config: Config, { fileOf }: Sources): Config {
  const problems: string[] = [];
  const sites = Object.entries(config.sites).map(([name, site]) => {
    if (site.password_file === undefined) return [name, site] as const;
    try {
      return [name, withDatabasePassword(site, readPasswordFile(site.password_file))] as const;
    } catch (error) {
      problems.push(
        `${fileOf(name)}: ${spell(['sites', name, 'password_file'])}: "${site.password_file}": ${messageOf(error)}`,
      );
      return [name, site] as const;
    }
  });
  const throttle = withSecrets(config.throttle, (problem) => problems.push(`${fileOf()}: throttle.${problem}`));
  if (problems.length > 0) throw new ConfigError(problems.join('\n'));
  return { ...config, throttle, sites: Object.fromEntries(sites) };
}

function withDatabasePassword(site: SiteConfig, password: string): SiteConfig {
  const { database, listen_url } = site;
  return {
    ...site,
    database: withPassword(database, password),
    // A URL with a password of its own keeps it.
    listen_url: listen_url && (hasPassword(listen_url) ? listen_url : withPassword(listen_url, password)),
  };
}

/** The least characters of the key that hosts share. */
const KEY_LENGTH_MIN = 32;

/** The throttle's section with its password in the URL and its key. */
function withSecrets(throttle: Config['throttle'], onProblem: (problem: string) => void): Config['throttle'] {
  const read = (key: 'password_file' | 'key_file'): string | undefined => {
    const file = throttle[key];
    if (file === undefined) return undefined;
    try {
      const content = readPasswordFile(file);
      if (key === 'password_file' || content.length >= KEY_LENGTH_MIN) return content;
      throw new Error(`too short; accepted: at least ${KEY_LENGTH_MIN} characters`);
    } catch (error) {
      onProblem(`${key}: "${file}": ${messageOf(error)}`);
      return undefined;
    }
  };
  const password = read('password_file');
  const { store } = throttle;
  return {
    ...throttle,
    store: store !== undefined && password !== undefined ? withPassword(store, password) : store,
    key: read('key_file'),
  };
}

function checked({ document, fileOf }: Sources): Config {
  const result = schema.safeParse(document);
  if (!result.success) throw new ConfigError(messagesOf(result.error, document, fileOf).join('\n'));
  const problems = contradictions(result.data, fileOf);
  if (problems.length > 0) throw new ConfigError(problems.join('\n'));
  return result.data;
}

/** What is wrong with keys that are right each by itself. */
function contradictions({ listen, sites, throttle }: Config, fileOf: Sources['fileOf']): string[] {
  const problems: string[] = [];
  if (listen.control === listen.socket) {
    problems.push(`${fileOf()}: listen.control: the same path as listen.socket; accepted: another path`);
  }
  if (listen.hooks !== undefined && (listen.hooks === listen.socket || listen.hooks === listen.control)) {
    problems.push(`${fileOf()}: listen.hooks: the path of another socket; accepted: another path`);
  }
  for (const [index, { user, group, sites: named }] of listen.allow.entries()) {
    const table = `${fileOf()}: [[listen.allow]], table ${index + 1}`;
    if (user.length + group.length === 0) problems.push(`${table}: names nobody; accepted: "user", "group" or both`);
    for (const name of named ?? []) {
      if (!Object.hasOwn(sites, name)) problems.push(`${table}: sites: no section [${spell(['sites', name])}]`);
    }
  }
  for (const [name, { database, listen, listen_url }] of Object.entries(sites)) {
    const inSite = (key: string, problem: string) =>
      problems.push(`${fileOf(name)}: ${spell(['sites', name, key])}: ${problem}`);
    const tells = (url: string) => databaseOf(url)?.tells === true;
    if (listen && !tells(database)) {
      inSite('listen', 'true: only PostgreSQL tells of changes; accepted for other databases: false');
    }
    if (listen_url !== undefined && !tells(listen_url)) {
      inSite('listen_url', 'no PostgreSQL database; accepted: a URL such as "postgres://user@host/db"');
    }
  }
  for (const [name, { database, password_file }] of Object.entries(sites)) {
    if (password_file === undefined) continue;
    const key = `${fileOf(name)}: ${spell(['sites', name, 'password_file'])}`;
    if (/^sqlite:/i.test(database)) problems.push(`${key}: a SQLite database has no password`);
    if (hasPassword(database)) problems.push(`${key}: the URL has a password too; accepted: one of the two`);
  }
  const { store, password_file, key_file } = throttle;
  const inThrottle = (problem: string) => problems.push(`${fileOf()}: throttle.${problem}`);
  if (store !== undefined && key_file === undefined)
    inThrottle('key_file: missing; hosts that share a store share a key');
  if (store === undefined && key_file !== undefined) inThrottle('key_file: there is no throttle.store');
  if (store === undefined && password_file !== undefined) inThrottle('password_file: there is no throttle.store');
  if (store !== undefined && password_file !== undefined && hasPassword(store)) {
    inThrottle('password_file: the URL has a password too; accepted: one of the two');
  }
  return problems;
}
