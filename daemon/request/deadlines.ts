import type { Clock } from '../clock.ts';
import { Busy } from '../fault.ts';
import type { Wait } from '../wait.ts';

/** A question is told a little before its deadline, so that the answer arrives in time: so many ms, or this share. */
const EARLY_MS = 25;
const EARLY_SHARE = 0.1;

/** A wait's place in the heap. */
export interface Entry {
  readonly wait: Wait;
  readonly at: number;
  index: number;
}

export interface DeadlinesOptions {
  readonly clock: Clock;
  /** Calls back after so many ms. Tests give one. */
  readonly startTimer?: (callback: () => void, ms: number) => { unref?(): unknown };
  readonly stopTimer?: (timer: never) => void;
}

/**
 * Ends the wait of every question at its deadline, whatever the question waits for. One timer for all: a binary heap by
 * time, in which adding and removing cost the logarithm of how many wait.
 */
export class Deadlines {
  readonly #options: Required<DeadlinesOptions>;
  readonly #heap: Entry[] = [];
  #timer: { unref?(): unknown } | undefined;
  /** When the timer calls. */
  #timerAt = Number.POSITIVE_INFINITY;

  constructor({ clock, startTimer = setTimeout, stopTimer = clearTimeout }: DeadlinesOptions) {
    this.#options = { clock, startTimer, stopTimer };
  }

  /** How many questions wait. */
  get size(): number {
    return this.#heap.length;
  }

  add(wait: Wait): Entry {
    const left = wait.deadlineAt - this.#options.clock.now();
    const at = wait.deadlineAt - Math.min(EARLY_MS, left * EARLY_SHARE);
    const entry: Entry = { wait, at, index: this.#heap.length };
    this.#heap.push(entry);
    this.#up(entry);
    this.#arm();
    return entry;
  }

  /** Called when the question is answered. */
  remove(entry: Entry): void {
    if (this.#heap[entry.index] === entry) this.#removeAt(entry.index);
  }

  readonly #expire = (): void => {
    this.#timer = undefined;
    this.#timerAt = Number.POSITIVE_INFINITY;
    const now = this.#options.clock.now();
    for (let first = this.#heap[0]; first !== undefined && first.at <= now; first = this.#heap[0]) {
      this.#removeAt(0);
      first.wait.end(new Busy('deadline', first.wait.outlook?.()));
    }
    this.#arm();
  };

  /** A timer that calls too early, because its question was answered, only starts another one. */
  #arm(): void {
    const at = this.#heap[0]?.at;
    if (at === undefined || at >= this.#timerAt) return;
    const { clock, startTimer, stopTimer } = this.#options;
    if (this.#timer !== undefined) stopTimer(this.#timer as never);
    this.#timerAt = at;
    this.#timer = startTimer(this.#expire, Math.max(0, Math.ceil(at - clock.now())));
    this.#timer.unref?.();
  }

  #removeAt(index: number): void {
    const last = this.#heap.pop() as Entry;
    if (index === this.#heap.length) return;
    last.index = index;
    this.#heap[index] = last;
    this.#up(last);
    this.#down(last);
  }

  #up(entry: Entry): void {
    while (entry.index > 0) {
      const parent = this.#heap[(entry.index - 1) >> 1] as Entry;
      if (parent.at <= entry.at) return;
      this.#swap(parent, entry);
    }
  }

  #down(entry: Entry): void {
    for (;;) {
      const left = this.#heap[2 * entry.index + 1];
      const right = this.#heap[2 * entry.index + 2];
      const least = left !== undefined && right !== undefined && right.at < left.at ? right : left;
      if (least === undefined || least.at >= entry.at) return;
      this.#swap(entry, least);
    }
  }

  /** Exchanges an entry and its child. */
  #swap(parent: Entry, child: Entry): void {
    const { index } = parent;
    parent.index = child.index;
    child.index = index;
    this.#heap[parent.index] = parent;
    this.#heap[child.index] = child;
  }
}
