import { hash } from 'node:crypto';
import { messageOf } from '../fault.ts';
import { KeyedDigest } from '../proof/keyed-digest.ts';
import type { Line } from './debt-table.ts';
import type { Debtor } from './debts.ts';
import { ceilings, type Limits } from './limits.ts';
import { ADMIT, GIVE_BACK } from './redis-scripts.ts';

/** What is used of a connection to Redis or Valkey. */
export interface RedisClient {
  on(event: 'ready' | 'close' | 'error', listener: (error?: Error) => void): unknown;
  eval(script: string, keys: number, ...parameters: (string | number)[]): Promise<unknown>;
  del(...keys: string[]): Promise<unknown>;
  scan(cursor: string, ...parameters: (string | number)[]): Promise<[cursor: string, keys: string[]]>;
  disconnect(): void;
}

export interface SharedDebtsOptions {
  /** The store without its password, for messages. */
  readonly name: string;
  readonly connect: () => RedisClient;
  /** The key that all hosts have. */
  readonly key: string;
  readonly log: { warn(message: string): void; info(message: string): void };
}

/** What the store says of a guess: the line that was charged, or who has to wait, and for how long in ms. */
export type Answer =
  | { readonly line: Line }
  | { readonly line: undefined; readonly refusing: Debtor; readonly waitMs: number };

/** How long a guess waits for the store, in ms. It is then admitted by what this host knows. */
const ANSWER_MS = 25;

/** From when on an answer is late not only because this process was busy, in ms. */
const LATE_MS = 2 * ANSWER_MS;

/** How long nothing is heard before the store is taken for away and no guess waits for it, in ms. */
const SILENCE_MS = 500;

/** How often it is said at most that the store answers too late, in ms. */
const LATE_LINE_MS = 3_600_000;

/** How often a store that is away is asked whether it is back, in ms. */
const PROBE_MS = 1_000;

/**
 * All keys have one hash tag, so that a cluster has them in one slot: a script takes the keys of one slot.
 */
const PREFIX = '{djauthd-throttle}:';

/** Asked for as a sign of life: what a guess needs is to run a script that writes. */
const PROBE = "redis.call('SET', KEYS[1], '1', 'PX', 1000) return 1";

/** Octets of a digest in a key. */
const KEY_OCTETS = 18;

/**
 * The debts that several hosts share, in Redis or Valkey. One script tells, by the server's clock, whether a guess is
 * admitted, and charges it. The keys are HMACs under a key that the hosts share: no name and no address leaves the host,
 * and nothing about a password does. While the store is away each host goes on with its own debts.
 */
export class SharedDebts {
  readonly #options: SharedDebtsOptions;
  readonly #keyed: KeyedDigest;
  readonly #client: RedisClient;
  /** undefined: it has not answered yet, and no guess has missed it. */
  #up: boolean | undefined;
  /** Since when a question has no answer; undefined if none is open. */
  #askedAt: number | undefined;
  #open = 0;
  #problem = '';
  /** When it was last said that answers are late. */
  #lateSaidAt = Number.NEGATIVE_INFINITY;
  #probe: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: SharedDebtsOptions) {
    this.#options = options;
    // A block of octets, as KeyedDigest wants it, from a text of any length.
    this.#keyed = new KeyedDigest(hash('sha512', `djauthd throttle\n${options.key}`, 'buffer'));
    this.#client = options.connect();
    this.#client.on('ready', () => this.#ask());
    this.#client.on('close', () => this.#away(this.#problem || 'the connection was closed'));
    this.#client.on('error', (error) => {
      this.#problem = messageOf(error);
    });
    this.#probe = setInterval(() => this.#ask(), PROBE_MS).unref();
  }

  /** Whether the store answers. */
  get up(): boolean {
    return this.#up === true;
  }

  /**
   * Charges a guess to all debtors, or none. undefined, and a promise of it, if the store does not tell in time: the guess
   * may be charged there all the same. Never rejects.
   */
  admit(debtors: readonly Debtor[], returns: boolean, limits: Limits): Promise<Answer | undefined> | undefined {
    if (!this.up || debtors.length === 0) return undefined;
    const source = debtors.findIndex(({ kind }) => kind === 'source') + 1;
    const site = debtors.findIndex(({ kind }) => kind === 'site') + 1;
    const parameters = debtors.flatMap(({ kind }) => {
      const limit = limits[kind];
      return [limit.refillMs, ...ceilings(limit)].map(Math.ceil);
    });
    const keys = debtors.map((debtor) => this.#keyOf(debtor));
    const fixed = [returns ? 1 : 0, Math.ceil(limits.penaltyMs), source, site];
    const reply = this.#tracked(this.#client.eval(ADMIT, keys.length, ...keys, ...fixed, ...parameters));
    return this.#inTime(reply.then((value) => answerOf(value, debtors)));
  }

  /** A guess that the store admitted was none. */
  giveBack(debtors: readonly Debtor[], line: Line, limits: Limits): void {
    if (!this.up || debtors.length === 0) return;
    const keys = debtors.map((debtor) => this.#keyOf(debtor));
    const refills = debtors.map(({ kind }) => Math.ceil(limits[kind].refillMs));
    this.#tracked(this.#client.eval(GIVE_BACK, keys.length, ...keys, line, ...refills)).catch(() => {});
  }

  forgive(debtor: Debtor): void {
    if (this.up) this.#tracked(this.#client.del(this.#keyOf(debtor))).catch(() => {});
  }

  /** Forgives everybody, in the background. */
  forgiveAll(): void {
    const remove = async () => {
      let cursor = '0';
      do {
        const [next, keys] = await this.#client.scan(cursor, 'MATCH', `${PREFIX}*`, 'COUNT', 1_000);
        if (keys.length > 0) await this.#client.del(...keys);
        cursor = next;
      } while (cursor !== '0');
    };
    if (this.up) remove().catch(() => {});
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#probe);
    this.#client.disconnect();
  }

  #keyOf({ kind, site, folded }: Debtor): string {
    const digest = Buffer.from(this.#keyed.of(kind, site, folded, new Uint8Array()), 'latin1');
    return PREFIX + digest.toString('base64url', 0, KEY_OCTETS);
  }

  /** The same reply; notes that the store answered, or for how long it has not. */
  async #tracked(reply: Promise<unknown>): Promise<unknown> {
    if (this.#open++ === 0) this.#askedAt = performance.now();
    try {
      const value = await reply;
      this.#heard();
      return value;
    } catch (error) {
      this.#away(messageOf(error));
      throw error;
    } finally {
      this.#open--;
      this.#askedAt = this.#open === 0 ? undefined : performance.now();
    }
  }

  /** undefined if there is no answer within ANSWER_MS. */
  #inTime(answer: Promise<Answer | undefined>): Promise<Answer | undefined> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        // An answer that has arrived is not late because this process was busy.
        setImmediate(() => setImmediate(() => resolve(undefined)));
        this.#checkSilence();
      }, ANSWER_MS);
      const askedAt = performance.now();
      const end = (value: Answer | undefined) => {
        clearTimeout(timer);
        if (value !== undefined && performance.now() - askedAt >= LATE_MS) this.#late();
        resolve(value);
      };
      answer.then(end, () => end(undefined));
    });
  }

  /** Asks for a sign of life, unless one is due. */
  #ask(): void {
    this.#checkSilence();
    if (this.#open === 0) this.#tracked(this.#client.eval(PROBE, 1, `${PREFIX}probe`)).catch(() => {});
  }

  #checkSilence(): void {
    if (this.#askedAt === undefined || performance.now() - this.#askedAt < SILENCE_MS) return;
    this.#away(`no answer within ${SILENCE_MS} ms`);
  }

  #heard(): void {
    if (this.#up === false) this.#options.log.info(`the throttle's store answers again: ${this.#options.name}`);
    this.#up = true;
    this.#problem = '';
  }

  #late(): void {
    const now = performance.now();
    if (now - this.#lateSaidAt < LATE_LINE_MS) return;
    this.#lateSaidAt = now;
    this.#options.log.warn(
      `the throttle's store answers too late, and guesses that do not wait for it are counted by each host for itself: ` +
        this.#options.name,
    );
  }

  #away(problem: string): void {
    if (this.#up === false || this.#closed) return;
    this.#up = false;
    this.#options.log.warn(
      `the throttle's store is away, and each host counts guesses for itself: ${this.#options.name}: ${problem}`,
    );
  }
}

/** @throws Error if the store answers something else than the script returns */
function answerOf(value: unknown, debtors: readonly Debtor[]): Answer {
  const [line, refusing, waitMs] = value as [number, number, number];
  if (line === 0 || line === 1) return { line };
  const debtor = debtors[refusing - 1];
  if (debtor === undefined || typeof waitMs !== 'number') throw new Error('the store gave no answer of the script');
  return { line: undefined, refusing: debtor, waitMs };
}
