import { setTimeout as sleep } from 'node:timers/promises';
import type { CompiledQuery } from 'kysely';
import { AWAY, Busy, messageOf } from '../fault.ts';
import type { ConnectionPoolReport } from './database-report.ts';
import { type ErrorClass, QueryError } from './query-error.ts';

/** One connection to a database server, through the driver of that server. */
export interface Connection {
  /** Connects and sets up the session. Called once, before anything else. Rejects with a QueryError. */
  connect(): Promise<void>;
  /** Rejects with a QueryError. */
  query(query: CompiledQuery): Promise<unknown[]>;
  /** Closes the connection in agreement with the server. No query is running. */
  end(): Promise<void>;
  /** Closes the connection at once, even while a query is running. */
  destroy(): void;
}

export interface ConnectionPoolOptions {
  /** Makes a connection that is not connected yet; `onEnd` reports that it ended by itself. */
  readonly make: (onEnd: (reason: string) => void) => Connection;
  /** The largest number of open connections. */
  readonly limit: number;
  /** The time limit of a query in ms, including waiting for a connection and connecting. */
  readonly timeoutMs: number;
  /** Called when a connection ended while it was idle. */
  readonly onTrouble: (message: string) => void;
}

interface Lease {
  readonly connection: Connection;
  /** Not connected yet. */
  readonly fresh: boolean;
}

interface Idle {
  readonly connection: Connection;
  readonly timer: NodeJS.Timeout;
}

/** The errors after which a connection is kept. */
const KEPT: ReadonlySet<ErrorClass> = new Set(['no_account', 'fault']);

/** How many queries may wait for a connection. A server that answers at all answers so many within the time limit. */
const WAITING_MAX = 1_024;

/** How long an idle connection is kept, in ms. */
const IDLE_MS = 60_000;

/** How long closing a connection may wait for the server, in ms. */
const END_MS = 1_000;

/** How many fresh connections a query may find lost. */
const LOST_MAX = 2;

/** How often a query may fail with a transient error, and the pause before each repetition, in ms. */
const TRANSIENT_PAUSES_MS = [0, 5, 20, 80] as const;

/**
 * The connections to one database server: a bounded number, reused from query to query. Each query has one time limit
 * over everything it waits for. A connection is kept after an error that says nothing about it, and never used again
 * after any other, because it may still be busy with a query whose caller stopped waiting.
 */
export class ConnectionPool {
  readonly #options: ConnectionPoolOptions;
  readonly #idle: Idle[] = [];
  readonly #waiting: ((lease: Lease | Error) => void)[] = [];
  #open = 0;
  #closed = false;

  constructor(options: ConnectionPoolOptions) {
    this.#options = options;
  }

  /**
   * The rows of a query that changes nothing. Rejects with a QueryError, or with Busy if too many queries wait.
   *
   * Only using an idle connection shows that it died, and all idle ones may have died with their server: the query is
   * then sent on the next connection, and on a fresh one if no idle one is left. So is a query with a transient error.
   */
  async query<Row>(query: CompiledQuery): Promise<Row[]> {
    const deadline = performance.now() + this.#options.timeoutMs;
    let fresh = 0;
    let transient = 0;
    for (;;) {
      const lease = await this.#borrow(deadline);
      if (lease.fresh) fresh++;
      try {
        const rows = await this.#within(deadline, run(lease, query));
        this.#giveBack(lease.connection);
        return rows as Row[];
      } catch (error) {
        const failure = error instanceof QueryError ? error : new QueryError('outage', messageOf(error));
        if (KEPT.has(failure.class)) {
          this.#giveBack(lease.connection);
          throw failure;
        }
        lease.connection.destroy();
        this.#closedOne();
        if (failure.class === 'lost' && fresh < LOST_MAX) continue;
        const pause = failure.class === 'transient' ? TRANSIENT_PAUSES_MS[transient++] : undefined;
        if (pause === undefined || performance.now() + pause >= deadline) throw failure;
        await sleep(pause);
      }
    }
  }

  report(): ConnectionPoolReport {
    const { limit } = this.#options;
    return { open: this.#open, idle: this.#idle.length, waiting: this.#waiting.length, limit };
  }

  /** Closes all connections. Running queries are answered first. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const waiting of this.#waiting.splice(0)) waiting(new QueryError('fault', 'the connection pool is closed'));
    const idle = this.#idle.splice(0);
    await Promise.all(idle.map((each) => this.#end(each)));
  }

  #borrow(deadline: number): Promise<Lease> {
    if (this.#closed) return Promise.reject(new QueryError('fault', 'the connection pool is closed'));
    const idle = this.#idle.pop(); // the one used last, so that surplus connections reach their idle time
    if (idle) {
      clearTimeout(idle.timer);
      return Promise.resolve({ connection: idle.connection, fresh: false });
    }
    if (this.#open < this.#options.limit) return Promise.resolve(this.#make());
    if (this.#waiting.length >= WAITING_MAX) return Promise.reject(new Busy('queue-full'));
    const { promise, resolve, reject } = withResolvers<Lease>();
    const waiting = (lease: Lease | Error) => {
      clearTimeout(timer);
      if (lease instanceof Error) reject(lease);
      else resolve(lease);
    };
    const timer = setTimeout(() => {
      this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
      reject(this.#timedOut('no connection became free'));
    }, deadline - performance.now());
    this.#waiting.push(waiting);
    return promise;
  }

  #make(): Lease {
    this.#open++;
    const connection = this.#options.make((reason) => {
      const index = this.#idle.findIndex((idle) => idle.connection === connection);
      if (index < 0) return; // in use: the running query fails
      const [idle] = this.#idle.splice(index, 1);
      clearTimeout(idle?.timer);
      connection.destroy();
      this.#closedOne();
      this.#options.onTrouble(`an idle connection was lost: ${reason}`);
    });
    return { connection, fresh: true };
  }

  #giveBack(connection: Connection): void {
    const waiting = this.#waiting.shift();
    if (waiting) {
      waiting({ connection, fresh: false });
      return;
    }
    const timer = setTimeout(() => {
      this.#idle.splice(this.#idle.indexOf(idle), 1);
      void this.#end(idle);
    }, IDLE_MS).unref();
    const idle = { connection, timer };
    if (this.#closed) void this.#end(idle);
    else this.#idle.push(idle);
  }

  /** The query that has waited longest may open a connection in place of the closed one. */
  #closedOne(): void {
    this.#open--;
    if (!this.#closed && this.#waiting.length > 0) this.#waiting.shift()?.(this.#make());
  }

  async #end({ connection, timer }: Idle): Promise<void> {
    clearTimeout(timer);
    this.#closedOne();
    await this.#within(performance.now() + END_MS, connection.end()).catch(() => connection.destroy());
  }

  async #within<T>(deadline: number, work: Promise<T>): Promise<T> {
    const { promise, reject } = withResolvers<never>();
    const timer = setTimeout(() => reject(this.#timedOut('the server did not answer')), deadline - performance.now());
    try {
      return await Promise.race([work, promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  #timedOut(what: string): QueryError {
    return new QueryError('outage', `${what} within ${this.#options.timeoutMs} ms`, AWAY);
  }
}

async function run({ connection, fresh }: Lease, query: CompiledQuery): Promise<unknown[]> {
  if (fresh) await connection.connect().catch(asOutage);
  return connection.query(query);
}

/** A server that does not let us in cannot be used, whatever its error says about a query. */
function asOutage(error: unknown): never {
  if (error instanceof QueryError && error.class === 'lost') throw error;
  throw new QueryError('outage', messageOf(error), { away: error instanceof QueryError && error.away });
}

/** Promise.withResolvers, which Node has from 22 on. */
function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: Error) => void } {
  let resolve: (value: T) => void = () => {};
  let reject: (error: Error) => void = () => {};
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
