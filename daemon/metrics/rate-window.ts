/** How many seconds back it can be told how much there was to do. */
export const RECENT_SECONDS = 300;

/** One for the second that is not over. */
const ROOM = RECENT_SECONDS + 1;

/**
 * How many checks each of the last seconds had. A ring that is written as checks come, by the time that the caller has
 * already: no timer, no clock, nothing allocated.
 */
export class RateWindow {
  /** Which second each place is about; what is of an older one counts as nothing. */
  readonly #seconds = new Int32Array(ROOM).fill(-1);
  readonly #checks = new Uint32Array(ROOM);
  readonly #hashed = new Uint32Array(ROOM);

  add(nowMs: number, hashed: boolean): void {
    const second = Math.floor(nowMs / 1000);
    const at = second % ROOM;
    if (this.#seconds[at] !== second) {
      this.#seconds[at] = second;
      this.#checks[at] = 0;
      this.#hashed[at] = 0;
    }
    this.#checks[at] = (this.#checks[at] as number) + 1;
    if (hashed) this.#hashed[at] = (this.#hashed[at] as number) + 1;
  }

  /** The seconds that are over, the oldest first. */
  report(nowMs: number): { readonly checks: number[]; readonly hashed: number[] } {
    const present = Math.floor(nowMs / 1000);
    const seconds = Array.from({ length: RECENT_SECONDS }, (_, at) => present - RECENT_SECONDS + at);
    const read = (counts: Uint32Array) =>
      seconds.map((second) => {
        const at = ((second % ROOM) + ROOM) % ROOM;
        return this.#seconds[at] === second ? (counts[at] as number) : 0;
      });
    return { checks: read(this.#checks), hashed: read(this.#hashed) };
  }
}
