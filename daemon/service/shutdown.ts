import closeWithGrace from 'close-with-grace';
import { messageOf } from '../fault.ts';
import type { Log } from '../log/log.ts';

export interface ShutdownOptions {
  readonly log: Log;
  /** How long `stop` may take, in ms. */
  readonly graceMs: number;
  readonly stop: () => Promise<void>;
}

/**
 * On SIGTERM and SIGINT: stops, then exits 0. A second signal, or the end of the grace, exits 1 at once. What nobody
 * caught is logged and ends the process likewise, for a state that cannot be trusted must not give verdicts.
 */
export function stopOnSignal({ log, graceMs, stop }: ShutdownOptions): void {
  closeWithGrace(
    {
      delay: graceMs,
      logger: false,
      skip: [
        'beforeExit',
        'SIGHUP',
        'SIGUSR2',
        'SIGQUIT',
        'SIGILL',
        'SIGTRAP',
        'SIGABRT',
        'SIGBUS',
        'SIGFPE',
        'SIGSEGV',
      ],
      onSecondSignal: () => log.warn('a second signal: leaving at once'),
      onTimeout: () => log.error('not everything could be answered within shutdown.grace'),
    },
    async ({ signal, err }) => {
      if (err) log.fatal(`an error that nobody caught: ${messageOf(err)}`);
      else log.info(`${signal ?? 'the end'}: answering what is in flight, then leaving`);
      await stop();
    },
  );
}
