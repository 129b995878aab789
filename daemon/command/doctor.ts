import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { configOf } from '../config/config.ts';
import { readSources } from '../config/sources.ts';
import { loadCatalogs } from '../doctor/catalogs.ts';
import { daemonProcess } from '../doctor/daemon-process.ts';
import { examine, writeReport } from '../doctor/report.ts';
import { become } from '../service/system-user.ts';

/** Where systemd puts the credentials of a running unit. */
const CREDENTIALS = '/run/credentials';

/**
 * `djauthd doctor`: reports on standard output whether the sites of a configuration can be served, with all findings. Run
 * by root it first becomes the user whom the daemon's unit names, with its groups, and so sees what the daemon sees.
 *
 * Exits 0 without problems, even with warnings, 1 with a problem, 2 if the configuration is invalid.
 */
export async function doctor(file: string, options: { json: boolean; unit?: string }): Promise<void> {
  const daemon = daemonProcess(file, options.unit);
  const credentials = daemon.unit && join(CREDENTIALS, daemon.unit.name);
  if (credentials && existsSync(credentials)) process.env.CREDENTIALS_DIRECTORY ??= credentials;
  const sources = readSources(file);
  const config = configOf(sources);
  await loadCatalogs(Object.values(config.sites).map((site) => site.database));
  if (process.getuid?.() === 0 && daemon.user.uid !== 0) become(daemon.user);
  const report = await examine(sources, config, daemon);
  process.stdout.write(options.json ? `${JSON.stringify(report, undefined, 2)}\n` : writeReport(report));
  process.exitCode = report.problems > 0 ? 1 : 0;
}
