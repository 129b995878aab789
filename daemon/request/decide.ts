import type { Account } from '../account/account.ts';
import type { Verifiers } from '../evidence/kinds.ts';
import type { Finding, Verifier } from '../evidence/verifier.ts';
import { Busy, Fault, isAway, messageOf } from '../fault.ts';
import { missing, unmet } from '../policy/requirements.ts';
import { locate } from '../site/locate.ts';
import type { Site } from '../site/site.ts';
import type { DenyReason } from '../verdict.ts';
import { Wait } from '../wait.ts';
import type { Admission, Admitted } from './admission.ts';
import type { Deadlines } from './deadlines.ts';
import { type Leasing, leaseOf } from './lease.ts';
import type { Decision, Question } from './question.ts';
import { staleGrant } from './stale.ts';

/** The stages that every question goes through. */
export interface Pipeline {
  readonly sites: ReadonlyMap<string, Site>;
  readonly verifiers: Verifiers;
  readonly admission: Admission;
  readonly deadlines: Deadlines;
  readonly leasing: Leasing;
}

/**
 * The decision on a question: synchronous if the account and a proof of the evidence are in memory, otherwise a
 * promise, which is `busy` at the deadline or if the client is gone. Never throws or rejects: whatever goes wrong becomes
 * the verdict `error` or `busy`. The secret is wiped when there is a verdict or, if there is one before a query or a hash
 * that was begun has ended, then.
 *
 * The order is the defence: the account is found without regard to anything else; the evidence is verified even if
 * there is no account or no usable hash; only then do flags, permissions and groups count. So neither the answer nor
 * the time that it takes tells anybody which users exist.
 */
export function decide(question: Question, pipeline: Pipeline): Decision | Promise<Decision> {
  const { evidence, requirements } = question;
  let site: Site | undefined;
  let known = false;
  let waits = false;
  // Whatever is forgotten from now on ends the lease, although this question may be answered from it.
  const terms: Terms | undefined = question.lease
    ? { leasing: pipeline.leasing, epoch: pipeline.leasing.epoch.value }
    : undefined;
  try {
    // locate
    site = locate(question.site, pipeline.sites);
    const lacking = missing(requirements, site.schema);
    if (lacking) throw new Fault(`the user model of site "${site.name}" has no ${lacking}, which was required`);
    if (question.tooLong) return denied(site, 'too-long', known);

    // recall
    const verifier = pipeline.verifiers[evidence.kind];
    const account = verifier.account.recall(question, site);
    known = account != null;
    const finding = account === undefined ? undefined : verifier.recall(question, account, site);
    if (account !== undefined && finding !== undefined) {
      return judge(question, site, account, finding, verifier, terms);
    }
    const stale = account === undefined && site.accounts.away ? staleGrant(question, site, verifier) : undefined;
    if (stale !== undefined) return stale;

    // The secret may be a view of a frame, which is wiped as soon as this returns.
    evidence.secret?.keep();
    waits = true;
    return decideInTime(question, site, verifier, pipeline, terms);
  } catch (error) {
    return failed(error, site?.name ?? question.site, known);
  } finally {
    if (!waits) evidence.secret?.wipe();
  }
}

/**
 * The decision, or `busy` when the wait is over. What was begun goes on: a hash that runs leaves a proof to the next
 * question, and `admission` hears what came of it.
 */
function decideInTime(
  question: Question,
  site: Site,
  verifier: Verifier,
  pipeline: Pipeline,
  terms: Terms | undefined,
): Promise<Decision> {
  const wait = new Wait(question.deadlineAt);
  const seen: Seen = { account: null };
  return new Promise((resolve) => {
    wait.whenOver((reason) => resolve(failed(reason, site.name, seen.account !== null)));
    const entry = pipeline.deadlines.add(wait);
    question.presence?.waits(wait);
    void verifyAndJudge(question, site, verifier, pipeline.admission, wait, seen, terms).then((decision) => {
      pipeline.deadlines.remove(entry);
      wait.done();
      resolve(decision);
    });
  });
}

/** On what terms a grant is leased: those in force when the question was asked. */
interface Terms {
  readonly leasing: Leasing;
  readonly epoch: bigint;
}

/** The account that a question is about, as it was last read; null if there is none, or none yet. */
interface Seen {
  account: Account | null;
}

async function verifyAndJudge(
  question: Question,
  site: Site,
  verifier: Verifier,
  admission: Admission,
  wait: Wait,
  seen: Seen,
  terms: Terms | undefined,
): Promise<Decision> {
  let admitted: Admitted | undefined;
  const settled = (decision: Decision): Decision => {
    admitted?.settle(decision.verdict);
    return decision;
  };
  try {
    wait.check(); // its client may be gone already
    seen.account = await verifier.account.find(question, site);
    for (;;) {
      const { account } = seen;
      const known = verifier.recall(question, account, site);
      if (known !== undefined) return settled(judge(question, site, account, known, verifier, terms));
      wait.check();
      if (admitted === undefined && !verifier.returns(question, account, site)) {
        admitted = await admission.admit(question, site.name);
      }

      // verify
      const finding = await verifier.verify(question, account, site, wait);
      // Hashing, and the queue before it, take longer than an account may be old when it decides. It is looked at again
      // whatever came of the hash, so that the time is the same.
      const now = await verifier.account.find(question, site);
      const changed = now?.id !== account?.id || now?.encoded !== account?.encoded;
      seen.account = now;
      if (!changed) return settled(judge(question, site, now, finding, verifier, terms));
      // The encoded hash is another one by now: the evidence may hold for the former one only.
    }
  } catch (error) {
    const stale = isAway(error) ? staleGrant(question, site, verifier) : undefined;
    return settled(stale ?? failed(error, site.name, seen.account !== null));
  } finally {
    question.evidence.secret?.wipe();
  }
}

/** A proof is promoted only if its user is granted: a right password must not be told from a wrong one otherwise. */
function judge(
  question: Question,
  site: Site,
  account: Account | null,
  finding: Finding,
  verifier: Verifier,
  terms: Terms | undefined,
): Decision {
  const { source } = finding;
  const reason = finding.reason ?? (account === null ? 'unknown-user' : unmet(account, question.requirements));
  if (reason !== undefined || account === null) {
    verifier.demote(finding, question, account, site);
    return denied(site, reason ?? 'unknown-user', account !== null, finding);
  }
  verifier.promote(finding, question, account, site);
  const lease = terms && leaseOf(verifier.account.left(question, account, site), terms.epoch, terms.leasing);
  if (lease !== undefined) site.accounts.leased(lease.ms);
  return { verdict: { kind: 'granted', account }, site: site.name, known: true, source, lease };
}

function denied(site: Site, reason: DenyReason, known: boolean, finding?: Finding): Decision {
  const { source, hashed } = finding ?? {};
  return { verdict: { kind: 'denied', reason }, site: site.name, known, source, hashed };
}

function failed(error: unknown, site: string | undefined, known: boolean): Decision {
  if (error instanceof Busy) {
    const { reason, retryAfter } = error;
    return { verdict: { kind: 'busy', reason, retryAfter }, site, known, source: undefined };
  }
  return { verdict: { kind: 'error', reason: messageOf(error) }, site, known, source: undefined };
}
