import type { Account } from '../../../daemon/account/account.ts';
import { AWAY, Fault } from '../../../daemon/fault.ts';
import { NO_RIGHTS } from '../../../daemon/store/rights.ts';
import type { Store } from '../../../daemon/store/store.ts';
import type { Machine, Process } from './machine.ts';

export const USERS = ['alice', 'bob'] as const;
export type User = (typeof USERS)[number];

/** The database works; cannot be reached; refuses; does not answer (SIGSTOP); is locked by a writer (SQLite only). */
export type State = 'up' | 'away' | 'refuses' | 'hangs' | 'locked';

const AWAY_STATES: readonly State[] = ['away', 'hangs', 'locked'];

/** The limit of a query, in ms. */
export const TIMEOUT_MS = 2_000;

/** A row, from its commit to the next one. */
export interface Version {
  readonly user: User;
  readonly number: number;
  readonly active: boolean;
  readonly encoded: string;
  readonly from: number;
  /** Infinity while it is the present one. */
  until: number;
}

const hashOf = (salt: string) => `pbkdf2_sha256$1000$${salt}$${Buffer.alloc(32).toString('base64')}`;

/** Django's table, with all that it ever was. */
export class Database {
  readonly #machine: Machine;
  readonly versions: Version[] = [];
  state: State = 'up';
  /** Since when it is not away; Infinity while it is. */
  presentSince = 0;
  /** SQLite's mark of the last commit. */
  mark = 0;
  #hanging: (() => void)[] = [];

  constructor(machine: Machine) {
    this.#machine = machine;
    for (const user of USERS) this.#insert(user, 1, true, hashOf(`${user}1`));
  }

  present(user: string): Version {
    return this.versions.findLast((version) => version.user === user) as Version;
  }

  commit(user: User, change: 'password' | 'active' | 'other'): void {
    const before = this.present(user);
    const number = before.number + 1;
    before.until = this.#machine.time;
    this.mark++;
    this.#insert(
      user,
      number,
      change === 'active' ? !before.active : before.active,
      change === 'password' ? hashOf(`${user}${number}`) : before.encoded,
    );
  }

  turn(state: State): void {
    const wasAway = AWAY_STATES.includes(this.state);
    const isAway = AWAY_STATES.includes(state);
    if (wasAway && !isAway) this.presentSince = this.#machine.time;
    else if (isAway) this.presentSince = Number.POSITIVE_INFINITY;
    this.state = state;
    if (state !== 'hangs') for (const answer of this.#hanging.splice(0)) answer();
  }

  /** A server: the row is read and its answer arrives some time after the query was sent. */
  server(process: Process, delay: () => number): Store {
    const { after } = this.#machine;
    const machine = this.#machine;
    const read = (user: string) =>
      new Promise<Account | null>((resolve, reject) => {
        let over = false;
        const end = (settle: () => void) => {
          if (!over) settle();
          over = true;
        };
        const arrive = (settle: () => void) => after.call(machine, delay(), () => end(settle), 'network', process);
        after.call(machine, TIMEOUT_MS, () => end(() => reject(new Fault('no answer', AWAY))), 'timer', process);
        const execute = (): void => {
          if (this.state === 'hangs') this.#hanging.push(execute);
          else if (this.state === 'away') arrive(() => reject(new Fault('away', AWAY)));
          else if (this.state === 'refuses') arrive(() => reject(new Fault('permission denied')));
          else {
            const account = this.#account(user);
            arrive(() => resolve(account));
          }
        };
        after.call(machine, delay(), execute);
      });
    return { name: 'server', accountByName: read, ...this.#rest };
  }

  /** A file: it is read at once, and tells whether it was written. */
  file(): Store {
    let seen = -1;
    const read = async (user: string): Promise<Account | null> => {
      if (this.state === 'refuses') throw new Fault('permission denied');
      if (this.state !== 'up') throw new Fault('locked', AWAY);
      return this.#account(user);
    };
    const changed = () => {
      if (this.state !== 'up') return undefined;
      const answer = this.mark !== seen;
      seen = this.mark;
      return answer;
    };
    return { name: 'file', accountByName: read, changed, ...this.#rest };
  }

  readonly #rest = {
    accountById: async () => null,
    sample: async () => ({ encoded: [hashOf('sample')], last: undefined }),
    rights: async () => NO_RIGHTS,
    memberships: async () => undefined,
    close: async () => {},
  };

  #account(user: string): Account | null {
    const { number, active, encoded } = this.present(user);
    const nothing = {
      staff: false,
      superuser: false,
      firstName: '',
      lastName: '',
      groups: [],
      permissions: new Set<string>(),
    };
    return { id: user, username: user, email: String(number), active, encoded, ...nothing };
  }

  #insert(user: User, number: number, active: boolean, encoded: string): void {
    const from = this.#machine.time;
    this.versions.push({ user, number, active, encoded, from, until: Number.POSITIVE_INFINITY });
  }
}
