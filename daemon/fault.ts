import type { BusyReason } from './verdict.ts';

/** The question cannot be answered: the database is down, a hash cannot be computed. Becomes the verdict `error`. */
export class Fault extends Error {}

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
