import { type Link, List } from './list.ts';

/** A key with its queue, and where it is in the order of turns and among the keys of the same length. */
interface Turn<Queue> {
  readonly key: string;
  readonly queue: Queue;
  order: Link<Turn<Queue>>;
  level: Link<Turn<Queue>>;
}

/**
 * Queues by key that take turns: round robin. Knows the longest of them. Each operation costs the same however many keys
 * and items there are. A queue may be a `Turns` itself: then its keys take turns within its own turn.
 */
export class Turns<Queue extends { readonly length: number }> {
  readonly #make: () => Queue;
  readonly #byKey = new Map<string, Turn<Queue>>();
  readonly #order = new List<Turn<Queue>>();
  /** By length; of the same length, in the order in which they reached it. */
  readonly #levels: List<Turn<Queue>>[] = [];
  #longest = 0;
  #length = 0;

  /** @param make makes an empty queue */
  constructor(make: () => Queue) {
    this.#make = make;
  }

  /** How many items all queues have. */
  get length(): number {
    return this.#length;
  }

  /** How many keys have items. */
  get keys(): number {
    return this.#byKey.size;
  }

  /** The queue of a key; undefined if it has no items. */
  get(key: string): Queue | undefined {
    return this.#byKey.get(key)?.queue;
  }

  /** Adds one item by calling `add`. A new key has its turn after all others. */
  add<Result>(key: string, add: (queue: Queue) => Result): Result {
    let turn = this.#byKey.get(key);
    if (turn === undefined) {
      const queue = this.#make();
      const result = add(queue);
      turn = { key, queue } as Turn<Queue>;
      turn.order = this.#order.push(turn);
      this.#byKey.set(key, turn);
      this.#enter(turn);
      return result;
    }
    this.#leave(turn);
    const result = add(turn.queue);
    this.#enter(turn);
    return result;
  }

  /** Takes one item of the queue whose turn it is, by calling `take`. */
  next<Result>(take: (queue: Queue) => Result): Result | undefined {
    const turn = this.#order.first;
    if (turn === undefined) return undefined;
    this.#order.remove(turn.order);
    turn.order = this.#order.push(turn);
    return this.#take(turn, take);
  }

  /** Takes one item of the longest queue; of several, of the one that grew last. */
  ofLongest<Result>(take: (queue: Queue) => Result): Result | undefined {
    const turn = this.#levels[this.#longest]?.last;
    return turn && this.#take(turn, take);
  }

  /** Takes one item of a key's queue. */
  of<Result>(key: string, take: (queue: Queue) => Result): Result | undefined {
    const turn = this.#byKey.get(key);
    return turn && this.#take(turn, take);
  }

  #take<Result>(turn: Turn<Queue>, take: (queue: Queue) => Result): Result {
    this.#leave(turn);
    const result = take(turn.queue);
    if (turn.queue.length > 0) this.#enter(turn);
    else {
      this.#order.remove(turn.order);
      this.#byKey.delete(turn.key);
    }
    while (this.#longest > 0 && (this.#levels[this.#longest] as List<Turn<Queue>>).length === 0) this.#longest--;
    return result;
  }

  #enter(turn: Turn<Queue>): void {
    const { length } = turn.queue;
    this.#length += length;
    this.#longest = Math.max(this.#longest, length);
    for (let level = this.#levels.length; level <= length; level++) this.#levels.push(new List());
    turn.level = (this.#levels[length] as List<Turn<Queue>>).push(turn);
  }

  #leave(turn: Turn<Queue>): void {
    const { length } = turn.queue;
    this.#length -= length;
    (this.#levels[length] as List<Turn<Queue>>).remove(turn.level);
  }
}
