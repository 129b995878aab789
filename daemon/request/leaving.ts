import type { Clock } from '../clock.ts';

/** When a denial leaves: `hash.denial_grid` and `hash.denial_hold`. */
export interface DenialTimes {
  /** In ms; 0: a denial leaves as soon as it is known. */
  readonly gridMs: number;
  /** How long a denial waits at most after its hash began, in ms. */
  readonly holdMs: number;
}

/** A hash that a denial took. */
export interface Hashed {
  /** When a hash worker began with it. */
  readonly startedAt: number;
  /** How long one of this site takes at most, in ms. */
  readonly upperMs: number;
}

export interface Denial {
  /** When its question arrived, by the daemon's clock, as the other times. */
  readonly arrivedAt: number;
  readonly decidedAt: number;
  /** The time at which the client stops waiting. */
  readonly deadlineAt: number;
  /** undefined if a proof denied it. */
  readonly hashed: Hashed | undefined;
}

/**
 * When a denial leaves: at a time that everything which takes part in it has ended by, whatever the account.
 *
 * First, a whole number of steps after the question *arrived*: one for a denial from memory or the database, and so many
 * for a hashed one that the dearest hash of the site has ended. Only then the next moment of a grid that is the same for all
 * questions. Rounding to that grid alone would let the client choose by the moment at which it asks whether a small
 * difference of work falls before or after a step.
 */
export function leavesAt(
  { arrivedAt, decidedAt, deadlineAt, hashed }: Denial,
  { gridMs, holdMs }: DenialTimes,
): number {
  if (gridMs <= 0) return decidedAt;
  const endsAt = hashed === undefined ? decidedAt : hashed.startedAt + Math.min(hashed.upperMs, holdMs);
  const steps = Math.max(1, Math.ceil((Math.max(decidedAt, endsAt) - arrivedAt) / gridMs));
  const leaves = Math.ceil((arrivedAt + steps * gridMs) / gridMs) * gridMs;
  // The reply must still reach its client.
  const latest = deadlineAt - gridMs;
  return leaves <= latest ? leaves : Math.max(decidedAt, Math.floor(latest / gridMs) * gridMs);
}

/** How a queue waits; a test has its own. */
export interface Waiting {
  /** Calls back after about so many whole ms, not much later. */
  after(ms: number, then: () => void): () => void;
  /** Calls back when the event loop has looked for what else there is to do. */
  soon(then: () => void): () => void;
}

const BY_THE_EVENT_LOOP: Waiting = {
  after(ms, then) {
    const timer = setTimeout(then, ms);
    return () => clearTimeout(timer);
  },
  soon(then) {
    const immediate = setImmediate(then);
    return () => clearImmediate(immediate);
  },
};

/**
 * How much too early a timer goes off, in ms. Timers wait for whole milliseconds from the moment at which they are set: a
 * fraction of the time at which a denial was known would show in the time at which it leaves. The rest is waited for by
 * looking at the clock, which is done once for all that leave at the same moment.
 */
const EARLY_MS = 0.25;

/** Denials that wait for their time. What they wait for was computed, wiped and logged before. */
export class LeavingQueue<Reply> {
  readonly #clock: Clock;
  readonly #waiting: Waiting;
  /** By the time at which they leave: at most as many as there are steps of the grid in a hold. */
  readonly #slots = new Map<number, { readonly arrivedAt: number; readonly leave: () => void }[]>();
  #size = 0;
  #next = Number.POSITIVE_INFINITY;
  #cancel: () => void = () => {};

  constructor(clock: Clock, waiting: Waiting = BY_THE_EVENT_LOOP) {
    this.#clock = clock;
    this.#waiting = waiting;
  }

  /** How many wait. */
  get size(): number {
    return this.#size;
  }

  /** Resolves with the reply at that time, not before. Those of one moment leave in the order in which they arrived. */
  hold(reply: Reply, arrivedAt: number, leavesAt: number): Promise<Reply> {
    return new Promise((resolve) => {
      const slot = this.#slots.get(leavesAt) ?? [];
      slot.push({ arrivedAt, leave: () => resolve(reply) });
      this.#slots.set(leavesAt, slot);
      this.#size++;
      if (leavesAt < this.#next) this.#wait(leavesAt);
    });
  }

  #wait(at: number): void {
    this.#next = at;
    this.#cancel();
    const ms = Math.floor(at - this.#clock.now() - EARLY_MS);
    this.#cancel = ms >= 1 ? this.#waiting.after(ms, this.#look) : this.#waiting.soon(this.#look);
  }

  readonly #look = (): void => {
    const now = this.#clock.now();
    if (now < this.#next) {
      this.#wait(this.#next);
      return;
    }
    const due = [...this.#slots.keys()].filter((at) => at <= now).sort((a, b) => a - b);
    for (const at of due) {
      const slot = this.#slots.get(at) ?? [];
      this.#slots.delete(at);
      this.#size -= slot.length;
      // Not in the order in which they were known.
      slot.sort((a, b) => a.arrivedAt - b.arrivedAt);
      for (const { leave } of slot) leave();
    }
    this.#next = Number.POSITIVE_INFINITY;
    let next = Number.POSITIVE_INFINITY;
    for (const at of this.#slots.keys()) next = Math.min(next, at);
    if (next < Number.POSITIVE_INFINITY) this.#wait(next);
  };
}
