import type { Clock } from '../clock.ts';
import type { Freshness } from './freshness.ts';

/** What a listener of a database tells about its accounts. */
export interface Heard {
  /** The accounts with these primary keys may have changed; undefined: any account may have. */
  changed(ids?: ReadonlySet<string>): void;
  /** It hears from now on. What was read before now may have changed without a word. */
  began(): void;
  /** All changes that were committed before this moment, by `clock`, have been told. */
  proven(at: number): void;
  /** It does not hear any more, or cannot begin to. @param reason a sentence without a password */
  ended(reason: string): void;
  readonly clock: Clock;
}

/** The state of a site's listener, as `djauthd stats --json` prints it. Times are in seconds. */
export interface HearingReport {
  readonly hears: boolean;
  /** Time since `hears` last changed. */
  readonly state_seconds: number;
  /** Notifications of changes since the start. */
  readonly notifications: number;
  /** Time since the latest canary was sent that came back; null before the first. */
  readonly canary_seconds: number | null;
  /** Why it does not hear; null if it does. */
  readonly reason: string | null;
}

export interface HearingOptions {
  /** How old a snapshot may be while changes are heard, in ms. */
  readonly ttlMs: number;
  /** How old it may be otherwise, and how long a proof of hearing counts. */
  readonly fallbackMs: number;
  readonly clock: Clock;
  /** Forgets the accounts with these primary keys, or all. */
  readonly forget: (ids?: ReadonlySet<string>) => void;
  /** Called when it begins or ends to hear. */
  readonly onChange: (hears: boolean, reason: string | undefined) => void;
}

/**
 * What a site hears of changes, and so until when its snapshots may decide.
 *
 * That the listener's connection is open proves nothing: it may be silent for minutes before that is noticed. So a snapshot
 * counts as fresh as the latest canary, a notification that the daemon itself sent and that came back: whatever was
 * committed before it was sent has been told. However the listener dies, nothing decides that is older than `fallbackMs`.
 */
export class Hearing implements Heard, Freshness {
  readonly #options: HearingOptions;
  /** undefined before the first attempt has ended. */
  #hears: boolean | undefined;
  #changedAt: number;
  #provenAt = Number.NEGATIVE_INFINITY;
  #notifications = 0;
  #reason: string | undefined = 'it has not begun yet';

  constructor(options: HearingOptions) {
    this.#options = options;
    this.#changedAt = options.clock.now();
  }

  get clock(): Clock {
    return this.#options.clock;
  }

  get ttlMaxMs(): number {
    return this.#options.ttlMs;
  }

  get ttlMs(): number {
    const { ttlMs, fallbackMs } = this.#options;
    return this.clock.now() < this.#provenAt + fallbackMs ? ttlMs : fallbackMs;
  }

  /** Also after the end: what was proven stays true, and `began` forgets all that was read before. */
  until(askedAt: number): number {
    const { ttlMs, fallbackMs } = this.#options;
    return Math.max(askedAt + fallbackMs, Math.min(askedAt + ttlMs, this.#provenAt + fallbackMs));
  }

  changed(ids?: ReadonlySet<string>): void {
    this.#notifications += ids?.size ?? 1;
    this.#options.forget(ids);
  }

  began(): void {
    this.#options.forget();
    this.#turn(true, undefined);
  }

  proven(at: number): void {
    this.#provenAt = Math.max(this.#provenAt, at);
  }

  ended(reason: string): void {
    this.#turn(false, reason);
  }

  report(): HearingReport {
    const now = this.clock.now();
    const seconds = (at: number) => Math.max(0, (now - at) / 1000);
    return {
      hears: this.#hears === true,
      state_seconds: seconds(this.#changedAt),
      notifications: this.#notifications,
      canary_seconds: Number.isFinite(this.#provenAt) ? seconds(this.#provenAt) : null,
      reason: this.#reason ?? null,
    };
  }

  #turn(hears: boolean, reason: string | undefined): void {
    const before = this.#hears;
    this.#hears = hears;
    this.#reason = reason;
    if (before === hears) return;
    this.#changedAt = this.clock.now();
    this.#options.onChange(hears, reason);
  }
}
