import type { SdNotifier } from './sd-notify.ts';

/** What `systemctl status` shows of a daemon. */
export interface Vitals {
  /** Questions answered since the start, by clients on lease too. */
  readonly checks: number;
  readonly proofs: number;
  readonly connections: number;
}

export interface HeartbeatOptions {
  readonly notifier: SdNotifier;
  /** Asks the daemon as a client would; resolves when it has answered. */
  readonly ping: () => Promise<void>;
  readonly vitals: () => Vitals;
}

/** How often the status line is written, in ms. */
const STATUS_MS = 10_000;

/**
 * Sends systemd a status line at regular times, and a heartbeat each time the daemon has answered a ping: twice within
 * the watchdog's time, as sd_watchdog_enabled(3) advises.
 *
 * @returns a function that stops it
 */
export function startHeartbeat({ notifier, ping, vitals }: HeartbeatOptions): () => void {
  const timers: NodeJS.Timeout[] = [];
  if (notifier.watchdogMs !== undefined) {
    const beat = () => ping().then(() => notifier.alive());
    // A daemon that does not answer sends nothing, and systemd restarts it.
    timers.push(setInterval(() => beat().catch(() => {}), notifier.watchdogMs / 2));
  }
  let before: { at: number; checks: number } | undefined;
  const report = () => {
    const { checks, proofs, connections } = vitals();
    const at = performance.now();
    const rate = before ? ((checks - before.checks) * 1000) / (at - before.at) : 0;
    before = { at, checks };
    notifier.status(
      `${rate < 10 ? rate.toFixed(1) : rate.toFixed(0)} checks/s, ${proofs} cached proofs, ${connections} connections`,
    );
  };
  report();
  timers.push(setInterval(report, STATUS_MS));
  for (const timer of timers) timer.unref();
  return () => timers.forEach(clearInterval);
}
