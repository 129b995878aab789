/** An item's place in a list, by which it is removed. */
export interface Link<T> {
  readonly value: T;
}

interface Node<T> extends Link<T> {
  before: Node<T> | undefined;
  after: Node<T> | undefined;
}

/** A doubly linked list: whatever is added, taken or removed costs the same however long it is. */
export class List<T> {
  #first: Node<T> | undefined;
  #last: Node<T> | undefined;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  get first(): T | undefined {
    return this.#first?.value;
  }

  get last(): T | undefined {
    return this.#last?.value;
  }

  /** Adds an item at the end. */
  push(value: T): Link<T> {
    const node: Node<T> = { value, before: this.#last, after: undefined };
    if (this.#last === undefined) this.#first = node;
    else this.#last.after = node;
    this.#last = node;
    this.#length++;
    return node;
  }

  /** Takes the first item. */
  shift(): T | undefined {
    return this.#first && this.remove(this.#first);
  }

  /** Takes the last item. */
  pop(): T | undefined {
    return this.#last && this.remove(this.#last);
  }

  /** Takes the item of a link, which must be in this list. */
  remove(link: Link<T>): T {
    const { before, after, value } = link as Node<T>;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    this.#length--;
    return value;
  }
}
