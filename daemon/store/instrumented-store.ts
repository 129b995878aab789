import type { Account } from '../account/account.ts';
import type { Clock } from '../clock.ts';
import { messageOf } from '../fault.ts';
import type { DatabaseReport } from './database-report.ts';
import type { Cursor, Membership } from './membership.ts';
import type { Store } from './store.ts';

/** The longest that is told of a failure, in characters. */
const MESSAGE_MAX = 300;

/** A store, and what is to be said of how its database does. */
export class InstrumentedStore implements Store {
  readonly name: string;
  readonly #store: Store;
  readonly #clock: Clock;
  #up: boolean | undefined;
  #since: number;
  #queries = 0;
  #failures = 0;
  #last: { readonly message: string; readonly at: number } | undefined;

  constructor(store: Store, clock: Clock) {
    this.name = store.name;
    this.#store = store;
    this.#clock = clock;
    this.#since = clock.now();
  }

  accountByName(username: string): Promise<Account | null> {
    return this.#watch(this.#store.accountByName(username));
  }

  accountById(id: string): Promise<Account | null> {
    return this.#watch(this.#store.accountById(id));
  }

  sample(most: number): Promise<string[]> {
    return this.#watch(this.#store.sample(most));
  }

  memberships(after: Cursor | undefined, most: number): Promise<Membership[] | undefined> {
    return this.#watch(this.#store.memberships(after, most));
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  report(): DatabaseReport {
    const now = this.#clock.now();
    const seconds = (at: number) => Math.max(0, (now - at) / 1000);
    return {
      name: this.name,
      up: this.#up ?? null,
      state_seconds: seconds(this.#since),
      queries: this.#queries,
      failures: this.#failures,
      last_failure: this.#last ? { message: this.#last.message, seconds_ago: seconds(this.#last.at) } : null,
      connections: this.#store.connections?.() ?? null,
    };
  }

  /** Looks on: whoever asked has the store's own answer, no later. */
  #watch<T>(answer: Promise<T>): Promise<T> {
    this.#queries++;
    answer.then(this.#answered, this.#failed);
    return answer;
  }

  readonly #answered = (): void => {
    if (this.#up === true) return;
    this.#up = true;
    this.#since = this.#clock.now();
  };

  readonly #failed = (error: unknown): void => {
    const at = this.#clock.now();
    this.#failures++;
    this.#last = { message: messageOf(error).slice(0, MESSAGE_MAX), at };
    if (this.#up === false) return;
    this.#up = false;
    this.#since = at;
  };
}
