import type { Account } from '../account/account.ts';
import type { Clock } from '../clock.ts';
import { Busy, Fault, messageOf } from '../fault.ts';
import type { DatabaseReport } from './database-report.ts';
import type { Cursor, Membership } from './membership.ts';
import { Outage } from './query-error.ts';
import type { Rights, RightsAsked } from './rights.ts';
import type { Sample } from './sample.ts';
import type { Store } from './store.ts';

/** The longest failure message in a report, in characters. */
const MESSAGE_MAX = 300;

/** A store that records for the report how its database responds. */
export class InstrumentedStore implements Store {
  readonly name: string;
  readonly changed?: () => boolean | undefined;
  readonly listen: Store['listen'];
  readonly #store: Store;
  readonly #clock: Clock;
  #up: boolean | undefined;
  #since: number;
  #queries = 0;
  #failures = 0;
  #last: { readonly message: string; readonly at: number } | undefined;

  constructor(store: Store, clock: Clock) {
    this.name = store.name;
    this.listen = store.listen;
    this.#store = store;
    if (store.changed) this.changed = () => store.changed?.();
    this.#clock = clock;
    this.#since = clock.now();
  }

  accountByName(username: string): Promise<Account | null> {
    return this.#watch(this.#store.accountByName(username));
  }

  accountById(id: string): Promise<Account | null> {
    return this.#watch(this.#store.accountById(id));
  }

  sample(limit: number, after?: string): Promise<Sample> {
    return this.#watch(this.#store.sample(limit, after));
  }

  memberships(after: Cursor | undefined, limit: number): Promise<Membership[] | undefined> {
    return this.#watch(this.#store.memberships(after, limit));
  }

  rights(asked: RightsAsked): Promise<Rights> {
    return this.#watch(this.#store.rights(asked));
  }

  reopen(): void {
    this.#store.reopen?.();
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

  /** Observes only: the caller has the store's own promise, without a delay. */
  #watch<T>(answer: Promise<T>): Promise<T> {
    this.#queries++;
    answer.then(this.#answered, this.#failed);
    return answer;
  }

  readonly #answered = (): void => this.#mark(true);

  readonly #failed = (error: unknown): void => {
    if (error instanceof Busy) return; // the database was not asked
    const at = this.#clock.now();
    this.#failures++;
    this.#last = { message: messageOf(error).slice(0, MESSAGE_MAX), at };
    // A fault that is no outage is an answer, if not the one that was asked for.
    this.#mark(error instanceof Fault && !(error instanceof Outage));
  };

  #mark(up: boolean): void {
    if (this.#up === up) return;
    this.#up = up;
    this.#since = this.#clock.now();
  }
}
