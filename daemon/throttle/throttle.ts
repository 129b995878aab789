import type { Clock } from '../clock.ts';
import type { Presented } from '../evidence/verifier.ts';
import { Busy } from '../fault.ts';
import { Networks, sourceOf } from '../network.ts';
import { DIGEST_WORDS, DigestTable } from '../proof/digest-table.ts';
import type { Greylist } from '../proof/greylist.ts';
import { KeyedDigest, readDigest } from '../proof/keyed-digest.ts';
import type { Verdict } from '../verdict.ts';
import type { Line } from './debt-table.ts';
import { type Debtor, Debts } from './debts.ts';
import { foldedName } from './folded-name.ts';
import type { DebtorKind, Limits } from './limits.ts';
import { RefusedList } from './refused-list.ts';
import type { ThrottleReport, ThrottleView } from './report.ts';
import type { Answer, SharedDebts } from './shared-debts.ts';

/** How many pairs of name and password are remembered as paid for, and for how long, in ms. */
const PAID_MAX = 65_536;
const PAID_MS = 3_600_000;

const NO_OCTETS = new Uint8Array();

/** A question that was admitted, as in request/admission.ts. */
interface Admitted {
  settle(verdict: Verdict): void;
}

const UNCOUNTED: Admitted = { settle() {} };

/** A question that has to be charged. */
interface Guess {
  /** Its name and password, as the table of paid pairs knows them. */
  readonly pair: string;
  /** The same as the greylist knows them. */
  readonly turnedAway: string;
  /** Whether it was turned away before. */
  readonly returns: boolean;
  readonly debtors: readonly Debtor[];
}

/**
 * Admits as many guesses as its limits allow. A guess is a pair of name and password that is not known to be paid for;
 * it is charged when it is admitted, so that guesses in flight count, to the name, to the source and to the site. Only a
 * grant gives the charge back: whoever is denied or not answered has paid, and repeats the same pair without paying.
 *
 * Nothing here depends on whether an account exists. Pairs and debtors are HMACs: no password is kept, and of the names
 * only those that were refused last (`RefusedList`).
 */
export class Throttle {
  readonly #keyed: KeyedDigest;
  readonly #debts: Debts;
  /** The flag: the line that was charged. */
  readonly #paid: DigestTable;
  readonly #greylist: Greylist;
  readonly #words = new Uint32Array(DIGEST_WORDS);
  readonly #refusals: Record<DebtorKind, number> = { name: 0, source: 0, site: 0 };
  readonly #list: RefusedList;
  /** Guesses that the store is being asked about, by pair. */
  readonly #asking = new Map<string, Promise<Admitted>>();
  #shared: SharedDebts | undefined;
  #limits: Limits;
  #exempt: Networks;

  constructor(clock: Clock, limits: Limits, greylist: Greylist, keyed = new KeyedDigest()) {
    this.#greylist = greylist;
    this.#keyed = keyed;
    this.#limits = limits;
    this.#exempt = new Networks(limits.exempt);
    this.#debts = new Debts(clock, limits);
    this.#list = new RefusedList(clock);
    this.#paid = new DigestTable({ max: PAID_MAX, ttlMs: PAID_MS, clock });
  }

  /** The limits in force. */
  get limits(): Limits {
    return this.#limits;
  }

  /** Puts other limits in force, and a store that other hosts share or none. What is owed stays. */
  configure(limits: Limits, shared?: SharedDebts): void {
    this.#limits = limits;
    this.#exempt = new Networks(limits.exempt);
    this.#debts.configure(limits);
    this.#shared = shared;
  }

  /** Charges a question that would cost a hash; a promise only if hosts share debts. @throws Busy, or rejects with it */
  admit(asked: Presented, site: string): Admitted | Promise<Admitted> {
    if (!this.#limits.enabled) return UNCOUNTED;
    const { username, evidence } = asked;
    if (evidence.secret === undefined) return UNCOUNTED;
    const pair = this.#keyed.of('pair', site, username, evidence.secret.octets);
    if (this.#paid.get(this.#wordsOf(pair)) !== undefined) return this.#admitted(pair, asked, site);
    // An equal question is about to be charged.
    const asking = this.#asking.get(pair);
    if (asking !== undefined) return asking.then(() => this.#admitted(pair, asked, site));

    const turnedAway = this.#greylist.digestOf(site, username, evidence.secret);
    const guess = { pair, turnedAway, returns: this.#greylist.has(turnedAway), debtors: this.#debtorsOf(asked, site) };
    const line = this.#charge(guess);
    const answer = this.#shared?.admit(guess.debtors, guess.returns, this.#limits);
    if (answer === undefined) {
      this.#pay(pair, line);
      return this.#admitted(pair, asked, site);
    }
    const admitted = this.#agree(guess, line, answer).then(() => this.#admitted(pair, asked, site));
    this.#asking.set(pair, admitted);
    const over = () => this.#asking.delete(pair);
    admitted.then(over, over);
    return admitted;
  }

  /** What `admit` would say to a question that has no proof, and what is owed. Charges nobody. Looks at this host only. */
  look(asked: Presented, site: string): ThrottleView {
    if (!this.#limits.enabled) return { enabled: false, paid: false, waitMs: 0, debtors: [] };
    const { username, evidence } = asked;
    const { secret } = evidence;
    const debtors = this.#debtorsOf(asked, site);
    const paid =
      secret !== undefined &&
      this.#paid.get(this.#wordsOf(this.#keyed.of('pair', site, username, secret.octets))) !== undefined;
    const returns = secret !== undefined && this.#greylist.has(this.#greylist.digestOf(site, username, secret));
    const waitMs = paid ? 0 : Math.min(this.#wait(debtors, 0), returns ? this.#wait(debtors, 1) : Infinity);
    return {
      enabled: true,
      paid,
      waitMs,
      debtors: debtors.map((debtor) => {
        const { kind, who } = debtor;
        const { burst, refillMs } = this.#limits[kind];
        const guesses = Math.ceil(this.#debts.owed(debtor, 0) / refillMs);
        return { kind, who, guesses, burst, waitMs: this.#debts.wait(debtor, 0) };
      }),
    };
  }

  /** Charges all debtors of a guess. @throws Busy */
  #charge(guess: Guess): Line {
    const { debtors, returns } = guess;
    const line = this.#wait(debtors, 0) === 0 ? 0 : returns && this.#wait(debtors, 1) === 0 ? 1 : undefined;
    if (line !== undefined) {
      for (const debtor of debtors) this.#debts.charge(debtor, line);
      return line;
    }
    const waits = debtors.map((debtor) => this.#debts.wait(debtor, 0));
    const longest = Math.max(...waits);
    const refusing = debtors[waits.indexOf(longest)] as Debtor;
    // A source that goes on with new pairs pays for them even now: whoever floods one name is soon refused for itself,
    // and leaves the name's refills to others.
    const source = debtors.find(({ kind }) => kind === 'source');
    if (source !== undefined && refusing.kind !== 'site' && !returns) this.#debts.penalize(source);
    throw this.#refuse(guess, refusing, Math.min(longest, this.#wait(debtors, 1)));
  }

  /** What the hosts together say to a guess that this host has charged. Rejects with Busy. */
  async #agree(guess: Guess, line: Line, answer: Promise<Answer | undefined>): Promise<void> {
    const { pair, debtors } = guess;
    const agreed = await answer;
    if (agreed === undefined) {
      this.#pay(pair, line);
      return;
    }
    if (agreed.line !== line) {
      for (const debtor of debtors) this.#debts.giveBack(debtor, line);
      if (agreed.line === undefined) throw this.#refuse(guess, agreed.refusing, agreed.waitMs);
      for (const debtor of debtors) this.#debts.charge(debtor, agreed.line);
    }
    this.#pay(pair, agreed.line);
  }

  #pay(pair: string, line: Line): void {
    this.#paid.set(this.#wordsOf(pair), line === 1);
  }

  /** The longest wait of all debtors. */
  #wait(debtors: readonly Debtor[], line: Line): number {
    return debtors.reduce((longest, debtor) => Math.max(longest, this.#debts.wait(debtor, line)), 0);
  }

  /** The pair is remembered: when it returns it has a line of its own, which no new guess can fill. */
  #refuse({ turnedAway }: Guess, refusing: Debtor, waitMs: number): Busy {
    this.#refusals[refusing.kind]++;
    this.#list.add(refusing, Math.max(waitMs, this.#debts.wait(refusing, 0)));
    this.#greylist.add(turnedAway);
    return new Busy('throttled', waitMs / 1_000);
  }

  #admitted(pair: string, asked: Presented, site: string): Admitted {
    return { settle: (verdict) => this.#settle(pair, asked, site, verdict) };
  }

  /** A right password of a user who is denied is not given back: what a guesser is charged must not tell it apart. */
  #settle(pair: string, asked: Presented, site: string, verdict: Verdict): void {
    if (verdict.kind !== 'granted') return;
    const words = this.#wordsOf(pair);
    const line = this.#paid.get(words) ? 1 : 0;
    // Of equal questions at the same time, or one after the other, one was charged.
    if (!this.#paid.delete(words)) return;
    const debtors = this.#debtorsOf(asked, site);
    for (const debtor of debtors) this.#debts.giveBack(debtor, line);
    // The store has charged it too, even if it said so too late or this is not the question that was charged.
    this.#shared?.giveBack(debtors, line, this.#limits);
  }

  /** Those whose limits count for a question. */
  #debtorsOf({ username, client }: Presented, site: string): Debtor[] {
    const debtors: Debtor[] = [];
    const { name, source, site: strangers } = this.#limits;
    if (name.burst > 0) debtors.push(this.#name(site, username));
    const from = source.burst > 0 && !this.#exempt.has(client.address) ? sourceOf(client.address) : '';
    if (from !== '') debtors.push(this.#source(from));
    if (strangers.burst > 0) debtors.push(this.#debtor('site', site, '', ''));
    return debtors;
  }

  #name(site: string, username: string): Debtor {
    return this.#debtor('name', site, username, foldedName(username));
  }

  #source(source: string): Debtor {
    return this.#debtor('source', '', source, source);
  }

  #debtor(kind: DebtorKind, site: string, who: string, folded: string): Debtor {
    return { kind, site, who, folded, digest: this.#keyed.of(kind, site, folded, NO_OCTETS) };
  }

  #wordsOf(digest: string): Uint32Array {
    return readDigest(digest, this.#words);
  }

  /** @param shows whether a refused username is to be shown */
  report(shows: (site: string, username: string) => boolean): ThrottleReport {
    const { enabled } = this.#limits;
    return {
      enabled,
      refusals: { ...this.#refusals },
      refused_now: this.#debts.refused(),
      refused: enabled ? this.#list.report(shows) : [],
      store_up: this.#shared?.up ?? null,
    };
  }

  /** Forgives a username of a site. Returns whether it owed anything to this host. */
  forgiveName(site: string, username: string): boolean {
    return this.#forgive(this.#name(site, username));
  }

  /** Forgives all strangers of a site together. Returns whether they owed anything. */
  forgiveSite(site: string): boolean {
    return this.#forgive(this.#debtor('site', site, '', ''));
  }

  /** Forgives the source that an address belongs to. Returns whether it owed anything. */
  forgiveSource(address: string): boolean {
    return this.#forgive(this.#source(sourceOf(address)));
  }

  /** Forgives all. Returns how many owed something. */
  forgiveAll(): number {
    this.#list.clear();
    this.#shared?.forgiveAll();
    return this.#debts.forgiveAll();
  }

  #forgive(debtor: Debtor): boolean {
    this.#list.forget(debtor);
    this.#shared?.forgive(debtor);
    return this.#debts.forgive(debtor);
  }
}
