import type { Account } from './account/account.ts';

/** Why a person may not in. Goes to the log and to the client program, never to the person. */
export type DenyReason =
  | 'unknown-user'
  | 'wrong-password'
  | 'inactive'
  | 'unusable-password'
  | 'unverifiable-password'
  | 'not-staff'
  | 'not-superuser'
  | 'no-permission'
  | 'no-group'
  | 'too-long';

export type BusyReason = 'queue-full' | 'throttled' | 'deadline' | 'shutting-down';

/** The answer to a question. A fault (`error`, `busy`) is neither a grant nor a refusal and must never become one. */
export type Verdict =
  | { readonly kind: 'granted'; readonly account: Account }
  | { readonly kind: 'denied'; readonly reason: DenyReason }
  | { readonly kind: 'busy'; readonly reason: BusyReason /** in seconds, at least 1 */; readonly retryAfter: number }
  | { readonly kind: 'error' /** a sentence */; readonly reason: string };
