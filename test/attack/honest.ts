import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, type Client, connect } from '../fixtures/client.ts';
import { encodePbkdf2 } from '../fixtures/site.ts';
import type { Arrivals, Proven } from './case.ts';
import { quantile } from './measure.ts';
import { PASSWORD, type Stage } from './stage.ts';

/** The time limit of the Apache module, in ms. */
const DEADLINE_MS = 5_000;

/** The interval of questions of the people who have a proof, in ms. */
const PACE_MS = 10;

/** People who keep asking have a proof; the others of the known people lose theirs during an attack. */
const PROVEN = 14;
const RETURNING = 6;

/** How long somebody goes on trying, in ms. */
const PATIENCE_MS = 20_000;

/** One question on a connection of its own, as somebody new is served. A closed connection is status 0. */
export async function askOnce(socket: string, username: string, password: string, rest: object): Promise<Answer> {
  let client: Client | undefined;
  try {
    client = await connect(socket);
    return await Promise.race([
      client.check(username, password, { deadline_ms: DEADLINE_MS, ...rest }),
      sleep(2 * DEADLINE_MS, { status: 0, content: {} }, { ref: false }),
    ]);
  } catch {
    return { status: 0, content: {} };
  } finally {
    client?.close();
  }
}

interface Arrival {
  readonly granted: boolean;
  readonly tries: number;
  readonly seconds: number;
  readonly wrong: number;
}

/** Tries until the daemon lets the person in, waiting as long as it says. */
export async function arrive(ask: () => Promise<Answer>): Promise<Arrival> {
  const startedAt = performance.now();
  const seconds = () => (performance.now() - startedAt) / 1000;
  for (let tries = 1; ; tries++) {
    const { status, content } = await ask();
    if (status === 0 && content.account) return { granted: true, tries, seconds: seconds(), wrong: 0 };
    if (status === 1 || status === 2) return { granted: false, tries, seconds: seconds(), wrong: 1 };
    const waitMs = Number(content.retry_after ?? 1) * 1000;
    if (seconds() * 1000 + waitMs > PATIENCE_MS) return { granted: false, tries, seconds: seconds(), wrong: 0 };
    await sleep(waitMs);
  }
}

export function summary(arrivals: readonly Arrival[]): Arrivals | undefined {
  if (arrivals.length === 0) return undefined;
  return {
    in: arrivals.filter(({ granted }) => granted).length,
    of: arrivals.length,
    tries: Math.max(...arrivals.map(({ tries }) => tries)),
    seconds: Math.max(...arrivals.map(({ seconds }) => seconds)),
  };
}

export interface HonestOptions {
  readonly stage: Stage;
  readonly socket: string;
  /** Where each of the known people comes from. */
  readonly addressOf?: (number: number) => string;
}

export interface Watched {
  /** How many come, at equal intervals. */
  readonly newcomers?: number;
  readonly returning?: boolean;
  /** The name of one of the newcomers: somebody guesses at this account meanwhile. */
  readonly victim?: string | undefined;
}

const addressOfKnown = (number: number) => `192.0.2.${number}`;

/** The honest people of an attack. `open` lets the known ones in and measures an idle daemon. */
export class Honest {
  readonly #stage: Stage;
  readonly #socket: string;
  readonly #addressOf: (number: number) => string;
  #clients: Client[] = [];
  #idle: number[] = [];
  #next = 0;
  wrong = 0;

  private constructor({ stage, socket, addressOf = addressOfKnown }: HonestOptions) {
    this.#stage = stage;
    this.#socket = socket;
    this.#addressOf = addressOf;
  }

  static async open(options: HonestOptions): Promise<Honest> {
    const honest = new Honest(options);
    await honest.#login();
    await honest.#connect();
    await honest.#proven(0.3); // warm
    honest.#idle = (await honest.#proven(honest.#stage.seconds(3, 1))).times;
    return honest;
  }

  async #login(): Promise<void> {
    for (let i = 1; i <= PROVEN + RETURNING; i++) {
      const arrival = await arrive(() => this.#ask(i));
      if (!arrival.granted) throw new Error(`known${i} was not let in by an idle daemon`);
    }
  }

  #ask(number: number): Promise<Answer> {
    const client = { address: this.#addressOf(number), service: 'apache' };
    return askOnce(this.#socket, `known${number}`, PASSWORD, { client });
  }

  async #connect(): Promise<void> {
    this.#clients = await Promise.all(Array.from({ length: 4 }, () => connect(this.#socket)));
  }

  /** Asks at a steady pace for so many seconds, whether the answers come or not. */
  async #proven(seconds: number, until?: Promise<unknown>): Promise<{ times: number[]; asked: number }> {
    const times: number[] = [];
    const asked: Promise<void>[] = [];
    let ended = false;
    void until?.then(() => {
      ended = true;
    });
    const startedAt = performance.now();
    for (let number = 0; until ? !ended : performance.now() - startedAt < seconds * 1000; number++) {
      asked.push(this.#proves(times));
      await sleep(Math.max(0, startedAt + (number + 1) * PACE_MS - performance.now()));
    }
    await Promise.race([Promise.all(asked), sleep(DEADLINE_MS, undefined, { ref: false })]);
    return { times, asked: asked.length };
  }

  async #proves(times: number[]): Promise<void> {
    const number = 1 + (this.#next++ % PROVEN);
    const askedAt = performance.now();
    try {
      const { status } = await (this.#clients[this.#next % this.#clients.length] as Client).check(
        `known${number}`,
        PASSWORD,
        { client: { address: this.#addressOf(number), service: 'apache' }, deadline_ms: DEADLINE_MS },
      );
      if (status === 0) times.push(performance.now() - askedAt);
      if (status === 1 || status === 2) this.wrong++;
    } catch {
      // closed: not served
    }
  }

  /** Django has hashed the passwords of some of the known people anew, so they have no proof any more. */
  rehash(): void {
    const encoded = encodePbkdf2(PASSWORD, { iterations: this.#stage.iterations });
    for (let i = PROVEN + 1; i <= PROVEN + RETURNING; i++) this.#stage.site.update(`known${i}`, { encoded });
  }

  /**
   * What becomes of all of them for so many seconds.
   */
  async watch(
    seconds: number,
    { newcomers = 8, returning = true, victim }: Watched = {},
  ): Promise<{ proven: Proven; newcomers: Arrivals | undefined; returning: Arrivals | undefined }> {
    if (returning) {
      this.rehash();
      await sleep(1_500); // longer than an account is cached
    }
    const fresh: Promise<Arrival>[] = [];
    const back: Promise<Arrival>[] = [];
    const arrivals = (async () => {
      const steps = Math.max(newcomers, returning ? RETURNING : 0, 1);
      for (let i = 0; i < steps; i++) {
        if (i < newcomers) fresh.push(this.#newcomer(i, i === 1 ? victim : undefined));
        if (returning && i < RETURNING) back.push(arrive(() => this.#ask(PROVEN + 1 + i)));
        await sleep((seconds * 1000) / steps);
      }
      await Promise.all([...fresh, ...back]);
    })();
    const { times, asked } = await this.#proven(seconds, arrivals);
    const ends = [await Promise.all(fresh), await Promise.all(back)] as const;
    for (const end of ends.flat()) this.wrong += end.wrong;
    return {
      proven: {
        served: times.length,
        of: asked,
        p50: quantile(times, 0.5),
        p99: quantile(times, 0.99),
        idleP50: quantile(this.#idle, 0.5),
        idleP99: quantile(this.#idle, 0.99),
      },
      newcomers: summary(ends[0]),
      returning: summary(ends[1]),
    };
  }

  #newcomer(number: number, victim?: string): Promise<Arrival> {
    const username = victim ?? this.#stage.newcomer();
    const client = { address: `203.0.113.${1 + (number % 250)}`, service: 'apache' };
    return arrive(() => askOnce(this.#socket, username, PASSWORD, { client }));
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }
}
