/** Who owes for guesses: a username of a site, a source, or all strangers of a site together. */
export const DEBTORS = ['name', 'source', 'site'] as const;
export type DebtorKind = (typeof DEBTORS)[number];

/** How many guesses a debtor has: `burst` at once, then one more each `refillMs`. A burst of 0: no limit. */
export interface Limit {
  readonly burst: number;
  readonly refillMs: number;
}

export interface Limits extends Readonly<Record<DebtorKind, Limit>> {
  readonly enabled: boolean;
  /** How long a source that goes on when it is refused can be refused after it stops, in ms. */
  readonly penaltyMs: number;
  /** Networks whose addresses are no source. */
  readonly exempt: readonly string[];
}

/** The section `[throttle]` of the configuration. */
interface ThrottleKeys {
  readonly enabled: boolean;
  readonly name: number;
  readonly name_refill: number;
  readonly source: number;
  readonly source_refill: number;
  readonly site: number;
  readonly site_refill: number;
  readonly penalty: number;
  readonly exempt: readonly string[];
}

export function limitsOf(keys: ThrottleKeys): Limits {
  return {
    enabled: keys.enabled,
    name: { burst: keys.name, refillMs: keys.name_refill },
    source: { burst: keys.source, refillMs: keys.source_refill },
    site: { burst: keys.site, refillMs: keys.site_refill },
    penaltyMs: keys.penalty,
    exempt: keys.exempt,
  };
}

/** Questions that return after having been turned away have a quarter of the burst for themselves. */
const RETURNING_SHARE = 4;

/** The highest debt of each line, in ms: the ordinary one, and that of returning questions. */
export function ceilings({ burst, refillMs }: Limit): readonly [number, number] {
  return [burst * refillMs, Math.ceil(burst / RETURNING_SHARE) * refillMs];
}
