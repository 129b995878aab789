/** A connection with octets that only its peer can release. */
export interface Staller {
  /** Ends the connection at once. */
  giveWay(): void;
}

/**
 * The octets of frames that are incomplete and of replies that are not read, of all connections together. Above the
 * limit the connection that has stalled longest gives way: a client that is alive completes a frame within milliseconds.
 */
export class Stalled {
  limit: number;
  #octets = 0;
  /** In the order in which they stalled. */
  readonly #stallers = new Map<Staller, number>();

  constructor(limit: number) {
    this.limit = limit;
  }

  get octets(): number {
    return this.#octets;
  }

  /** A connection has so many octets now; 0: it does not stall. `anew`: it stalls since now and not since before. */
  set(staller: Staller, octets: number, anew = false): void {
    const before = this.#stallers.get(staller) ?? 0;
    this.#octets += octets - before;
    if (octets === 0 || anew) this.#stallers.delete(staller);
    if (octets > 0) this.#stallers.set(staller, octets);
    while (this.#octets > this.limit) {
      const oldest = this.#stallers.keys().next().value as Staller;
      this.#octets -= this.#stallers.get(oldest) as number;
      this.#stallers.delete(oldest);
      oldest.giveWay();
    }
  }
}
