import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { configOf } from '../config/config.ts';
import { readSources } from '../config/sources.ts';
import { daemonProcess } from '../doctor/daemon-process.ts';
import { examineFiles } from '../doctor/files.ts';
import { become } from '../service/system-user.ts';

/** Where systemd puts the credentials of a running unit. */
const CREDENTIALS = '/run/credentials';

/**
 * `djauthd check-config`: whether the configuration can be used. Warns, a line each, of files and directories that the daemon
 * cannot use as they are now; run by root it looks as the user whom the daemon's unit names. No database is asked.
 *
 * Exits 0 even with warnings, because what is missing may come later, and 2 if the daemon would not start.
 */
export function checkConfig(file: string, { unit }: { unit?: string } = {}): void {
  const daemon = daemonProcess(file, unit);
  const credentials = daemon.unit && join(CREDENTIALS, daemon.unit.name);
  if (credentials && existsSync(credentials)) process.env.CREDENTIALS_DIRECTORY ??= credentials;
  const sources = readSources(file);
  const config = configOf(sources);
  if (process.getuid?.() === 0 && daemon.user.uid !== 0) become(daemon.user);
  for (const warning of examineFiles(sources, config, daemon)) process.stderr.write(`${warning}\n`);
  const names = Object.keys(config.sites);
  process.stdout.write(
    `${file}: OK, ${names.length === 1 ? '1 site' : `${names.length} sites`}: ${names.join(', ')}\n`,
  );
}
