import { type Link, List } from './list.ts';
import { Turns } from './turns.ts';

/** What a queue is fair about. */
export interface Asked {
  /** Where the question comes from; "" if unknown. */
  readonly origin: string;
  /** Whom it is about. */
  readonly name: string;
  /** What it takes, in seconds of a worker. */
  readonly seconds: number;
}

/**
 * A queue in which origins take turns and, within an origin, names: whoever has many items waits for them, not the
 * others. Where all come from one origin, names alone take turns. Each operation costs the same however long it is.
 */
export class FairQueue<Item extends Asked> {
  readonly #origins = new Turns(() => new Turns(() => new List<Item>()));
  readonly #names = new Map<string, number>();
  readonly #links = new Map<Item, Link<Item>>();
  #seconds = 0;

  get length(): number {
    return this.#origins.length;
  }

  /** The work of all items. */
  get seconds(): number {
    return this.length === 0 ? 0 : this.#seconds;
  }

  /** How many items are about a name, from all origins. */
  named(name: string): number {
    return this.#names.get(name) ?? 0;
  }

  /** How much of the work that waits now would be done before an item that is added, in seconds; estimated. */
  before({ origin, name }: Asked): number {
    const { length, seconds } = this;
    if (length === 0) return 0;
    const names = this.#origins.get(origin);
    const others = this.#origins.keys - (names === undefined ? 0 : 1);
    const own = names === undefined ? 0 : Math.min(names.length, ((names.get(name)?.length ?? 0) + 1) * names.keys);
    return Math.min(length, own + (own + 1) * others) * (seconds / length);
  }

  push(item: Item): void {
    const { origin, name } = item;
    this.#links.set(
      item,
      this.#origins.add(origin, (names) => names.add(name, (items) => items.push(item))),
    );
    this.#names.set(name, this.named(name) + 1);
    this.#seconds = this.seconds + item.seconds;
  }

  /** Takes the item whose turn it is. */
  shift(): Item | undefined {
    return this.#taken(this.#origins.next((names) => names.next((items) => items.shift())));
  }

  /** Takes the latest item of the name with the most items, of the origin with the most. */
  dropOfLongest(): Item | undefined {
    return this.#taken(this.#origins.ofLongest((names) => names.ofLongest((items) => items.pop())));
  }

  /** Takes an item out; false if it is not in the queue. */
  remove(item: Item): boolean {
    const link = this.#links.get(item);
    if (link === undefined) return false;
    const { origin, name } = item;
    this.#taken(this.#origins.of(origin, (names) => names.of(name, (items) => items.remove(link))));
    return true;
  }

  #taken(item: Item | undefined): Item | undefined {
    if (item === undefined) return undefined;
    this.#links.delete(item);
    this.#seconds -= item.seconds;
    const named = this.named(item.name) - 1;
    if (named > 0) this.#names.set(item.name, named);
    else this.#names.delete(item.name);
    return item;
  }
}
