import type { Evidence } from '../evidence/kinds.ts';
import type { Source } from '../evidence/verifier.ts';
import type { Requirements } from '../policy/requirement.ts';
import type { Verdict } from '../verdict.ts';
import type { Lease } from './lease.ts';
import type { Hashed } from './leaving.ts';
import type { Presence } from './presence.ts';

/** A credential check, free of the wire it came by. */
export interface Question {
  /** undefined: the only site that is configured. */
  readonly site: string | undefined;
  readonly username: string;
  /** Its secret is wiped when there is a verdict. */
  readonly evidence: Evidence;
  /** Whether the username or the secret has more octets than `policy/limits.ts` allows, as the client sent them. */
  readonly tooLong: boolean;
  readonly requirements: Requirements;
  /** The user's network address and the program that asks; "" if unknown. */
  readonly client: { readonly address: string; readonly service: string };
  /** The process that asked; undefined if that is not known. */
  readonly peer?: { readonly uid: number; readonly pid: number } | undefined;
  /** The time at which the client stops waiting, by the daemon's clock. */
  readonly deadlineAt: number;
  /** Whether the client is still there; undefined if nobody can tell. */
  readonly presence?: Presence | undefined;
  /** Whether the client wants a granted account's permissions. */
  readonly wantPermissions: boolean;
  /** Whether the client can use a grant again, and sees when that ends. */
  readonly lease: boolean;
  /** How many grants the client gave on lease, for this site, since it last said so. */
  readonly leased: number;
}

/** A verdict with what the log and the counters record about it. */
export interface Decision {
  readonly verdict: Verdict;
  /** The site that was asked, whether configured or not; undefined if none was named and none could be chosen. */
  readonly site: string | undefined;
  /** Whether an account of that name was found. Only the log differs by it. */
  readonly known: boolean;
  /** undefined if the evidence was not verified. */
  readonly source: Source | undefined;
  /** The hash that a denial took, if it took one. */
  readonly hashed?: Hashed | undefined;
  /** Of a grant: for how long it may be used again. */
  readonly lease?: Lease | undefined;
}
