/** Until when snapshots may decide. */
export interface Freshness {
  /** How old a snapshot may be when it decides, in ms: at present, and at any time. */
  readonly ttlMs: number;
  readonly ttlMaxMs: number;
  /** Until when a snapshot may decide whose query began at `askedAt`. */
  until(askedAt: number): number;
}

/** As long after the query as every other: nobody tells of changes. */
export class Aging implements Freshness {
  readonly ttlMs: number;
  readonly ttlMaxMs: number;

  constructor(ttlMs: number) {
    this.ttlMs = ttlMs;
    this.ttlMaxMs = ttlMs;
  }

  until(askedAt: number): number {
    return askedAt + this.ttlMs;
  }
}
