import { type Asked, FairQueue } from './fair-queue.ts';
import { Shares } from './shares.ts';

/**
 * The queues in front of the workers. `returning`: the password was granted before. Of strangers, `greylisted`: the same
 * question was turned away a moment ago; `other`: all the rest.
 */
export const LANES = ['returning', 'greylisted', 'other'] as const;
export type Lane = (typeof LANES)[number];

/** The lane of a question: of a user who returns, or one that was turned away, which is asked only if need be. */
export function laneOf(returns: boolean, turnedAway: () => boolean): Lane {
  return returns ? 'returning' : turnedAway() ? 'greylisted' : 'other';
}

export interface Laned extends Asked {
  readonly lane: Lane;
}

/** The share of those who go first, as a multiple of the share of those behind them, while both wait. */
const FIRST = 3;

/**
 * Whose hash is computed next, and how long one would wait. Each lane goes before those after it, which have a guaranteed
 * share: strangers a quarter, and of it those who were not turned away before a quarter. Within a lane, origins and names
 * take turns.
 */
export class Lanes<Item extends Laned> {
  readonly #returning = new FairQueue<Item>();
  readonly #greylisted = new FairQueue<Item>();
  readonly #other = new FairQueue<Item>();
  readonly #queues = { returning: this.#returning, greylisted: this.#greylisted, other: this.#other };
  readonly #strangers = new Shares([
    [this.#greylisted, FIRST],
    [this.#other, 1],
  ]);
  readonly #all = new Shares<{ readonly length: number }>([
    [this.#returning, FIRST],
    [this.#strangers, 1],
  ]);

  get length(): number {
    return this.#returning.length + this.strangers;
  }

  /** How many items of strangers wait. */
  get strangers(): number {
    return this.#greylisted.length + this.#other.length;
  }

  /** The work of all items, in seconds. */
  get seconds(): number {
    return this.#returning.seconds + this.#greylisted.seconds + this.#other.seconds;
  }

  /** How many items wait in a lane. */
  waiting(lane: Lane): number {
    return this.#queues[lane].length;
  }

  /** How many items of a lane are about a name. */
  named(lane: Lane, name: string): number {
    return this.#queues[lane].named(name);
  }

  /** How much of the work that waits now would be done before an item that is added, in seconds; estimated. */
  before(item: Laned): number {
    const strangers = this.#greylisted.seconds + this.#other.seconds;
    const own = this.#queues[item.lane].before(item);
    if (item.lane === 'returning') return own + Math.min(strangers, (own + item.seconds) / FIRST);
    const ahead =
      item.lane === 'greylisted'
        ? own + Math.min(this.#other.seconds, (own + item.seconds) / FIRST)
        : own + Math.min(this.#greylisted.seconds, (own + item.seconds) * FIRST);
    return ahead + Math.min(this.#returning.seconds, (ahead + item.seconds) * FIRST);
  }

  push(item: Item): void {
    const queue = this.#queues[item.lane];
    this.#all.adding(item.lane === 'returning' ? queue : this.#strangers);
    if (item.lane !== 'returning') this.#strangers.adding(queue);
    queue.push(item);
  }

  /** Takes the item whose turn it is. Its work counts as given unless it is `refund`ed. */
  shift(): Item | undefined {
    const strangers = this.#all.next() === this.#strangers;
    const queue = strangers ? this.#strangers.next() : this.#returning;
    const item = queue?.shift();
    if (item !== undefined) this.#charge(item, item.seconds);
    return item;
  }

  /** Called when an item that was taken is not computed. */
  refund(item: Item): void {
    this.#charge(item, -item.seconds);
  }

  /** Takes an item out; false if it does not wait. */
  remove(item: Item): boolean {
    return this.#queues[item.lane].remove(item);
  }

  /**
   * The work that is done before the last of the strangers has been begun, in seconds, if `last` is their work.
   * @param last the work of the last one
   */
  strangersWait(last: number): number {
    const strangers = this.#greylisted.seconds + this.#other.seconds;
    return strangers - last + Math.min(this.#returning.seconds, strangers * FIRST);
  }

  /** Takes the stranger who gives way: the latest of the longest origin in the lane that has more than its share. */
  drop(): Item | undefined {
    const { seconds } = this.#other;
    const exceeds = seconds * (FIRST + 1) > seconds + this.#greylisted.seconds;
    return (exceeds ? this.#other : this.#greylisted).dropOfLongest();
  }

  #charge(item: Item, seconds: number): void {
    if (item.lane === 'returning') {
      this.#all.charge(this.#returning, seconds);
      return;
    }
    this.#all.charge(this.#strangers, seconds);
    this.#strangers.charge(this.#queues[item.lane], seconds);
  }
}
