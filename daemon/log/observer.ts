import { messageOf } from '../fault.ts';
import type { Counters } from '../metrics/counters.ts';
import type { Decision, Question } from '../request/question.ts';
import { type Log, shortened } from './log.ts';

/** Records what happens: counts it and writes the log line. Called for each decision, of whichever front end. */
export class Observer {
  readonly #log: Log;
  readonly #counters: Counters;

  constructor(log: Log, counters: Counters) {
    this.#log = log;
    this.#counters = counters;
  }

  /** A question that came at `startedAt` is answered at `now`, both by the daemon's clock. */
  decided(question: Question, { verdict, site, source }: Decision, startedAt: number, now: number): void {
    const ms = now - startedAt;
    this.#counters.record(site, verdict.kind, source === 'vouched' ? 'authorized' : source, ms, now);
    const level = verdict.kind === 'error' ? 'error' : verdict.kind === 'busy' ? 'warn' : 'info';
    if (!this.#log.isLevelEnabled(level)) return;
    this.#log[level](
      {
        site: site && shortened(site),
        user: shortened(question.username),
        service: question.client.service,
        address: question.client.address,
        ...(verdict.kind === 'granted' ? {} : { reason: verdict.reason }),
        ms: Math.round(ms * 1000) / 1000,
        cached: source !== undefined && source !== 'hashed',
      },
      verdict.kind,
    );
  }

  /** A client broke the protocol or was refused, as a sentence. */
  misused(message: string): void {
    this.#counters.badRequests++;
    this.#log.warn(message);
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
