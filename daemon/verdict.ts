import type { Account } from './account/account.ts';

/** Why a user is denied. For the log and the client; the user is never told. */
export const DENY_REASONS = [
  'unknown-user',
  'wrong-password',
  'inactive',
  'unusable-password',
  'unverifiable-password',
  'not-staff',
  'not-superuser',
  'no-permission',
  'no-group',
  'too-long',
] as const;
export type DenyReason = (typeof DENY_REASONS)[number];

/** `abandoned`: the client closed its connection. It is only logged. */
export const BUSY_REASONS = ['queue-full', 'throttled', 'deadline', 'abandoned', 'shutting-down'] as const;
export type BusyReason = (typeof BUSY_REASONS)[number];

/** The answer to a question. A fault (`error`) or `busy` is neither a grant nor a denial and must never become one. */
export type Verdict =
  | {
      readonly kind: 'granted';
      readonly account: Account;
      /** The database was away, and the account may be older than otherwise (`cache.stale_if_error`). */
      readonly stale?: true;
    }
  | { readonly kind: 'denied'; readonly reason: DenyReason }
  | { readonly kind: 'busy'; readonly reason: BusyReason /** in seconds, at least 1 */; readonly retryAfter: number }
  | { readonly kind: 'error' /** a sentence */; readonly reason: string };
