import type { Verdict } from '../verdict.ts';
import { Histogram } from './histogram.ts';
import { RateWindow } from './rate-window.ts';

/** How an answer was come by: the password was known, was hashed, or somebody else had looked at it. */
export const WAYS = ['cached', 'hashed', 'authorized'] as const;
export type Way = (typeof WAYS)[number];

export const KINDS = ['granted', 'denied', 'busy', 'error'] as const;
export type Kind = Verdict['kind'];
export type ByKind = Record<Kind, number>;

const PLACE: Readonly<Record<Kind, number>> = { granted: 0, denied: 1, busy: 2, error: 3 };

/**
 * What has been counted since the start. Recording is a few additions to arrays that are there already, for it happens
 * at each answer; everything else is done when somebody asks.
 */
export class Counters {
  readonly durations: Readonly<Record<Way, Histogram>> = {
    cached: new Histogram(),
    hashed: new Histogram(),
    authorized: new Histogram(),
  };
  readonly recent = new RateWindow();
  badRequests = 0;
  reloads = 0;
  reloadsRefused = 0;
  #sites = new Map<string, Float64Array>();
  /** For questions about no site or one that is not configured: a stranger's names make no entries. */
  readonly #nowhere = new Float64Array(KINDS.length);

  /** From now on there are these sites; those that were there before keep what was counted. */
  configure(names: Iterable<string>): void {
    this.#sites = new Map(
      [...names].map((name) => [name, this.#sites.get(name) ?? new Float64Array(KINDS.length)] as const),
    );
  }

  /** @param way undefined where nobody looked for a password: then the time says nothing */
  record(site: string | undefined, kind: Kind, way: Way | undefined, ms: number, nowMs: number): void {
    const counts = (site === undefined ? undefined : this.#sites.get(site)) ?? this.#nowhere;
    const place = PLACE[kind];
    counts[place] = (counts[place] as number) + 1;
    // What was not answered, for a fault or for want of room, has taken no time that tells anything.
    if (way !== undefined && place <= PLACE.denied) this.durations[way].observe(ms / 1000);
    this.recent.add(nowMs, way === 'hashed');
  }

  /** The verdicts of a site; undefined: of none that is configured. */
  verdicts(site: string | undefined): ByKind {
    const counts = site === undefined ? this.#nowhere : this.#sites.get(site);
    const [granted = 0, denied = 0, busy = 0, error = 0] = counts ?? [];
    return { granted, denied, busy, error };
  }
}
