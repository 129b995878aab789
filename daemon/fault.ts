import type { BusyReason } from './verdict.ts';

/** Something that is no answer: the database is down, a hash cannot be computed. Becomes the verdict `error`. */
export class Fault extends Error {}

/** Not now: the hash queue is full, the caller's time is over. Becomes the verdict `busy`. */
export class Busy extends Error {
  readonly reason: BusyReason;
  /** When asking again may help, in seconds; at least 1. */
  readonly retryAfter: number;

  constructor(reason: BusyReason, retryAfterSeconds = 1) {
    super(reason);
    this.reason = reason;
    this.retryAfter = Math.max(1, Math.ceil(retryAfterSeconds));
  }
}

/** The message of whatever was thrown, on one line. */
export function messageOf(error: unknown): string {
  // Node tries each address of a host and says what came of each.
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ');
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.replace(/\s+/g, ' ').trim();
}
