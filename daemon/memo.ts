/**
 * What was computed for some keys, so that it need not be computed again: at most `max` of them, and all are forgotten when
 * one more comes. For what is computed quickly: an order of use would cost each look-up more than it saves.
 */
export class Memo<Key, Value> {
  readonly #max: number;
  readonly #values = new Map<Key, Value>();

  constructor(max: number) {
    this.#max = max;
  }

  get(key: Key): Value | undefined {
    return this.#values.get(key);
  }

  set(key: Key, value: Value): void {
    if (this.#values.size >= this.#max) this.#values.clear();
    this.#values.set(key, value);
  }
}
