import type { Clock } from '../clock.ts';

/** How often the database is asked at most whether it has changed, in ms; less often while it cannot tell. */
const LOOK_MS = 4;
const LOOK_AGAIN_MS = 25;

/** How often it is asked while leases may be out and no question makes the daemon ask, in ms. */
const LEASED_LOOK_MS = 10;

export interface WatchOptions {
  /** Whether anybody has written since this was last called: true also the first time, undefined if that cannot be told. */
  readonly changed: () => boolean | undefined;
  /** Called when somebody has: what was read before may be out of date. */
  readonly onChange: () => void;
  readonly clock: Clock;
  /** Calls back after so many ms. Tests give one. */
  readonly startTimer?: ((callback: () => void, ms: number) => { unref?(): unknown }) | undefined;
}

/**
 * Finds out that somebody has written to a database which does not tell by itself, but can be asked for some
 * microseconds: before a snapshot decides, and from time to time for as long as a lease may decide without the daemon.
 * While the database cannot tell, because it is locked or away, snapshots are as young as their time to live says.
 */
export class Watch {
  readonly #options: WatchOptions;
  #nextAt = Number.NEGATIVE_INFINITY;
  /** Until when a lease may be used, by the clock. */
  #leasedUntil = Number.NEGATIVE_INFINITY;
  #armed = false;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  /** Called before a snapshot is used, at `now` by the clock. */
  look(now: number): void {
    if (now < this.#nextAt) return;
    const { changed, onChange } = this.#options;
    const answer = changed();
    this.#nextAt = now + (answer === undefined ? LOOK_AGAIN_MS : LOOK_MS);
    if (answer === true) onChange();
  }

  /** Called when a lease is given that may be used until then, by the clock. */
  leased(until: number): void {
    if (until > this.#leasedUntil) this.#leasedUntil = until;
    if (!this.#armed) this.#arm();
  }

  #arm(): void {
    const { startTimer = setTimeout } = this.#options;
    this.#armed = true;
    startTimer(this.#tick, LEASED_LOOK_MS).unref?.();
  }

  readonly #tick = (): void => {
    this.#armed = false;
    const now = this.#options.clock.now();
    this.look(now);
    if (now < this.#leasedUntil) this.#arm();
  };
}
