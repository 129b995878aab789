import type { Finding } from '../evidence/verifier.ts';
import type { Busy } from '../fault.ts';
import type { Question } from './question.ts';

/**
 * Decides whether a question may cost a hash. It is asked when there is no proof, before anything is hashed; a question
 * that a proof answers never reaches it, nor does a user who returns with evidence that was granted before.
 */
export interface Admission {
  /** What to answer instead of hashing; undefined if the question is admitted. Synchronous: it never delays. */
  admit(question: Question, site: string): Busy | undefined;
  /** What came of an admitted question. Not called if it was busy or a fault. The secret is not yet wiped. */
  settle(question: Question, site: string, finding: Finding): void;
}

/** Admits every question. The hash pool's queue is then the only bound. */
export const admitAll: Admission = { admit: () => undefined, settle() {} };
