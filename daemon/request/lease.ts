/** For how long a grant may be used again without asking. */
export interface Lease {
  /** In whole ms, at least 1, from before the question was sent. */
  readonly ms: number;
  /** The epoch in which the question was asked: what was forgotten since ends the lease. */
  readonly epoch: bigint;
}

/** What leases depend on, beside the account. */
export interface Leasing {
  /** `cache.lease`, in ms; 0: there are none. */
  readonly maxMs: number;
  readonly epoch: { readonly value: bigint };
}

/** @param leftMs for how long the account may still decide */
export function leaseOf(leftMs: number, epoch: bigint, { maxMs }: Leasing): Lease | undefined {
  const ms = Math.floor(Math.min(leftMs, maxMs, LEASE_MAX_MS));
  return ms >= 1 ? { ms, epoch } : undefined;
}

/** The longest that the protocol can say. */
const LEASE_MAX_MS = 0xffff_ffff;
