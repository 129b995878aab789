import { chmodSync, chownSync, existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { TomlTable } from 'smol-toml';
import { parseConfig } from '../config/config.ts';
import { readSources, siteFileOf } from '../config/sources.ts';
import { daemonProcess } from '../doctor/daemon-process.ts';
import { messageOf } from '../fault.ts';
import { replaceFile } from '../import/atomic-file.ts';
import { exportSite, readExport } from '../import/export.ts';
import { ImportError } from '../import/import-error.ts';
import { type ImportedSite, type ImportOptions, importSite } from '../import/imported-site.ts';
import { IMPORTED_KEYS, writeSiteTable } from '../import/site-table.ts';
import { currentUser, groupName } from '../service/system-user.ts';
import { groupId } from '../socket/group.ts';

/** The sockets of a new configuration. */
const LISTEN = '[listen]\nsocket = "/run/djauthd/auth.sock"\ncontrol = "/run/djauthd/control.sock"\n';

/** The first line of a site's file. */
const HEAD =
  '# Written by "djauthd import", which keeps keys that it does not write itself, such as timeout, and no comments.\n';

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

/**
 * Writes the site to a file of its own in `sites.d`. The configuration itself is read, and made if there is none, but not
 * edited.
 */
function write(site: ImportedSite, file: string): void {
  const own = siteFileOf(file, site.name);
  const present = existsSync(file) ? readSources(file) : undefined;
  const old = ((present?.document.sites ?? {}) as Record<string, TomlTable>)[site.name];
  const home = present?.fileOf(site.name);
  if (old !== undefined && home !== own) {
    const section = `[sites.${JSON.stringify(site.name)}…]`;
    throw new ImportError(
      `djauthd: ${home} has site "${site.name}" already: move its sections ${section} to ${own} and import again`,
    );
  }

  const beside = join(dirname(file), passwordName(site.name));
  const oldFile = typeof old?.password_file === 'string' ? old.password_file : undefined;
  const written = writeSiteTable(tableOf(site, oldFile ?? beside, old ?? {}));
  parseConfig(`${LISTEN}\n${written}`, own); // checked before anything is written

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
  makeDirectory(dirname(own), owner);
  replaceFile(own, `${HEAD}\n${written}`, owner ?? { mode: 0o644 }); // read by whoever may read the configuration
  if (owner === undefined) replaceFile(file, LISTEN, { mode: 0o644 });
  say(`${own}: site "${site.name}" ${old === undefined ? 'added' : 'replaced'}`);
}

/** Everybody may read it, as the files in it. It belongs to the owner of the configuration. @throws ImportError */
function makeDirectory(directory: string, owner: { uid: number; gid: number } | undefined): void {
  if (existsSync(directory)) return;
  try {
    mkdirSync(directory);
    chmodSync(directory, 0o755);
    if (owner) chownSync(directory, owner.uid, owner.gid);
  } catch (error) {
    throw new ImportError(`djauthd: cannot make ${directory}: ${messageOf(error)}`);
  }
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

function say(sentence: string): void {
  process.stderr.write(`djauthd: ${sentence}\n`);
}
