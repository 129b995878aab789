import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { TomlTable } from 'smol-toml';
import { ConfigError, parseConfig, parseToml } from '../config/config.ts';
import { daemonProcess } from '../doctor/daemon-process.ts';
import { messageOf } from '../fault.ts';
import { replaceFile } from '../import/atomic-file.ts';
import { exportSite, readExport } from '../import/export.ts';
import { ImportError } from '../import/import-error.ts';
import { type ImportedSite, type ImportOptions, importSite } from '../import/imported-site.ts';
import { IMPORTED_KEYS, writeSiteTable } from '../import/site-table.ts';
import { splice } from '../import/splice.ts';
import { currentUser, groupName } from '../service/system-user.ts';
import { groupId } from '../socket/group.ts';

/** The sockets of a new configuration. */
const LISTEN = '[listen]\nsocket = "/run/djauthd/auth.sock"\ncontrol = "/run/djauthd/control.sock"\n';

const DIRECTORY = '/etc/djauthd';

/** The daemon's own group, as installed. */
const GROUP = 'djauthd';

/**
 * `djauthd import`: introspects a Django site and writes its configuration to a file or to standard output. The database's
 * password is written only to a separate file beside the configuration, mode 0600, or 0640 for the daemon's group.
 */
export async function importCommand(
  options: ImportOptions & { write?: string | undefined; export?: true | undefined },
): Promise<void> {
  const site = await importSite(options);
  for (const note of site.notes) say(note);
  if (options.export) {
    exportSite(site);
    return;
  }
  if (options.write === undefined) {
    print(site);
    return;
  }
  write(site, resolve(options.write));
}

/** `djauthd import --install`: writes a site that `--export` has written to the configuration. */
export async function installCommand({ site, write: file }: { site: string; write: string }): Promise<void> {
  write(await readExport(site), resolve(file));
}

function print(site: ImportedSite): void {
  const passwordFile = join(DIRECTORY, passwordName(site.name));
  process.stdout.write(writeSiteTable(tableOf(site, passwordFile, {})));
  if (site.password !== undefined) {
    say(`the database's password is not printed: write it to ${passwordFile}, mode 0600, or use --write`);
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
  parseConfig(result, file); // the whole configuration is checked before anything is written

  const owner = existsSync(file) ? statSync(file) : undefined;
  if (site.password !== undefined) {
    // A credential of systemd is a copy of a file, by convention of this one.
    const secret = oldFile?.startsWith('/') ? oldFile : beside;
    const reader = readerOf(file, owner);
    replaceFile(secret, `${site.password}\n`, { secret: true, ...reader.access });
    say(`wrote the database's password to ${secret}, readable by ${reader.name}`);
  } else if (oldFile !== undefined) {
    say(`the database has no password any more: remove ${oldFile}`);
  }
  replaceFile(file, result, { mode: 0o644 });
  say(`${file}: site "${site.name}" ${old === undefined ? 'added' : 'replaced'}`);
}

/** The site's table; keys of the present one that an import does not write are kept. */
function tableOf(site: ImportedSite, passwordFile: string, present: TomlTable) {
  const chosen = Object.entries(present).filter(([key]) => !IMPORTED_KEYS.includes(key));
  return {
    name: site.name,
    keys: {
      database: site.url,
      ...(site.password === undefined ? {} : { password_file: passwordFile }),
      ...site.keys,
      ...(Object.fromEntries(chosen) as Record<string, string | number>),
    },
    schema: site.schema,
  };
}

/** Who may read the password file: the user whom the daemon runs as, if root writes it. */
function readerOf(file: string, owner: { uid: number; gid: number } | undefined) {
  const user = currentUser();
  if (user.uid !== 0) return { name: user.name, access: { mode: 0o600 } };
  // The owner of the configuration runs the daemon.
  if (owner && owner.uid !== 0) {
    return { name: `user ${owner.uid}`, access: { mode: 0o600, uid: owner.uid, gid: owner.gid } };
  }
  const { unit, user: daemon } = daemonProcess(file, undefined);
  const gid = (unit ? daemon.gid : 0) || owner?.gid || groupId(GROUP);
  if (!gid) return { name: 'root only', access: { mode: 0o600 } };
  return { name: `group ${groupName(gid)}`, access: { mode: 0o640, uid: 0, gid } };
}

/** The name of the site's password file. */
function passwordName(site: string): string {
  return `${encodeURIComponent(site)}.password`;
}

function readText(file: string): string {
  let octets: Buffer;
  try {
    octets = readFileSync(file);
  } catch (error) {
    throw new ImportError(`djauthd: cannot read ${file}: ${messageOf(error)}`);
  }
  const text = octets.toString('utf8');
  // A file that would not be written back as it was is left alone.
  if (!Buffer.from(text).equals(octets)) throw new ConfigError(`${file}: not valid UTF-8`);
  return text;
}

function say(sentence: string): void {
  process.stderr.write(`djauthd: ${sentence}\n`);
}
