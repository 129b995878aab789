import type { BusyReason } from './verdict.ts';

/** Said of a fault: the database cannot be reached or does not answer in time, which says nothing about its content. */
export const AWAY = { away: true } as const;

/** The question cannot be answered: the database is down, a hash cannot be computed. Becomes the verdict `error`. */
export class Fault extends Error {
  /** Whether what was known before may decide (`cache.stale_if_error`). Not if the database refuses or has changed. */
  readonly away: boolean;

  constructor(message: string, { away }: { readonly away: boolean } = { away: false }) {
    super(message);
    this.away = away;
  }
}

export function isAway(error: unknown): boolean {
  return error instanceof Fault && error.away;
}

/** Not answered now: the hash queue is full, the deadline is over. Becomes the verdict `busy`. */
export class Busy extends Error {
  readonly reason: BusyReason;
  /** The time in seconds after which asking again may help; at least 1. */
  readonly retryAfter: number;

  constructor(reason: BusyReason, retryAfterSeconds = 1) {
    super(reason);
    this.reason = reason;
    this.retryAfter = Math.max(1, Math.ceil(retryAfterSeconds));
  }
}

/** The message of anything that was thrown, on one line. */
export function messageOf(error: unknown): string {
  // Node tries each address of a host and reports an error for each.
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ');
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.replace(/\s+/g, ' ').trim();
}
