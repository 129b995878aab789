/** The length of the window. */
export const WINDOW_SECONDS = 300;

/** One slot more than the window, for the current second. */
const SLOTS = WINDOW_SECONDS + 1;

/**
 * The number of checks in each of the last seconds. A ring buffer written at each check, with the time that the caller
 * already has: it needs no timer and no clock, and allocates nothing.
 */
export class RateWindow {
  /** The second that each slot counts. A slot of an older second counts as zero. */
  readonly #seconds = new Int32Array(SLOTS).fill(-1);
  readonly #checks = new Uint32Array(SLOTS);
  readonly #hashed = new Uint32Array(SLOTS);
  readonly #unanswered = new Uint32Array(SLOTS);

  /**
   * @param unanswered whether the verdict was busy or error
   * @param checks more than one if a client reports what it answered itself since it last asked
   */
  add(nowMs: number, hashed: boolean, unanswered: boolean, checks = 1): void {
    const second = Math.floor(nowMs / 1000);
    const slot = second % SLOTS;
    if (this.#seconds[slot] !== second) {
      this.#seconds[slot] = second;
      this.#checks[slot] = 0;
      this.#hashed[slot] = 0;
      this.#unanswered[slot] = 0;
    }
    this.#checks[slot] = Math.min((this.#checks[slot] as number) + checks, 0xffff_ffff);
    if (hashed) this.#hashed[slot] = (this.#hashed[slot] as number) + 1;
    if (unanswered) this.#unanswered[slot] = (this.#unanswered[slot] as number) + 1;
  }

  /** The counts of the complete seconds, oldest first. */
  report(nowMs: number): Record<'checks' | 'hashed' | 'unanswered', number[]> {
    const current = Math.floor(nowMs / 1000);
    const seconds = Array.from({ length: WINDOW_SECONDS }, (_, index) => current - WINDOW_SECONDS + index);
    const read = (counts: Uint32Array) =>
      seconds.map((second) => {
        const slot = ((second % SLOTS) + SLOTS) % SLOTS;
        return this.#seconds[slot] === second ? (counts[slot] as number) : 0;
      });
    return { checks: read(this.#checks), hashed: read(this.#hashed), unanswered: read(this.#unanswered) };
  }
}
