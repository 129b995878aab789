import type { DebtorKind } from './limits.ts';

/** One who is refused now. */
export interface RefusedReport {
  readonly kind: DebtorKind;
  /** "" for a source, which is one for all sites. */
  readonly site: string;
  /** A source; of a username eight digits that stand for it, or itself where usernames are requested. */
  readonly who: string;
  /** Until the next guess is admitted. */
  readonly seconds: number;
}

/** The figures of the throttle. */
export interface ThrottleReport {
  readonly enabled: boolean;
  /** Questions refused since the start, by who was refused. */
  readonly refusals: Readonly<Record<DebtorKind, number>>;
  /** How many are refused now. */
  readonly refused_now: Readonly<Record<DebtorKind, number>>;
  /** Some of them, the longest refused first. */
  readonly refused: readonly RefusedReport[];
  /** Whether the store that hosts share answers; null without one. */
  readonly store_up: boolean | null;
}

/** The throttle as it looks at one question. */
export interface ThrottleView {
  readonly enabled: boolean;
  /** Whether this very password was charged before and not given back: it is admitted without being charged. */
  readonly paid: boolean;
  /** Until the question would be admitted, in ms; 0: now. */
  readonly waitMs: number;
  readonly debtors: readonly DebtorView[];
}

export interface DebtorView {
  readonly kind: DebtorKind;
  /** The username, the source; "" for all strangers of the site. */
  readonly who: string;
  /** What is owed, in guesses, of at most so many. */
  readonly guesses: number;
  readonly burst: number;
  /** Until one more guess would be admitted, in ms; 0: now. */
  readonly waitMs: number;
}
