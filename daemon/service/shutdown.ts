import closeWithGrace from 'close-with-grace';
import { messageOf } from '../fault.ts';
import type { Log } from '../log/log.ts';

export interface ShutdownOptions {
  readonly log: Log;
  /** How long `stop` may take, in ms, as of now: a reload may change it. */
  readonly graceMs: () => number;
  readonly stop: () => Promise<void>;
}

/** Signals that have a meaning of their own here, or that must leave the process to the kernel. */
const OTHER_SIGNALS = [
  'SIGHUP',
  'SIGUSR2',
  'SIGQUIT',
  'SIGILL',
  'SIGTRAP',
  'SIGABRT',
  'SIGBUS',
  'SIGFPE',
  'SIGSEGV',
] as const;

/**
 * On SIGTERM and SIGINT: stops, then exits 0. A second signal, or the end of the grace period, exits 1 at once. So does an
 * uncaught error, which is logged: a daemon whose state cannot be trusted must not give another verdict.
 */
export function shutdownOnSignal({ log, graceMs, stop }: ShutdownOptions): void {
  closeWithGrace(
    {
      delay: false,
      logger: false,
      skip: ['beforeExit', ...OTHER_SIGNALS],
      onSecondSignal: (signal) => log.warn(`second signal (${signal}): exiting at once`),
      onSecondError: (error) => log.fatal(`uncaught error: ${messageOf(error)}`),
    },
    async ({ signal, err }) => {
      if (err) {
        log.fatal(`uncaught error: ${messageOf(err)}`);
        process.exit(1);
      }
      log.info(`stopping: ${signal}`);
      const grace = setTimeout(() => {
        log.error('stopped with requests unanswered: shutdown.grace is over');
        process.exit(1);
      }, graceMs());
      await stop().catch((error) => {
        log.error(`cannot stop cleanly: ${messageOf(error)}`);
        process.exit(1);
      });
      clearTimeout(grace);
    },
  );
}
