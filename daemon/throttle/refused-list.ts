import type { Debtor, Debts } from './debts.ts';
import type { RefusedReport } from './report.ts';

/** How many of those who were refused last are remembered, and how many are reported. */
const REMEMBERED_MAX = 256;
const REPORTED_MAX = 20;

/** Characters of a username that are remembered. */
const WHO_MAX = 256;

/** Hexadecimal digits that stand for a username. */
const DIGITS = 8;

/** Those who were refused last, with their names: the debts themselves have only digests. */
export class RefusedList {
  readonly #debts: Debts;
  readonly #debtors = new Map<string, Debtor>();

  constructor(debts: Debts) {
    this.#debts = debts;
  }

  add(debtor: Debtor): void {
    this.#debtors.delete(debtor.digest);
    this.#debtors.set(debtor.digest, { ...debtor, who: debtor.who.slice(0, WHO_MAX) });
    if (this.#debtors.size <= REMEMBERED_MAX) return;
    for (const oldest of this.#debtors.keys()) {
      this.#debtors.delete(oldest);
      return;
    }
  }

  /**
   * Those of them who are still refused, the longest first. A username is shown as eight digits unless `shows` says
   * otherwise: users type their password there.
   */
  report(shows: (site: string, username: string) => boolean): RefusedReport[] {
    const refused: RefusedReport[] = [];
    for (const debtor of this.#debtors.values()) {
      const ms = this.#debts.wait(debtor, 0);
      if (ms === 0) {
        this.#debtors.delete(debtor.digest);
        continue;
      }
      const { kind, site, who, digest } = debtor;
      const hidden = kind === 'name' && !shows(site, who);
      const shown = hidden ? Buffer.from(digest, 'latin1').toString('hex', 0, DIGITS / 2) : who;
      refused.push({ kind, site, who: shown, seconds: ms / 1_000 });
    }
    return refused.sort((a, b) => b.seconds - a.seconds).slice(0, REPORTED_MAX);
  }
}
