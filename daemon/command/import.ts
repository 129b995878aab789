import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { TomlTable } from 'smol-toml';
import { ConfigError, parseConfig, parseToml } from '../config/config.ts';
import { messageOf } from '../fault.ts';
import { replaceFile } from '../import/atomic-file.ts';
import { ImportError } from '../import/import-error.ts';
import { type ImportedSite, type ImportOptions, importSite } from '../import/imported-site.ts';
import { IMPORTED_KEYS, writeSiteTable } from '../import/site-table.ts';
import { splice } from '../import/splice.ts';

/** Where a configuration that is not there yet has its sockets. */
const LISTEN = '[listen]\nsocket = "/run/djauthd/auth.sock"\ncontrol = "/run/djauthd/control.sock"\n';

const DIRECTORY = '/etc/djauthd';

/**
 * `djauthd import`: writes the configuration of a Django site, asked from its own Python, into a file or on standard
 * output. The database's password goes nowhere but into a file of its own, mode 0600, beside the configuration.
 */
export async function importCommand(options: ImportOptions & { write?: string | undefined }): Promise<void> {
  const site = await importSite(options);
  for (const note of site.notes) say(note);
  if (options.write === undefined) {
    print(site);
    return;
  }
  write(site, resolve(options.write));
}

function print(site: ImportedSite): void {
  const passwordFile = join(DIRECTORY, passwordName(site.name));
  process.stdout.write(writeSiteTable(tableOf(site, passwordFile, {})));
  if (site.password !== undefined) {
    say(`the database's password is not printed: put it into ${passwordFile}, mode 0600, or use --write`);
  }
}

function write(site: ImportedSite, file: string): void {
  const source = existsSync(file) ? readText(file) : '';
  const present = parseToml(source, file);
  const start = present.listen === undefined ? `${LISTEN}${source === '' ? '' : '\n'}${source}` : source;
  const old = ((present.sites ?? {}) as TomlTable)[site.name] as TomlTable | undefined;

  const beside = join(dirname(file), passwordName(site.name));
  const oldFile = typeof old?.password_file === 'string' ? old.password_file : undefined;
  const table = tableOf(site, oldFile ?? beside, old ?? {});
  const result = splice(start, site.name, writeSiteTable(table), file);
  parseConfig(result, file); // all of it, before anything is written

  const owner = existsSync(file) ? statSync(file) : undefined;
  if (site.password !== undefined) {
    // What systemd provides is a copy of a file, by custom of this one.
    const secret = oldFile?.startsWith('/') ? oldFile : beside;
    replaceFile(secret, `${site.password}\n`, {
      mode: 0o600,
      secret: true,
      ...(owner ? { uid: owner.uid, gid: owner.gid } : {}),
    });
    say(`${secret}: the database's password`);
  } else if (oldFile !== undefined) {
    say(`there is no password any more: ${oldFile} can go`);
  }
  replaceFile(file, result, { mode: 0o644 });
  say(`${file}: site "${site.name}" ${old === undefined ? 'added' : 'replaced'}`);
}

/** The site's table; keys of somebody's own choosing in the present one stay. */
function tableOf(site: ImportedSite, passwordFile: string, present: TomlTable) {
  const chosen = Object.entries(present).filter(([key]) => !IMPORTED_KEYS.includes(key));
  return {
    name: site.name,
    keys: {
      database: site.url,
      ...(site.password === undefined ? {} : { password_file: passwordFile }),
      ...site.hasherKeys,
      ...(Object.fromEntries(chosen) as Record<string, string | number>),
    },
    schema: site.schema,
  };
}

/** A file's name made of the site's. */
function passwordName(site: string): string {
  return `${encodeURIComponent(site)}.password`;
}

function readText(file: string): string {
  let octets: Buffer;
  try {
    octets = readFileSync(file);
  } catch (error) {
    throw new ImportError(`djauthd: ${file} cannot be read: ${messageOf(error)}`);
  }
  const text = octets.toString('utf8');
  // What would not come back as it was is left alone.
  if (!Buffer.from(text).equals(octets)) throw new ConfigError(`${file}: is not UTF-8, as TOML has to be`);
  return text;
}

function say(sentence: string): void {
  process.stderr.write(`djauthd: ${sentence}\n`);
}
