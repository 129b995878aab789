import type { Account } from '../../../daemon/account/account.ts';
import type { Heard } from '../../../daemon/account/hearing.ts';
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
  /** When the daemon was told of its end; Infinity if it was not. */
  toldAt: number;
}

const hashOf = (salt: string) => `pbkdf2_sha256$1000$${salt}$${Buffer.alloc(32).toString('base64')}`;

interface Session {
  readonly heard: Heard;
  readonly process: Process;
  readonly delay: () => number;
  readonly onLost: () => void;
  /** When the last message arrives. */
  arrivesAt: number;
  /** Nothing more arrives. */
  broken: boolean;
  /** The daemon has given it up. */
  ended: boolean;
}

const SILENCE_MS = 3_000;
const PAUSE_MS = 250;

/** What store/postgres/ear.ts does: one connection after the other, and canaries. */
class SimulatedEar {
  readonly #database: Database;
  readonly #machine: Machine;
  readonly #process: Process;
  readonly #heard: Heard;
  readonly #periodMs: number;
  readonly #delay: () => number;
  #session: Session | undefined;
  #closed = false;

  constructor(
    database: Database,
    machine: Machine,
    process: Process,
    heard: Heard,
    periodMs: number,
    delay: () => number,
  ) {
    this.#database = database;
    this.#machine = machine;
    this.#process = process;
    this.#heard = heard;
    this.#periodMs = periodMs;
    this.#delay = delay;
  }

  close(): void {
    this.#closed = true;
    if (this.#session !== undefined) this.#session.ended = true;
  }

  /** Begins a session: LISTEN, then a canary each period. */
  open(): void {
    const database = this.#database;
    const machine = this.#machine;
    const process = this.#process;
    const heard = this.#heard;
    const periodMs = this.#periodMs;
    const delay = this.#delay;
    const end = () => {
      if (session.ended) return;
      session.ended = true;
      if (database.session === session) database.session = undefined;
      heard.ended('lost');
      machine.after(PAUSE_MS, () => this.open(), 'timer', process);
    };
    const session: Session = { heard, process, delay, onLost: end, arrivesAt: 0, broken: false, ended: false };
    if (this.#closed) return;
    this.#session = session;
    let hears = false;
    let provenAt = heard.clock.now();
    const period = () => {
      if (session.ended) return;
      if (heard.clock.now() - provenAt > SILENCE_MS) {
        end();
        return;
      }
      const sentAt = heard.clock.now();
      const back = () => {
        if (!hears) heard.began();
        hears = true;
        provenAt = Math.max(provenAt, sentAt);
        heard.proven(sentAt);
      };
      database.canary(session, back, () => {});
      machine.after(periodMs, period, 'timer', process);
    };
    machine.after(delay(), () => {
      if (database.state === 'away' || database.state === 'refuses' || process.dead) {
        machine.after(delay(), end, 'network', process);
        return;
      }
      if (database.session !== undefined) database.session.broken = true; // of a daemon that was killed
      database.session = session;
      machine.after(delay(), period, 'network', process);
    });
  }
}

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
  /** The connection that listens, from its LISTEN on. */
  session: Session | undefined;

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
    const { session } = this;
    if (session !== undefined) {
      this.#send(session, () => {
        session.heard.changed(new Set([user]));
        before.toldAt = this.#machine.time;
      });
    }
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
    if (state === 'away') this.breakSession('silently');
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

  /** A server that tells of changes. */
  teller(process: Process, delay: () => number): Store {
    const listen = (heard: Heard, periodMs: number) => {
      const ear = new SimulatedEar(this, this.#machine, process, heard, periodMs, delay);
      ear.open();
      return ear;
    };
    return { ...this.server(process, delay), name: 'teller', listen };
  }

  /** What is sent on the listener's connection comes in its order, or not at all. */
  #send(session: Session, take: () => void): void {
    const machine = this.#machine;
    if (this.state === 'hangs') {
      this.#hanging.push(() => this.#send(session, take));
      return;
    }
    if (session.broken) return;
    session.arrivesAt = Math.max(session.arrivesAt, machine.time + session.delay());
    const arrive = () => {
      if (!session.broken && !session.ended) take();
    };
    machine.after(session.arrivesAt - machine.time, arrive, 'network', session.process);
  }

  /** The daemon asks for a canary, on another connection. */
  canary(session: Session, take: () => void, failed: () => void): void {
    const machine = this.#machine;
    const execute = (): void => {
      if (this.state === 'hangs') this.#hanging.push(execute);
      else if (this.state === 'away' || this.state === 'refuses')
        machine.after(session.delay(), failed, 'network', session.process);
      else this.#send(session, take);
    };
    machine.after(session.delay(), execute);
  }

  /** The listener's connection is lost; `loudly`: both sides see it. */
  breakSession(how: 'loudly' | 'silently'): void {
    const { session } = this;
    if (session === undefined) return;
    session.broken = true;
    this.session = undefined;
    if (how === 'loudly') this.#machine.after(session.delay(), session.onLost, 'network', session.process);
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
    const never = Number.POSITIVE_INFINITY;
    this.versions.push({ user, number, active, encoded, from, until: never, toldAt: never });
  }
}
