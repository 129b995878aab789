import { DIGEST_WORDS } from '../proof/digest-table.ts';

/** Means that a debtor is not in the table. */
export const NONE = -1;

/** The words of a digest that are kept: 128 bits under a secret key are never equal by chance. */
const KEPT_WORDS = 4;

/** The entries among which a digest has its place. */
const WAYS = 8;

/** Each debtor has two debts: the ordinary one, and that of questions which return after having been turned away. */
export type Line = 0 | 1;
const LINES = 2;

/**
 * Who owes how much: for each debtor's digest two moments, by the daemon's clock in ms, at which its debts are paid. It
 * is a few typed arrays of fixed size, 32 octets for an entry; the system allocates memory only as it is filled.
 *
 * A digest has its place in one of eight entries. If others have all of them, the one whose debts are paid first gives
 * way: filling the table makes it forget what time would have made it forget first. Digests must be keyed with a secret:
 * then nobody can choose which debtors share their eight entries.
 */
export class DebtTable {
  readonly #mask: number;
  readonly #digests: Uint32Array;
  readonly #paidAt: Float64Array;

  /** @param entries a power of two, at least 8 */
  constructor(entries: number) {
    this.#mask = entries / WAYS - 1;
    this.#digests = new Uint32Array(entries * KEPT_WORDS);
    this.#paidAt = new Float64Array(entries * LINES);
  }

  /** The entry of a digest; NONE if it has none. It is valid until the next `take`. */
  find(digest: Uint32Array): number {
    const first = this.#firstOf(digest);
    for (let entry = first; entry < first + WAYS; entry++) if (this.#is(entry, digest)) return entry;
    return NONE;
  }

  /** The entry of a digest, which is put into the table if it is not there. */
  take(digest: Uint32Array): number {
    const found = this.find(digest);
    if (found !== NONE) return found;
    const first = this.#firstOf(digest);
    let least = first;
    for (let entry = first + 1; entry < first + WAYS; entry++) {
      if (this.#lastPaidAt(entry) < this.#lastPaidAt(least)) least = entry;
    }
    this.#digests.set(digest.subarray(0, KEPT_WORDS), least * KEPT_WORDS);
    this.#paidAt.fill(0, least * LINES, (least + 1) * LINES);
    return least;
  }

  /** The moment at which a debt is paid; 0 for NONE. */
  paidAt(entry: number, line: Line): number {
    return entry === NONE ? 0 : (this.#paidAt[entry * LINES + line] as number);
  }

  setPaidAt(entry: number, line: Line, moment: number): void {
    this.#paidAt[entry * LINES + line] = moment;
  }

  /** How many debtors have an ordinary debt that is paid after that moment. */
  countAfter(moment: number): number {
    let count = 0;
    for (let at = 0; at < this.#paidAt.length; at += LINES) if ((this.#paidAt[at] as number) > moment) count++;
    return count;
  }

  /** Forgets a debtor. Returns whether it had an entry. */
  forget(digest: Uint32Array): boolean {
    const entry = this.find(digest);
    if (entry === NONE) return false;
    this.#digests.fill(0, entry * KEPT_WORDS, (entry + 1) * KEPT_WORDS);
    this.#paidAt.fill(0, entry * LINES, (entry + 1) * LINES);
    return true;
  }

  clear(): void {
    this.#digests.fill(0);
    this.#paidAt.fill(0);
  }

  #firstOf(digest: Uint32Array): number {
    return ((digest[DIGEST_WORDS - 1] as number) & this.#mask) * WAYS;
  }

  #is(entry: number, digest: Uint32Array): boolean {
    const from = entry * KEPT_WORDS;
    let difference = 0;
    for (let at = 0; at < KEPT_WORDS; at++) difference |= (this.#digests[from + at] as number) ^ (digest[at] as number);
    return difference === 0;
  }

  #lastPaidAt(entry: number): number {
    const from = entry * LINES;
    return Math.max(this.#paidAt[from] as number, this.#paidAt[from + 1] as number);
  }
}
