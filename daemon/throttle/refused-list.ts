import type { Clock } from '../clock.ts';
import type { Debtor } from './debts.ts';
import type { RefusedReport } from './report.ts';

/** How many of those who were refused last are remembered, and how many are reported. */
const REMEMBERED_MAX = 256;
const REPORTED_MAX = 20;

/** Characters of a username that are remembered. */
const WHO_MAX = 256;

/** Hexadecimal digits that stand for a username. */
const DIGITS = 8;

interface Refused extends Pick<Debtor, 'kind' | 'site' | 'who'> {
  /** When the next guess is admitted, by the clock. */
  readonly until: number;
}

/** Those who were refused last, with their names: the debts themselves have only digests. */
export class RefusedList {
  readonly #clock: Clock;
  /** By digest, the last one last. */
  readonly #refused = new Map<string, Refused>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add({ kind, site, who, digest }: Debtor, waitMs: number): void {
    this.#refused.delete(digest);
    this.#refused.set(digest, { kind, site, who: who.slice(0, WHO_MAX), until: this.#clock.now() + waitMs });
    if (this.#refused.size <= REMEMBERED_MAX) return;
    for (const oldest of this.#refused.keys()) {
      this.#refused.delete(oldest);
      return;
    }
  }

  forget({ digest }: Debtor): void {
    this.#refused.delete(digest);
  }

  clear(): void {
    this.#refused.clear();
  }

  /**
   * Those of them who are still refused, the longest first. A username is shown as eight digits unless `shows` says
   * otherwise: users type their password there.
   */
  report(shows: (site: string, username: string) => boolean): RefusedReport[] {
    const now = this.#clock.now();
    const refused: RefusedReport[] = [];
    for (const [digest, { kind, site, who, until }] of this.#refused) {
      if (until <= now) {
        this.#refused.delete(digest);
        continue;
      }
      const hidden = kind === 'name' && !shows(site, who);
      const shown = hidden ? Buffer.from(digest, 'latin1').toString('hex', 0, DIGITS / 2) : who;
      refused.push({ kind, site, who: shown, seconds: (until - now) / 1_000 });
    }
    return refused.sort((a, b) => b.seconds - a.seconds).slice(0, REPORTED_MAX);
  }
}
