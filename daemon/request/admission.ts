import type { Presented } from '../evidence/verifier.ts';
import type { Verdict } from '../verdict.ts';

/**
 * Decides whether a question may cost a hash. It is asked when there is no proof, before anything is hashed; a question
 * that a proof answers never reaches it, nor does a user who returns with evidence that was granted before.
 */
export interface Admission {
  /**
   * Admits a question, once, whatever is hashed for it. A promise only where hosts share what they admit, and then for
   * some milliseconds at most.
   *
   * @throws Busy, or rejects with it, if the question is not admitted
   */
  admit(question: Presented, site: string): Admitted | Promise<Admitted>;
}

/** A question that was admitted. */
export interface Admitted {
  /** Called once, whatever came of the question: also if it was busy or a fault. */
  settle(verdict: Verdict): void;
}

const ADMITTED: Admitted = { settle() {} };

/** Admits every question. The hash pool's queue is then the only bound. */
export const admitAll: Admission = { admit: () => ADMITTED };
