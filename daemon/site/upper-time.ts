/** How many times are remembered. */
const REMEMBERED = 32;

/** From how many on they are believed. */
const FEW = 4;

/** What is added to a time that hardly any exceeds, as a factor and in ms. */
const MARGIN = 1.15;
const MARGIN_MS = 1;

/** A time that hardly any of the latest ones exceeds. One that stands out alone, as when the machine stalls, is left out. */
export class UpperTime {
  readonly #times: number[] = [];
  #next = 0;
  #upper = 0;

  /** Whether there are enough times to tell. */
  get known(): boolean {
    return this.#times.length >= FEW;
  }

  /** In ms. */
  get ms(): number {
    return this.#upper;
  }

  add(ms: number): void {
    this.#times[this.#next] = ms;
    this.#next = (this.#next + 1) % REMEMBERED;
    let [first, second] = [0, 0];
    for (const each of this.#times) {
      if (each >= first) [first, second] = [each, first];
      else if (each > second) second = each;
    }
    this.#upper = MARGIN * second + MARGIN_MS;
  }
}
