import { pino } from 'pino';
import { messageOf } from '../fault.ts';
import type { Counters } from '../metrics/counters.ts';
import type { Decision, Question } from '../request/question.ts';
import { LineRate } from './line-rate.ts';
import { type Log, timestamp, writeLine } from './log.ts';
import { nameInLog, shortened, type UnknownNames } from './names.ts';
import { verdictLine } from './verdict-line.ts';

/** The level of each kind of line of which there is a bounded number in a second. Grants are not bounded. */
const LEVELS = { denied: 'info', busy: 'warn', error: 'error', misuse: 'warn', stale: 'warn' } as const;
type Kind = keyof typeof LEVELS;

/** pino's numbers of these levels. */
const VALUES = pino.levels.values as Readonly<Record<'info' | 'warn' | 'error', number>>;

/** How often a line says where to look, in ms: it is the same for all. */
const HINT_MS = 60_000;
const HINT = 'djauthd explain USER says why; djauthd audit lists the accounts that can never pass';

/** The process that asked, as far as it is known. */
interface Asker {
  readonly uid: number;
  readonly pid: number;
}

/** Records what happens: counts it and writes the log line. Called for each decision, of whichever front end. */
export class Observer {
  readonly #log: Log;
  readonly #counters: Counters;
  readonly #rate: LineRate;
  #unknownNames: UnknownNames = 'digest';
  #hintedAt = Number.NEGATIVE_INFINITY;

  constructor(log: Log, counters: Counters) {
    this.#log = log;
    this.#counters = counters;
    this.#rate = new LineRate((kind, count) =>
      log[LEVELS[kind as Kind]]({ omitted: count }, `and ${count.toLocaleString('en')} more lines: ${kind}`),
    );
  }

  configure({ unknown_names, lines }: { readonly unknown_names: UnknownNames; readonly lines: number }): void {
    this.#unknownNames = unknown_names;
    this.#rate.perSecond = lines;
  }

  /** A question that came at `startedAt` is answered at `now`, both by the daemon's clock. */
  decided(question: Question, decision: Decision, startedAt: number, now: number): void {
    const { verdict, site, source } = decision;
    const ms = now - startedAt;
    if (question.leased > 0) this.#counters.recordLeased(site, question.leased, now);
    this.#counters.record(site, verdict, source === 'vouched' ? 'authorized' : source, ms, now);
    if (verdict.kind === 'granted' && verdict.stale) {
      this.#stale(question, decision, ms);
      return;
    }
    const log = this.#log;
    const level = VALUES[verdict.kind === 'granted' ? 'info' : LEVELS[verdict.kind]];
    if (level < log.levelVal) return;
    const refused = verdict.kind === 'granted' ? undefined : verdict;
    if (refused !== undefined && !this.#rate.admits(refused.kind)) return;
    const line = verdictLine({
      level,
      time: timestamp(),
      site: site && shortened(site),
      user: nameInLog(question.username, decision.known, this.#unknownNames),
      service: shortened(question.client.service),
      address: shortened(question.client.address),
      reason: refused?.reason,
      asker: refused && question.peer,
      ms,
      cached: source !== undefined && source !== 'hashed',
      hint: refused?.kind === 'denied' && now - this.#hintedAt >= HINT_MS ? this.#hint(now) : undefined,
      verdict: verdict.kind,
    });
    writeLine(log, level, line);
  }

  /** A grant while the database was away. */
  #stale({ username, client }: Question, { site, source }: Decision, ms: number): void {
    this.#counters.recordStale(site);
    if (!this.#rate.admits('stale')) return;
    this.#log[LEVELS.stale](
      {
        site: site && shortened(site),
        user: shortened(username),
        service: shortened(client.service),
        address: shortened(client.address),
        stale: true,
        ms: Math.round(ms * 1000) / 1000,
        cached: source === 'cached',
      },
      'granted',
    );
  }

  #hint(now: number): string {
    this.#hintedAt = now;
    return HINT;
  }

  /** A client broke the protocol or was refused, as a sentence. */
  misused(message: string, peer?: Asker): void {
    this.#counters.badRequests++;
    if (this.#rate.admits('misuse')) this.#log.warn(askerOf(peer), message);
  }

  reloaded(sites: readonly string[]): void {
    this.#counters.reloads++;
    this.#log.info({ sites }, 'configuration reloaded');
  }

  reloadFailed(error: unknown): void {
    this.#counters.reloadsFailed++;
    this.#log.error(`reload failed, keeping the current configuration: ${messageOf(error)}`);
  }
}

function askerOf(peer: Asker | undefined): object {
  return peer === undefined ? {} : { uid: peer.uid, pid: peer.pid };
}
