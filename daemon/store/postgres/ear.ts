import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { CompiledQuery } from 'kysely';
import pg from 'pg';
import type { Heard } from '../../account/hearing.ts';
import { Busy, messageOf } from '../../fault.ts';
import type { ConnectionPool } from '../connection-pool.ts';
import { QueryError } from '../query-error.ts';
import type { Schema } from '../schema.ts';
import { connect, socketOf } from './connect.ts';
import { SESSION_OPTIONS } from './session.ts';
import type { Standbys } from './standbys.ts';
import { CANARY_QUERY, IDENTITY_QUERY, type Identity, inspectTriggers } from './trigger-catalog.ts';
import { CANARY, channelOf, ONE, spelled, watchedOf } from './triggers.ts';
import type { Settings } from './url.ts';

export interface EarOptions {
  /** Where to listen: the server itself, not a pooler. */
  readonly settings: Settings;
  readonly schema: Schema;
  /** The connections that read accounts. Canaries are sent on one: what is heard comes from where accounts are read. */
  readonly pool: ConnectionPool;
  readonly timeoutMs: number;
  /** The time from one canary to the next, in ms. */
  readonly periodMs: number;
  readonly heard: Heard;
  /** Those of the pool. */
  readonly standbys: Standbys;
}

const FROM_STANDBY = 'accounts are read from a standby, which lags behind what is told';
const AT_STANDBY = 'the server to listen at is a standby, which hears no notifications: name the primary';

/** SQLSTATE read_only_sql_transaction: of LISTEN, that the server is in recovery. */
const READ_ONLY = '25006';

/** How long an attempt waits for the next one, in ms: twice as long each time. */
const PAUSE_MS = 250;
const PAUSE_MAX_MS = 15_000;

/** How long no canary may come back before the connection is given up, in ms: some periods, and no less than this. */
const SILENCE_MIN_MS = 3_000;
const SILENCE_PERIODS = 6;

/** More notifications than this from one canary to the next are a flood: the ear is closed for a pause. */
const FLOOD = 20_000;

/** What the ear is closed for is over no sooner than after the longest pause. */
class Flooded extends Error {}

/** More accounts than this in one turn are forgotten as all. */
const TURN_MAX = 1_000;

/**
 * One connection that listens for changes of accounts, for as long as it is not closed.
 *
 * Each session begins from nothing: the triggers are looked at, LISTEN is sent, and with the first canary that comes back
 * everything that was read before is forgotten. Anything unexpected ends the session.
 */
export class Ear {
  readonly #options: EarOptions;
  readonly #channel: string;
  readonly #tables: readonly string[];
  readonly #closed = new AbortController();

  constructor(options: EarOptions) {
    this.#options = options;
    this.#channel = channelOf(options.schema);
    this.#tables = watchedOf(options.schema).map(({ table }) => spelled(table));
    void this.#run();
  }

  close(): void {
    this.#closed.abort();
  }

  /** Does not reject. */
  async #run(): Promise<void> {
    const { signal } = this.#closed;
    let pause = PAUSE_MS;
    while (!signal.aborted) {
      try {
        await this.#session(() => {
          pause = PAUSE_MS;
        });
      } catch (error) {
        if (error instanceof Flooded) pause = PAUSE_MAX_MS;
        if (!signal.aborted) this.#options.heard.ended(messageOf(error));
      }
      await sleep(pause, undefined, { signal, ref: false }).catch(() => {});
      pause = Math.min(2 * pause, PAUSE_MAX_MS);
    }
  }

  /** Rejects with the reason of its end. */
  async #session(onBegin: () => void): Promise<never> {
    const { settings, timeoutMs, heard } = this.#options;
    // First what identifies them, so that nothing done to them from now on is missed.
    const identity = await this.#identify(IDENTITY_QUERY, '');
    const problem = await this.#problem();
    if (problem !== undefined) throw new Error(problem);
    const client = await connect(settings, {
      applicationName: 'djauthd listener',
      statementTimeoutMs: timeoutMs,
      startup: SESSION_OPTIONS,
      timeoutMs,
      signal: this.#closed.signal,
    });
    const session = new Session(heard);
    const onAbort = () => session.end(new Error('closed'));
    this.#closed.signal.addEventListener('abort', onAbort);
    try {
      client.on('error', (error) => session.end(error));
      client.on('end', () => session.end(new Error('the server closed the connection')));
      client.on('notification', ({ channel, payload }) => {
        if (channel === this.#channel) session.told(payload ?? '');
      });
      await Promise.race([this.#listen(client), session.over]);
      return await Promise.race([this.#watch(session, identity, onBegin), session.over]);
    } finally {
      session.end(new Error('closed'));
      this.#closed.signal.removeEventListener('abort', onAbort);
      socketOf(client).destroy();
    }
  }

  async #listen(client: pg.Client): Promise<void> {
    const timer = setTimeout(() => {
      socketOf(client).destroy(new Error('the server does not answer LISTEN'));
    }, this.#options.timeoutMs);
    try {
      await client.query(`LISTEN ${client.escapeIdentifier(this.#channel)}`).catch((error) => {
        throw error instanceof pg.DatabaseError && error.code === READ_ONLY ? new Error(AT_STANDBY) : error;
      });
    } finally {
      clearTimeout(timer);
    }
  }

  /** Sends canaries, until one is not heard any more. */
  async #watch(session: Session, identity: Identity, onBegin: () => void): Promise<never> {
    const { heard, periodMs, standbys } = this.#options;
    const { signal } = this.#closed;
    const silenceMax = Math.max(SILENCE_MIN_MS, SILENCE_PERIODS * periodMs);
    let provenAt = heard.clock.now();
    let hears = false;
    let { columns } = identity;
    const seen = standbys.seen;
    for (;;) {
      const sentAt = heard.clock.now();
      const name = randomBytes(8).toString('hex');
      const back = session.expect(name, silenceMax);
      try {
        const found = await this.#identify(CANARY_QUERY, `${CANARY}${name}`);
        if (standbys.open > 0 || standbys.seen !== seen) throw new Error(FROM_STANDBY);
        if (found.triggers !== identity.triggers) {
          throw new Error((await this.#problem()) ?? 'the triggers were changed');
        }
        // What was read from other columns is forgotten before anything that was read counts as fresh.
        if (found.columns !== columns) heard.changed();
        columns = found.columns;
        if (await back) {
          if (!hears) {
            heard.began();
            onBegin();
          }
          hears = true;
          provenAt = sentAt;
          heard.proven(sentAt);
        }
      } catch (error) {
        // No connection was free, or the server is away for a moment: what was heard ages meanwhile.
        const passes = error instanceof Busy || (error instanceof QueryError && error.class !== 'fault');
        if (!passes) throw standbys.open > 0 ? new Error(FROM_STANDBY) : error;
        if (heard.clock.now() - provenAt > silenceMax) throw error;
      }
      const silentMs = heard.clock.now() - provenAt;
      if (silentMs > silenceMax) {
        throw new Error(
          `a notification of its own has not come back for ${Math.round(silentMs / 1000)} s: ` +
            'listen_url must lead to the server itself and to the same database, not to a pooler',
        );
      }
      await sleep(Math.max(0, sentAt + periodMs - heard.clock.now()), undefined, { signal, ref: false });
    }
  }

  /** Why changes cannot be heard as the database is now; undefined if they can. */
  async #problem(): Promise<string | undefined> {
    const { mute, obstacles, problems } = await inspectTriggers(
      (sql, parameters) => this.#ask(sql, parameters),
      this.#options.schema,
    );
    return [mute, ...obstacles, ...problems].find((each) => each !== undefined);
  }

  /** What identifies triggers and tables as they are. */
  async #identify(sql: string, payload: string): Promise<Identity> {
    const [row] = await this.#ask(sql, [this.#channel, payload, this.#tables]);
    return row as Identity;
  }

  #ask(sql: string, parameters: readonly unknown[]): Promise<unknown[]> {
    return this.#options.pool.query(CompiledQuery.raw(sql, [...parameters]));
  }
}

/** What is told on one connection. */
class Session {
  readonly over: Promise<never>;
  readonly #heard: Heard;
  #end: (reason: Error) => void = () => {};
  #ended = false;
  #expected: { readonly name: string; readonly resolve: (came: boolean) => void } | undefined;
  #notifications = 0;
  /** Accounts told in this turn; undefined: any may have changed. */
  #changed: Set<string> | undefined = new Set();
  #pending = false;

  constructor(heard: Heard) {
    this.#heard = heard;
    this.over = new Promise((_, reject) => {
      this.#end = reject;
    });
    this.over.catch(() => {});
  }

  end(reason: Error): void {
    this.#ended = true;
    this.#end(reason);
  }

  /** Whether the canary of that name comes back within so many ms. */
  expect(name: string, ms: number): Promise<boolean> {
    this.#notifications = 0;
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), ms).unref();
      this.#expected = {
        name,
        resolve(came) {
          clearTimeout(timer);
          resolve(came);
        },
      };
    });
  }

  told(payload: string): void {
    if (this.#ended) return;
    if (payload.startsWith(CANARY)) {
      if (payload.slice(CANARY.length) === this.#expected?.name) this.#expected.resolve(true);
      return;
    }
    this.#notifications++;
    if (this.#notifications > FLOOD) {
      this.end(new Flooded(`more than ${FLOOD} notifications came at once`));
      return;
    }
    const id = payload.startsWith(ONE) ? payload.slice(ONE.length) : undefined;
    if (id === undefined || this.#changed === undefined || this.#changed.size >= TURN_MAX) this.#changed = undefined;
    else this.#changed.add(id);
    if (this.#pending) return;
    this.#pending = true;
    // Of all that one read of the socket brought, before anything else is read.
    queueMicrotask(() => {
      const changed = this.#changed;
      this.#pending = false;
      this.#changed = new Set();
      this.#heard.changed(changed);
    });
  }
}
