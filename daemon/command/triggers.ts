import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readConfig } from '../config/config.ts';
import { ConfigError } from '../config/config-error.ts';
import { daemonProcess } from '../doctor/daemon-process.ts';
import { type SiteTriggers, triggersOf } from '../doctor/triggers.ts';
import { become } from '../service/system-user.ts';
import { databaseOf, loadStores } from '../store/databases.ts';
import { didYouMean } from '../text/suggest.ts';

/** Where systemd puts the credentials of a running unit. */
const CREDENTIALS = '/run/credentials';

/**
 * `djauthd triggers`: prints the SQL that makes a site's database tell of changes, or with `drop` the SQL that removes it.
 * With `check` it prints what is wrong with what is there. It only reads, as the daemon does: by root it is run as the
 * daemon's user.
 *
 * Exits 0; 1 if the database cannot be asked or, with `check`, something is wrong; 2 if the configuration is invalid.
 */
export async function triggers(
  file: string,
  options: { site?: string; drop?: true; check?: true; unit?: string },
): Promise<void> {
  const daemon = daemonProcess(file, options.unit);
  const credentials = daemon.unit && join(CREDENTIALS, daemon.unit.name);
  if (credentials && existsSync(credentials)) process.env.CREDENTIALS_DIRECTORY ??= credentials;
  const { sites } = readConfig(file);
  const names = Object.keys(sites);
  const name = options.site ?? (names.length === 1 ? names[0] : undefined);
  if (name === undefined) throw new ConfigError(`${file}: several sites; name one with --site: ${names.join(', ')}`);
  const site = sites[name];
  if (site === undefined) {
    throw new ConfigError(`${file}: no site "${name}"${didYouMean(name, names)}; configured: ${names.join(', ')}`);
  }
  if (databaseOf(site.database)?.tells !== true) {
    throw new Error(
      `site "${name}": only PostgreSQL tells of changes at COMMIT; the accounts of other databases are as young as ` +
        'cache.account_ttl says',
    );
  }
  await loadStores([site.database]);
  if (process.getuid?.() === 0 && daemon.user.uid !== 0) become(daemon.user);
  const found = await triggersOf(site.database, site.schema);
  if (options.check) check(name, found);
  else if (options.drop) print(name, found.drop, 'removes the triggers of djauthd');
  else {
    const [obstacle] = found.obstacles;
    if (obstacle !== undefined) throw new Error(`site "${name}": ${obstacle}`);
    print(name, found.create, 'makes the database tell djauthd of changes');
  }
}

function check(name: string, { obstacles, problems, mute }: SiteTriggers): void {
  const all = [...obstacles, ...problems, ...(mute === undefined ? [] : [mute])];
  for (const problem of all) process.stdout.write(`site "${name}": ${problem}\n`);
  if (all.length === 0) process.stdout.write(`site "${name}": the triggers are in place\n`);
  else process.exitCode = 1;
}

function print(name: string, statements: readonly string[], what: string): void {
  process.stdout.write(
    `-- Site ${JSON.stringify(name)}: ${what}. It can be run again. Run it as the owner of the tables, usually the role
-- with which Django migrates, or as a superuser, in the site's database.
BEGIN;
SET LOCAL lock_timeout = '5s';
${statements.join('\n')}
COMMIT;
`,
  );
}
