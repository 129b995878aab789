import { messageOf } from '../fault.ts';
import type { Log } from '../log/log.ts';
import { loadAddon } from '../native/addon.ts';

interface Addon {
  notify(path: string, text: string): void;
}

/** Tells whoever supervises this process how it is, as sd_notify(3). */
export class ServiceNotifier {
  /** How long may pass between two signs of life, in ms; undefined where nobody waits for them. */
  readonly watchdogMs: number | undefined;
  readonly #send: (text: string) => void;
  #said: string | undefined;

  constructor(send: (text: string) => void, watchdogMs?: number) {
    this.#send = send;
    this.watchdogMs = watchdogMs;
  }

  /**
   * The one that `NOTIFY_SOCKET` and `WATCHDOG_USEC` ask for. They are taken out of the environment: what is started
   * from here has nothing to tell.
   */
  static fromEnvironment(environment: NodeJS.ProcessEnv, log: Log): ServiceNotifier {
    const { NOTIFY_SOCKET: path, WATCHDOG_USEC: usec, WATCHDOG_PID: pid } = environment;
    for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete environment[name];
    if (!path) return new ServiceNotifier(() => {});
    const watched = Number(usec) > 0 && (pid === undefined || Number(pid) === process.pid);
    try {
      const addon = loadAddon<Addon>('notify');
      let failed = false;
      const send = (text: string) => {
        try {
          addon.notify(path, text);
          failed = false;
        } catch (error) {
          if (!failed) log.warn(`the supervisor at ${path} is not told: ${messageOf(error)}`);
          failed = true;
        }
      };
      return new ServiceNotifier(send, watched ? Number(usec) / 1000 : undefined);
    } catch (error) {
      log.error(`the supervisor cannot be told that this is ready: ${messageOf(error)}`);
      return new ServiceNotifier(() => {});
    }
  }

  ready(): void {
    this.#send('READY=1');
  }

  /** Before the configuration is read anew; `ready` ends it. */
  reloading(): void {
    // hrtime is CLOCK_MONOTONIC, which systemd compares with its own.
    this.#send(`RELOADING=1\nMONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
  }

  stopping(): void {
    this.#send('STOPPING=1');
  }

  /** One line that `systemctl status` shows. */
  status(text: string): void {
    if (text === this.#said) return;
    this.#said = text;
    this.#send(`STATUS=${text.replaceAll('\n', ' ')}`);
  }

  alive(): void {
    this.#send('WATCHDOG=1');
  }
}
