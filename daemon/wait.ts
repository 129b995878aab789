import type { Busy } from './fault.ts';

/**
 * One question that waits, for a database or for a hash, until it is answered or its wait is over: the client stops
 * waiting, or is gone. What works for it asks `check` after each pause and stops.
 */
export class Wait {
  /** The time at which the client stops waiting, by the daemon's clock. */
  readonly deadlineAt: number;
  /** In how many seconds asking again may help, as whatever it waits for says; undefined if that cannot be told. */
  outlook: (() => number) | undefined;
  #over: Busy | undefined;
  readonly #listeners: ((reason: Busy) => void)[] = [];
  readonly #onDone: (() => void)[] = [];

  constructor(deadlineAt: number) {
    this.deadlineAt = deadlineAt;
  }

  /** Ends the wait, once. */
  end(reason: Busy): void {
    if (this.#over !== undefined) return;
    this.#over = reason;
    for (const listener of this.#listeners.splice(0)) listener(reason);
  }

  /** Calls the listener when the wait is over, at once if it is. */
  whenOver(listener: (reason: Busy) => void): void {
    if (this.#over !== undefined) listener(this.#over);
    else this.#listeners.push(listener);
  }

  /** Called when nothing works for the question any more, which may be long after its wait is over. */
  done(): void {
    for (const listener of this.#onDone.splice(0)) listener();
  }

  /** Calls the listener then. Until then the question takes memory. */
  whenDone(listener: () => void): void {
    this.#onDone.push(listener);
  }

  /** @throws Busy if the wait is over */
  check(): void {
    if (this.#over !== undefined) throw this.#over;
  }
}
