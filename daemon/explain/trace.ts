import type { Lane } from '../hasher/lanes.ts';
import type { Outcome } from '../policy/expression.ts';
import type { ThrottleView } from '../throttle/report.ts';
import type { DenyReason } from '../verdict.ts';

/**
 * Why a question is decided as it is: the output of `djauthd explain --json`. It has no password and no encoded hash. Times
 * are in ms.
 */
export interface Trace {
  readonly site: string;
  /** As it was asked for. */
  readonly username: string;
  /** `given`: compared; `assumed`: taken as right. */
  readonly password: 'given' | 'assumed';
  readonly verdict: TracedVerdict;
  /** Whether an account has the name; null if the question ended before that was known. */
  readonly found: boolean | null;
  /** null unless one was found. */
  readonly account: TracedAccount | null;
  /** What else there is to say about the name, such as an account with a similar one. */
  readonly names: readonly string[];
  readonly hash: TracedHash | null;
  /** What is required together with the password: `is_active` first. Empty without an account. */
  readonly requirements: readonly Step[];
  /** The parts of the expression, in their order; null without one, or if authentication does not succeed. */
  readonly expression: readonly Part[] | null;
  readonly cache: {
    /** The age of the snapshot that was in memory; null: there was none that may decide. */
    readonly snapshot_ms: number | null;
    /** How old a snapshot may be at present. */
    readonly account_ttl_ms: number;
    /** Whether there is a proof of this password, right or wrong; null if none was given. */
    readonly proof: 'right' | 'wrong' | 'none' | null;
  };
  readonly hashing: {
    /** The lane in which the hash of this password waits; null without a password, or if none is hashed. */
    readonly lane: Lane | null;
    readonly waiting: Readonly<Record<Lane, number>>;
    readonly backlog_ms: number;
  };
  /** On this host; what is owed to a store that hosts share is not looked at. */
  readonly throttle: ThrottleView;
  readonly apache: { readonly status: number; readonly why: string };
}

/** `require`: the expression is not met, after authentication has succeeded. */
export type TracedVerdict =
  /** `stale`: from what was known before the database was away. */
  | { readonly kind: 'granted'; readonly stale?: true }
  | { readonly kind: 'denied'; readonly reason: DenyReason | 'require' }
  | { readonly kind: 'busy' | 'error'; readonly reason: string };

export interface TracedAccount {
  readonly id: string;
  /** As the database spells it. */
  readonly username: string;
  readonly active: boolean;
  readonly staff: boolean;
  readonly superuser: boolean;
  /** The first of them. */
  readonly groups: readonly string[];
  readonly group_count: number;
}

export interface TracedHash {
  /** Algorithm and parameters, such as `pbkdf2_sha256$600000`; the algorithm alone, or "", if there is no more to say. */
  readonly cost: string;
  /** What is wrong with it, to follow "the account has"; null if a password can be verified. */
  readonly flaw: string | null;
}

export interface Step {
  /** As a `Require` line or a column: `is_active`, `django-staff`, `django-permission svn.commit`. */
  readonly what: string;
  readonly met: boolean;
  /** The value that decided and where it comes from. */
  readonly because: string;
}

export interface Part {
  readonly depth: number;
  readonly text: string;
  readonly outcome: Outcome;
  /** The value that decided; "" for a section. */
  readonly because: string;
}
