import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ConfigError, parseConfig, readConfig } from '../config/config.ts';
import { withPassword } from '../config/password-file.ts';
import type { Config, SiteConfig } from '../config/schema.ts';
import { Daemon } from '../daemon.ts';
import { messageOf } from '../fault.ts';
import { startHashWorker } from '../hasher/start-worker.ts';
import type { ImportedSite, ImportOptions } from '../import/imported-site.ts';
import { openLog } from '../log/log.ts';
import type { Report } from '../metrics/report.ts';
import { showVitalSigns, type Vitals } from '../service/heartbeat.ts';
import { ServiceNotifier } from '../service/sd-notify.ts';
import { stopOnSignal } from '../service/shutdown.ts';
import { type PassedSockets, takePassedSockets } from '../service/socket-activation.ts';
import { ListenError } from '../socket/listener.ts';
import { VERSION } from '../version.ts';

/**
 * `djauthd serve`: answers until it is told to stop. Exits 0 after SIGTERM, 2 where the configuration or a socket
 * cannot be used. SIGHUP reads the configuration anew.
 */
export function serve(file: string): Promise<void> {
  return run({ name: file, config: readConfig(file), reload: () => readConfig(file) });
}

/**
 * `djauthd serve --django`: imports a site and answers for it, for trying out. Nothing is written; without `socket` it
 * is in a directory of its own, which goes at the end.
 */
export async function serveDjango(options: ImportOptions & { socket?: string | undefined }) {
  const { importSite } = await import('../import/imported-site.ts');
  const { writeSiteTable } = await import('../import/site-table.ts');
  const site = await importSite(options);
  for (const note of site.notes) process.stderr.write(`djauthd: ${note}\n`);
  const socket = options.socket === undefined ? privateSocket() : resolve(options.socket);
  const table = writeSiteTable({ ...site, keys: { database: site.url, ...site.hasherKeys } });
  process.stdout.write(`site   ${site.name}\nsocket ${socket}\n`);
  await run({
    name: options.settings,
    config: configOf(site, socket, table),
    reload: () => {
      throw new Error('serve --django imports once: start it again');
    },
  });
}

function privateSocket(): string {
  const directory = mkdtempSync(join(process.env.XDG_RUNTIME_DIR || tmpdir(), 'djauthd-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  return join(directory, 'auth.sock');
}

function configOf(site: ImportedSite, socket: string, table: string): Config {
  const config = parseConfig(`[listen]\nsocket = ${JSON.stringify(socket)}\n${table}`, `serve --django ${site.name}`);
  if (site.password === undefined) return config;
  const own = config.sites[site.name] as SiteConfig;
  return { ...config, sites: { [site.name]: { ...own, database: withPassword(own.database, site.password) } } };
}

interface Service {
  /** What the configuration is called in messages. */
  readonly name: string;
  readonly config: Config;
  /** Reads the configuration anew; throws where it cannot be used. */
  readonly reload: () => Config;
}

async function run({ name, config, reload }: Service): Promise<void> {
  const log = openLog(config.log.level);
  const notifier = ServiceNotifier.fromEnvironment(process.env, log);
  const daemon = new Daemon({
    config,
    log,
    startWorker: startHashWorker,
    reload,
    passed: passedSockets(name),
  });
  try {
    await daemon.start();
  } catch (error) {
    if (!(error instanceof ListenError)) throw error;
    throw new ConfigError(`${name}: listen: ${error.message}`);
  }
  const rest = showVitalSigns({
    notifier,
    ping: () => daemon.ping(),
    vitals: () => vitalsOf(daemon.report()),
  });
  const stop = () => {
    rest();
    notifier.stopping();
    return daemon.stop();
  };
  stopOnSignal({ log, graceMs: config.shutdown.grace, stop });
  process.on('SIGHUP', () => {
    notifier.reloading();
    daemon
      .reload()
      .then(
        () => log.info(`${name}: read anew`),
        (error) => log.error(`the configuration is not taken, the old one stays: ${messageOf(error)}`),
      )
      .finally(() => notifier.ready());
  });
  // Node would open a debugger, and with it the memory, to anybody who can send this signal and reach its port.
  process.on('SIGUSR1', () => log.warn('SIGUSR1 does nothing'));
  log.info({ sites: Object.keys(config.sites), socket: config.listen.socket }, `djauthd ${VERSION} is ready`);
  notifier.ready();
}

/** @throws ConfigError */
function passedSockets(name: string): PassedSockets {
  try {
    return takePassedSockets(process.env);
  } catch (error) {
    throw new ConfigError(`${name}: listen: ${messageOf(error)}`);
  }
}

function vitalsOf({ verdicts, proofs, connections }: Report): Vitals {
  const checks = Object.values(verdicts).reduce((sum, count) => sum + count, 0);
  return { checks, proofs, connections: connections.open };
}
