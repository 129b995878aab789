import { Worker } from 'node:worker_threads';
import { ConfigError, readConfig } from '../config/config.ts';
import { Daemon } from '../daemon.ts';
import { messageOf } from '../fault.ts';
import { openLog } from '../log.ts';
import { stopOnSignal } from '../shutdown.ts';
import { ListenError } from '../socket/listener.ts';
import { VERSION } from '../version.ts';

/**
 * `djauthd serve`: answers until it is told to stop. Exits 0 after SIGTERM, 2 where the configuration or a socket
 * cannot be used. SIGHUP reads the configuration anew.
 */
export async function serve(file: string, program: string): Promise<void> {
  const config = readConfig(file);
  const { log, flush } = openLog(config.log.level);
  const daemon = new Daemon({
    config,
    log,
    startWorker: () => new Worker(program),
    reload: () => readConfig(file),
  });
  try {
    await daemon.start();
  } catch (error) {
    if (!(error instanceof ListenError)) throw error;
    throw new ConfigError(`${file}: listen: ${error.message}`);
  }
  stopOnSignal({ log, flushLog: flush, graceMs: config.shutdown.grace, stop: () => daemon.stop() });
  process.on('SIGHUP', () => {
    daemon.reload().then(
      () => log.info(`${file}: read anew`),
      (error) => log.error(`the configuration is not taken, the old one stays: ${messageOf(error)}`),
    );
  });
  // Node would open a debugger, and with it the memory, to anybody who can send this signal and reach its port.
  process.on('SIGUSR1', () => log.warn('SIGUSR1 does nothing'));
  log.info({ sites: Object.keys(config.sites), socket: config.listen.socket }, `djauthd ${VERSION} is ready`);
}
