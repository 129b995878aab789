import type { CompiledQuery } from 'kysely';

/** One connection to a database server, by the library that speaks to it. */
export interface Connection {
  /** Connects and makes the session what it has to be. Called once, before anything else. */
  connect(): Promise<void>;
  query(query: CompiledQuery): Promise<unknown[]>;
  /** Takes leave of the server. Nothing is under way. */
  end(): Promise<void>;
  /** Ends at once, whatever is under way. */
  destroy(): void;
}

export interface ConnectionsOptions {
  /** Makes one that is not connected yet, and that tells when it has ended by itself. */
  readonly make: (onEnd: (why: string) => void) => Connection;
  /** Whether an error means that the connection is gone, not that the question was bad. */
  readonly isLost: (error: unknown) => boolean;
  /** How many there may be at once. */
  readonly most: number;
  /** How long a question may take, waiting for a connection and connecting included, in ms. */
  readonly timeoutMs: number;
  /** Told of a connection that ended while nobody used it. */
  readonly onTrouble: (message: string) => void;
}

interface Lent {
  readonly connection: Connection;
  /** Nobody has used it yet: it is still to be connected. */
  readonly fresh: boolean;
}

interface Idle {
  readonly connection: Connection;
  readonly timer: NodeJS.Timeout;
}

/** How long one is kept that nobody uses, in ms. */
const IDLE_MS = 60_000;

/** How long the server may take to say goodbye, in ms. */
const GOODBYE_MS = 1_000;

/**
 * The connections to one database: a bounded number, kept for the next question. Each question has one time limit over
 * all that it waits for, and a connection on which anything went wrong is never used again: it may still be busy with
 * what nobody waits for any more.
 */
export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #idle: Idle[] = [];
  readonly #waiting: ((lent: Lent | Error) => void)[] = [];
  #count = 0;
  #closed = false;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
  }

  /**
   * The rows of a question that changes nothing. Rejects with the library's error, or one that says that time is over.
   *
   * A connection that died while idle is found out only by using it, and all of them may have died with their server:
   * the question goes to the next one then, and to a fresh one when there is none left.
   */
  async ask<Row>(query: CompiledQuery): Promise<Row[]> {
    const giveUpAt = performance.now() + this.#options.timeoutMs;
    for (let fresh = 0; ; ) {
      const lent = await this.#borrow(giveUpAt);
      if (lent.fresh) fresh++;
      try {
        const rows = await this.#within(giveUpAt, use(lent, query));
        this.#giveBack(lent.connection);
        return rows as Row[];
      } catch (error) {
        lent.connection.destroy();
        this.#gone();
        if (fresh >= 2 || !this.#options.isLost(error)) throw error;
      }
    }
  }

  /** How many are open and idle, and how many questions wait for one. */
  report(): { open: number; idle: number; waiting: number; most: number } {
    const { most } = this.#options;
    return { open: this.#count, idle: this.#idle.length, waiting: this.#waiting.length, most };
  }

  /** Takes leave of the server; questions that are under way are answered first, by themselves. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const waiting of this.#waiting.splice(0)) waiting(new Error('the connections have been closed'));
    const idle = this.#idle.splice(0);
    await Promise.all(idle.map((each) => this.#end(each)));
  }

  #borrow(giveUpAt: number): Promise<Lent> {
    if (this.#closed) return Promise.reject(new Error('the connections have been closed'));
    const idle = this.#idle.pop(); // the one used last, so that the others may grow old
    if (idle) {
      clearTimeout(idle.timer);
      return Promise.resolve({ connection: idle.connection, fresh: false });
    }
    if (this.#count < this.#options.most) return Promise.resolve(this.#make());
    const { promise, resolve, reject } = withResolvers<Lent>();
    const waiting = (lent: Lent | Error) => {
      clearTimeout(timer);
      if (lent instanceof Error) reject(lent);
      else resolve(lent);
    };
    const timer = setTimeout(() => {
      this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
      reject(this.#timeIsOver('no connection became free'));
    }, giveUpAt - performance.now());
    this.#waiting.push(waiting);
    return promise;
  }

  #make(): Lent {
    this.#count++;
    const connection = this.#options.make((why) => {
      const at = this.#idle.findIndex((idle) => idle.connection === connection);
      if (at < 0) return; // in use: whoever uses it is told
      const [idle] = this.#idle.splice(at, 1);
      clearTimeout(idle?.timer);
      connection.destroy();
      this.#gone();
      this.#options.onTrouble(`an idle connection was lost: ${why}`);
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

  /** One is no more: who waits longest may make another. */
  #gone(): void {
    this.#count--;
    if (!this.#closed && this.#waiting.length > 0) this.#waiting.shift()?.(this.#make());
  }

  async #end({ connection, timer }: Idle): Promise<void> {
    clearTimeout(timer);
    this.#gone();
    await this.#within(performance.now() + GOODBYE_MS, connection.end()).catch(() => connection.destroy());
  }

  async #within<T>(giveUpAt: number, work: Promise<T>): Promise<T> {
    const { promise, reject } = withResolvers<never>();
    const timer = setTimeout(() => reject(this.#timeIsOver('the server did not answer')), giveUpAt - performance.now());
    try {
      return await Promise.race([work, promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  #timeIsOver(what: string): Error {
    return new Error(`${what} within ${this.#options.timeoutMs} ms`);
  }
}

async function use({ connection, fresh }: Lent, query: CompiledQuery): Promise<unknown[]> {
  if (fresh) await connection.connect();
  return connection.query(query);
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
