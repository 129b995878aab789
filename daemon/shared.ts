/** A part that several generations use, such as a site or the hash pool. It is closed when none uses it any more. */
export class Shared<T> {
  readonly value: T;
  readonly #close: () => Promise<void>;
  #users = 0;

  constructor(value: T, close: () => Promise<void>) {
    this.value = value;
    this.#close = close;
  }

  /** One more generation uses it. */
  acquire(): this {
    this.#users++;
    return this;
  }

  /** One generation less. Resolves when the part is closed, at once if others still use it. */
  release(): Promise<void> {
    this.#users--;
    return this.#users === 0 ? this.#close() : Promise.resolve();
  }
}
