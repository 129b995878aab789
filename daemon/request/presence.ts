import { Busy } from '../fault.ts';
import type { Wait } from '../wait.ts';

/** Whether a client is still there to be answered. When it is gone, nobody waits for its questions any more. */
export class Presence {
  readonly #waits = new Set<Wait>();
  #begun: Wait | undefined;
  #gone = false;

  /** A question of this client waits, until it is done. */
  waits(wait: Wait): void {
    this.#begun = wait;
    if (this.#gone) {
      wait.end(new Busy('abandoned'));
      return;
    }
    this.#waits.add(wait);
    wait.whenDone(() => this.#waits.delete(wait));
  }

  /** The wait of the question that was asked just now, once; undefined if it does not wait. */
  begun(): Wait | undefined {
    const wait = this.#begun;
    this.#begun = undefined;
    return wait;
  }

  /** The client is gone. */
  end(): void {
    this.#gone = true;
    for (const wait of this.#waits) wait.end(new Busy('abandoned'));
    this.#waits.clear();
  }
}
