import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseConfig, readConfig } from '../config/config.ts';
import { ConfigError } from '../config/config-error.ts';
import { withPassword } from '../config/password-file.ts';
import type { Config, SiteConfig } from '../config/schema.ts';
import { Daemon } from '../daemon.ts';
import { messageOf } from '../fault.ts';
import { startHashWorker } from '../hasher/start-worker.ts';
import type { ImportedSite, ImportOptions } from '../import/imported-site.ts';
import { openLog } from '../log/log.ts';
import type { Report } from '../metrics/report.ts';
import { protectMemory } from '../native/memory.ts';
import { startHeartbeat, type Vitals } from '../service/heartbeat.ts';
import { KeptMemory } from '../service/kept-memory.ts';
import { SdNotifier } from '../service/sd-notify.ts';
import { shutdownOnSignal } from '../service/shutdown.ts';
import { KEPT, type PassedDescriptors, takeDescriptors } from '../service/socket-activation.ts';
import { ListenError } from '../socket/listener.ts';
import { VERSION } from '../version.ts';

/**
 * `djauthd serve`: answers until SIGTERM, then exits 0. Exits 2 if the configuration or a socket cannot be used. SIGHUP
 * reloads the configuration.
 */
export function serve(file: string): Promise<void> {
  const unprotected = protectMemory(); // before there is a secret in it
  return run({ name: file, config: readConfig(file), readConfig: () => readConfig(file), unprotected });
}

/**
 * `djauthd serve --django`: imports a site and serves it, to try djauthd out. Nothing is written; without `socket` the
 * socket is in a private directory, which is removed at the end.
 */
export async function serveDjango(options: ImportOptions & { socket?: string | undefined }) {
  const unprotected = protectMemory();
  const { importSite } = await import('../import/imported-site.ts');
  const { writeSiteTable } = await import('../import/site-table.ts');
  const site = await importSite(options);
  for (const note of site.notes) process.stderr.write(`djauthd: ${note}\n`);
  const socket = options.socket === undefined ? privateSocket() : resolve(options.socket);
  const table = writeSiteTable({ ...site, keys: { database: site.url, ...site.keys } });
  process.stdout.write(`site   ${site.name}\nsocket ${socket}\n`);
  await run({
    name: options.settings,
    config: configOf(site, socket, table),
    readConfig: () => {
      throw new Error('serve --django imports the site once, at start: restart it');
    },
    unprotected,
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
  /** Reads the configuration again; throws if it cannot be used. */
  readonly readConfig: () => Config;
  /** A sentence if other processes can read the memory of this one. */
  readonly unprotected: string | undefined;
}

async function run({ name, config, readConfig, unprotected }: Service): Promise<void> {
  const log = openLog(config.log.level);
  if (unprotected !== undefined) log.warn(unprotected);
  const notifier = SdNotifier.fromEnvironment(process.env, log);
  const { [KEPT]: passed, ...activated } = passedDescriptors(name);
  const source = new KeptMemory({ notifier, log, passed });
  const daemon = new Daemon({ config, log, startWorker: startHashWorker, readConfig, activated, notifier, source });
  let stopHeartbeat = () => {};
  // Before anything is started: a signal that comes early has its turn then, and does not kill the process.
  shutdownOnSignal({
    log,
    graceMs: () => daemon.config.shutdown.grace,
    stop: () => {
      stopHeartbeat();
      notifier.stopping();
      return daemon.stop();
    },
  });
  // The reload is logged where it is done, as one of `djauthd reload` is.
  process.on('SIGHUP', () => daemon.reload().catch(() => {}));
  // By default Node would open a debugger, and with it the memory, to any process that can send this signal.
  process.on('SIGUSR1', () => log.warn('SIGUSR1 is ignored'));
  try {
    await daemon.start();
  } catch (error) {
    if (daemon.stopping) return; // the process exits when `stop` is done
    if (!(error instanceof ListenError)) throw error;
    throw new ConfigError(`${name}: listen: ${error.message}`);
  }
  stopHeartbeat = startHeartbeat({
    notifier,
    ping: () => daemon.ping(),
    vitals: () => vitalsOf(daemon.report()),
  });
  log.info({ sites: Object.keys(config.sites), socket: config.listen.socket }, `djauthd ${VERSION} ready`);
  notifier.ready();
}

/** @throws ConfigError */
function passedDescriptors(name: string): PassedDescriptors {
  try {
    return takeDescriptors(process.env);
  } catch (error) {
    throw new ConfigError(`${name}: listen: ${messageOf(error)}`);
  }
}

function vitalsOf({ verdicts, leased, proofs, connections }: Report): Vitals {
  const checks = Object.values(verdicts).reduce((sum, count) => sum + count, leased);
  return { checks, proofs, connections: connections.open };
}
