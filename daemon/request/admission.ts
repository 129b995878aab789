import type { Busy } from '../fault.ts';
import type { Question } from './question.ts';

/**
 * Decides whether a question may cost a hash. It is asked when there is no proof, before anything is hashed; a question
 * that a proof answers never reaches it.
 */
export interface Admission {
  /** What to answer instead of hashing; undefined if the question is admitted. Synchronous: it never delays. */
  admit(question: Question): Busy | undefined;
}

/** Admits every question. The hash pool's queue is then the only bound. */
export const admitAll: Admission = { admit: () => undefined };
