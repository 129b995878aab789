import { Busy } from '../fault.ts';
import type { Wait } from '../wait.ts';

/** Whether a client is still there to be answered. When it is gone, nobody waits for its questions any more. */
export class Presence {
  readonly #waits = new Set<Wait>();
  #gone = false;

  /** A question of this client waits, until `answered`. */
  waits(wait: Wait): void {
    if (this.#gone) wait.end(new Busy('abandoned'));
    else this.#waits.add(wait);
  }

  answered(wait: Wait): void {
    this.#waits.delete(wait);
  }

  /** The client is gone. */
  end(): void {
    this.#gone = true;
    for (const wait of this.#waits) wait.end(new Busy('abandoned'));
    this.#waits.clear();
  }
}
