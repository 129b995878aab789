import { type Clock, monotonic } from '../clock.ts';

/** How long the requests of all connections may take in one turn of the event loop, in ms. */
export const TURN_MS = 10;

/**
 * Shares the event loop among connections: when the requests of a turn have taken TURN_MS, the others wait for the next
 * turn, in the order in which they came. In between, timers fire, replies leave and other sockets are read, whatever
 * any client sends.
 */
export class Turns {
  readonly #clock: Clock;
  readonly #waiting: (() => void)[] = [];
  /** When this turn's first request was taken; undefined: none was. */
  #beganAt: number | undefined;

  /** When somebody looked last, by this clock: near enough for what counts seconds. */
  lookedAt: number;

  constructor(clock: Clock = monotonic) {
    this.#clock = clock;
    this.lookedAt = clock.now();
  }

  now(): number {
    return this.#clock.now();
  }

  /** Whether this turn's time is used up. */
  get over(): boolean {
    const now = this.#clock.now();
    this.lookedAt = now;
    if (this.#beganAt === undefined) {
      this.#beganAt = now;
      setImmediate(this.#next);
    }
    return now - this.#beganAt >= TURN_MS;
  }

  /** Runs work in a later turn, after what waits already. */
  later(work: () => void): void {
    this.#waiting.push(work);
    if (this.#beganAt === undefined) {
      this.#beganAt = this.#clock.now();
      setImmediate(this.#next);
    }
  }

  readonly #next = (): void => {
    this.#beganAt = undefined;
    // What is put behind the others by this very loop waits for the next turn too.
    for (let count = this.#waiting.length; count > 0 && !this.over; count--) (this.#waiting.shift() as () => void)();
    if (this.#waiting.length > 0 && this.#beganAt === undefined) {
      this.#beganAt = this.#clock.now();
      setImmediate(this.#next);
    }
  };
}
