import type { Verifier } from '../evidence/verifier.ts';
import { unmet } from '../policy/requirements.ts';
import type { Site } from '../site/site.ts';
import type { Decision, Question } from './question.ts';

/**
 * A grant from what is known while the database is away; undefined if the question must wait for the database, or get its
 * fault.
 *
 * Nothing is denied: the user may have got a new password or a right since, and would be told that it is wrong. Nothing is
 * hashed: the account and a proof of the evidence are known, or the question is as good as one of an unknown user. So the time
 * tells nobody whose account is in memory.
 */
export function staleGrant(question: Question, site: Site, verifier: Verifier): Decision | undefined {
  if (question.evidence.kind === 'vouched' && !site.staleAuthorize) return undefined;
  try {
    const account = verifier.account.recallStale(question, site);
    if (account == null || unmet(account, question.requirements) !== undefined) return undefined;
    const finding = verifier.recall(question, account, site);
    if (finding === undefined || finding.reason !== undefined) return undefined;
    return { verdict: { kind: 'granted', account, stale: true }, site: site.name, known: true, source: finding.source };
  } catch {
    return undefined; // a fault of what is known: the database's is the question's
  }
}
