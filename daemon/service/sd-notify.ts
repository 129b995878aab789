import { messageOf } from '../fault.ts';
import type { Log } from '../log/log.ts';
import { loadAddon } from '../native/addon.ts';

interface Addon {
  notify(path: string, text: string, fd: number): void;
}

/** Tells systemd about the state of this process, as sd_notify(3). */
export class SdNotifier {
  /** How long systemd waits for a heartbeat, in ms; undefined without a watchdog. */
  readonly watchdogMs: number | undefined;
  /** Whether anybody listens. */
  readonly isManaged: boolean;
  readonly #send: (text: string, fd?: number) => void;
  #lastStatus: string | undefined;

  constructor(send?: (text: string, fd?: number) => void, watchdogMs?: number) {
    this.isManaged = send !== undefined;
    this.#send = send ?? (() => {});
    this.watchdogMs = watchdogMs;
  }

  /**
   * The notifier that `NOTIFY_SOCKET` and `WATCHDOG_USEC` ask for. They are removed from the environment: child processes
   * have nothing to report.
   */
  static fromEnvironment(environment: NodeJS.ProcessEnv, log: Log): SdNotifier {
    const { NOTIFY_SOCKET: path, WATCHDOG_USEC: usec, WATCHDOG_PID: pid } = environment;
    for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete environment[name];
    if (!path) return new SdNotifier();
    const watched = Number(usec) > 0 && (pid === undefined || Number(pid) === process.pid);
    try {
      const addon = loadAddon<Addon>('notify');
      let failed = false;
      const send = (text: string, fd = -1) => {
        try {
          addon.notify(path, text, fd);
          failed = false;
        } catch (error) {
          if (!failed) log.warn(`cannot notify systemd at ${path}: ${messageOf(error)}`);
          failed = true;
        }
      };
      return new SdNotifier(send, watched ? Number(usec) / 1000 : undefined);
    } catch (error) {
      log.error(`cannot notify systemd that the daemon is ready: ${messageOf(error)}`);
      return new SdNotifier();
    }
  }

  ready(): void {
    this.#send('READY=1');
  }

  /** Before a reload; `ready` ends it. */
  reloading(): void {
    // hrtime is CLOCK_MONOTONIC, the clock that systemd compares it with.
    this.#send(`RELOADING=1\nMONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
  }

  stopping(): void {
    this.#send('STOPPING=1');
  }

  /** One line that `systemctl status` shows. */
  status(text: string): void {
    if (text === this.#lastStatus) return;
    this.#lastStatus = text;
    this.#send(`STATUS=${text.replaceAll('\n', ' ')}`);
  }

  /**
   * Hands a descriptor to the service manager, which passes it to the next process of the service under this name. A
   * manager that keeps none ignores it.
   */
  keep(name: string, fd: number): void {
    // Not watched: it would be dropped when it can be read, and memory always can.
    this.#send(`FDSTORE=1\nFDNAME=${name}\nFDPOLL=0`, fd);
  }

  forget(name: string): void {
    this.#send(`FDSTOREREMOVE=1\nFDNAME=${name}`);
  }

  alive(): void {
    this.#send('WATCHDOG=1');
  }
}
