import type { ServiceNotifier } from './sd-notify.ts';

/** What `systemctl status` tells of a daemon. */
export interface Vitals {
  /** Questions answered since the start. */
  readonly checks: number;
  /** Right passwords remembered. */
  readonly proofs: number;
  readonly connections: number;
}

export interface VitalSignsOptions {
  readonly notifier: ServiceNotifier;
  /** Asks the daemon as a client would; resolves when it has answered. */
  readonly ping: () => Promise<void>;
  readonly vitals: () => Vitals;
}

/** How often the status line is written, in ms. */
const STATUS_MS = 10_000;

/**
 * Tells the supervisor at times how the daemon does; and that it lives, whenever it has answered. Twice in the time that
 * the supervisor waits, as sd_watchdog_enabled(3) advises.
 *
 * @returns what ends it
 */
export function showVitalSigns({ notifier, ping, vitals }: VitalSignsOptions): () => void {
  const timers: NodeJS.Timeout[] = [];
  if (notifier.watchdogMs !== undefined) {
    const alive = () => ping().then(() => notifier.alive());
    // What does not answer says nothing, and is ended by the supervisor.
    timers.push(setInterval(() => alive().catch(() => {}), notifier.watchdogMs / 2));
  }
  let before: { at: number; checks: number } | undefined;
  const tell = () => {
    const { checks, proofs, connections } = vitals();
    const at = performance.now();
    const rate = before ? ((checks - before.checks) * 1000) / (at - before.at) : 0;
    before = { at, checks };
    notifier.status(
      `${rate < 10 ? rate.toFixed(1) : rate.toFixed(0)} checks/s, ${proofs} passwords remembered, ${connections} connections`,
    );
  };
  tell();
  timers.push(setInterval(tell, STATUS_MS));
  for (const timer of timers) timer.unref();
  return () => timers.forEach(clearInterval);
}
