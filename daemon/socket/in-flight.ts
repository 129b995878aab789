/** What a question in flight costs beside the octets of its frame, in octets: promises, timers, a query. */
const QUESTION_OCTETS = 2_048;

/** The octets of a chunk that is kept whatever else is. */
const SHORT = 4_096;

/** A connection, as far as it waits for others. */
export interface Holder {
  /** Looks again whether it may go on. */
  wake(): void;
}

/**
 * The octets of requests in flight, of all connections together. From the limit on, a connection that has its share of
 * them is read no further; from twice the limit on, none is. What is in flight ends by itself, so whoever waits here is
 * woken, in the order in which they came.
 *
 * Octets of a chunk that a connection has read and not yet taken are counted apart, up to the limit too.
 */
export class InFlight {
  limit: number;
  #octets = 0;
  /** How many connections have something in flight. */
  #holders = 0;
  #unread = 0;
  /** Those with a share in flight, and those with nothing. */
  readonly #sharers = new Set<Holder>();
  readonly #newcomers = new Set<Holder>();

  constructor(limit: number) {
    this.limit = limit;
  }

  get octets(): number {
    return this.#octets;
  }

  /** How many connections wait. */
  get waiting(): number {
    return this.#sharers.size + this.#newcomers.size;
  }

  /** Counts a request of a frame of `octets`, beside `own` of the same connection. Returns the new `own`. */
  add(octets: number, own: number): number {
    if (own === 0) this.#holders++;
    this.#octets += octets + QUESTION_OCTETS;
    return own + octets + QUESTION_OCTETS;
  }

  /** Counts it no more. Returns the new `own`; `wakeOthers` is due when the caller has stored it. */
  remove(octets: number, own: number): number {
    const rest = own - octets - QUESTION_OCTETS;
    if (rest === 0) this.#holders--;
    this.#octets -= octets + QUESTION_OCTETS;
    return rest;
  }

  /** Wakes those who may go on: at a quarter below the limit, so that they are not woken one question at a time. */
  wakeOthers(): void {
    if (this.#sharers.size > 0 && this.#octets <= 0.75 * this.limit) wake(this.#sharers);
    if (this.#newcomers.size > 0 && this.#octets <= 1.75 * this.limit) wake(this.#newcomers);
  }

  /** Whether a connection with `own` octets in flight may take no request now. */
  isFull(own: number): boolean {
    if (this.#octets < this.limit) return false;
    if (this.#octets >= 2 * this.limit) return true;
    return own > 0 && own >= this.limit / this.#holders;
  }

  /** Wakes a connection when it may take requests again. */
  wait(holder: Holder, own: number): void {
    (own === 0 ? this.#newcomers : this.#sharers).add(holder);
  }

  leave(holder: Holder): void {
    this.#sharers.delete(holder);
    this.#newcomers.delete(holder);
  }

  /** Counts a chunk that must wait; false if that is too much. An honest client's is short, and is always kept. */
  keepChunk(octets: number): boolean {
    this.#unread += octets;
    return octets <= SHORT || this.#unread <= this.limit;
  }

  dropChunk(octets: number): void {
    this.#unread -= octets;
  }
}

function wake(waiting: Set<Holder>): void {
  const all = [...waiting];
  waiting.clear();
  for (const holder of all) holder.wake();
}
