import type { Account } from '../account/account.ts';
import type { Password } from '../password.ts';
import type { Site } from '../site/site.ts';
import type { DenyReason } from '../verdict.ts';
import type { Wait } from '../wait.ts';

/** What every kind of evidence has. */
export interface AnyEvidence {
  readonly kind: string;
  /** The octets that must be wiped when there is a verdict. */
  readonly secret: Password | undefined;
}

/** The part of a question that a verifier looks at. */
export interface Presented<Evidence extends AnyEvidence = AnyEvidence> {
  /** As the client sent it, decoded. */
  readonly username: string;
  readonly evidence: Evidence;
  readonly client: { readonly address: string };
  /** The time at which the client stops waiting, by the daemon's clock. */
  readonly deadlineAt: number;
}

/** How a decision was reached: from a proof, by hashing, or because the client vouched for the user. */
export type Source = 'cached' | 'hashed' | 'vouched';

/** What came of comparing the evidence with the account. */
export interface Finding {
  /** Why the evidence does not hold; undefined if it does. */
  readonly reason: DenyReason | undefined;
  readonly source: Source;
  /**
   * If the source is `hashed`: when that began, by the daemon's clock, and how long it takes at most whatever the account,
   * in ms.
   */
  readonly hashed?: { readonly startedAt: number; readonly upperMs: number } | undefined;
}

/** Which account the evidence is about. */
export interface AccountFinder<Evidence extends AnyEvidence = AnyEvidence> {
  /** The account if it is in memory, null if it is known that there is none, undefined if the database must be read. */
  recall(presented: Presented<Evidence>, site: Site): Account | null | undefined;
  /** The account as it was last known, for a question that the database is not there to answer; undefined if it is not. */
  recallStale(presented: Presented<Evidence>, site: Site): Account | null | undefined;
  /** The account from memory or from the database. Rejects with the store's Fault. */
  find(presented: Presented<Evidence>, site: Site): Promise<Account | null>;
  /** For how many ms that account may still decide; 0 or less if it may not, or is no longer the one in memory. */
  left(presented: Presented<Evidence>, account: Account, site: Site): number;
}

/**
 * Verifies one kind of evidence. A kind is added by writing its file and listing it in `kinds.ts`; flags, permissions,
 * caches and the log are the same for all kinds.
 *
 * Verifying must cost the same and take as long whether or not there is an account and whatever state it is in.
 */
export interface Verifier<Evidence extends AnyEvidence = AnyEvidence, Found extends Finding = Finding> {
  readonly account: AccountFinder<Evidence>;
  /** Synchronous. undefined if the evidence has to be verified. @throws Fault if it cannot be verified at all */
  recall(presented: Presented<Evidence>, account: Account | null, site: Site): Found | undefined;
  /** Whether this user was granted before with this very evidence, so that verifying it is nobody's guess. */
  returns(presented: Presented<Evidence>, account: Account | null, site: Site): boolean;
  /** Rejects with Busy or Fault; with Busy if the wait is over before it begins what takes long. */
  verify(presented: Presented<Evidence>, account: Account | null, site: Site, wait: Wait): Promise<Found>;
  /** Called with what this verifier found when the user is granted. The secret is not yet wiped. */
  promote(found: Found, presented: Presented<Evidence>, account: Account, site: Site): void;
  /** The same when the user is denied. */
  demote(found: Found, presented: Presented<Evidence>, account: Account | null, site: Site): void;
}

/** Finds the account by the username alone: whether a user exists must not depend on anything else of the question. */
export const byUsername: AccountFinder = {
  recall: ({ username }, site) => site.accounts.recall(username),
  recallStale: ({ username }, site) => site.accounts.recallStale(username),
  find: ({ username }, site) => site.accounts.get(username),
  left: ({ username }, account, site) => site.accounts.left(username, account),
};
