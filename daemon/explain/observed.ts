import type { Account } from '../account/account.ts';
import type { Verifiers } from '../evidence/kinds.ts';
import type { Finding, Presented, Verifier } from '../evidence/verifier.ts';
import { type Lane, laneOf } from '../hasher/lanes.ts';
import { Password } from '../password.ts';
import type { Greylist } from '../proof/greylist.ts';
import { admitAll } from '../request/admission.ts';
import type { Pipeline } from '../request/decide.ts';
import type { ThrottleView } from '../throttle/report.ts';
import type { Throttle } from '../throttle/throttle.ts';

/** What was seen of a question on its way through the pipeline. */
export interface Seen {
  /** The account that decided; undefined if none was looked at. */
  account: Account | null | undefined;
  proof: 'right' | 'wrong' | 'none' | undefined;
  lane: Lane | undefined;
  throttle: ThrottleView | undefined;
}

/**
 * The pipeline with a witness: the same stages decide, in the same order, and what they looked at is noted. Three things
 * differ. A question that the throttle would refuse is decided all the same, because whoever may open the control socket
 * may also forgive debts; what the throttle would say is noted, and nobody is charged. What is found is not promoted or
 * demoted: to explain changes nobody's lane. And a user who is vouched for is one whose password is taken as right, which
 * an account whose encoded hash no password matches does not have.
 */
export function observed(pipeline: Pipeline, parts: { throttle: Throttle; greylist: Greylist }, seen: Seen): Pipeline {
  const { throttle, greylist } = parts;
  const { password, vouched } = pipeline.verifiers;
  const verifiers: Verifiers = {
    password: witness(password, greylist, seen),
    vouched: witness({ ...vouched, ...RIGHT_PASSWORD }, greylist, seen),
  };
  return {
    ...pipeline,
    verifiers,
    admission: {
      admit(asked, site) {
        seen.throttle = throttle.look(asked, site);
        return admitAll.admit(asked, site);
      },
    },
  };
}

/** Says of the account what would be said given its password. */
const RIGHT_PASSWORD: Pick<Verifier, 'recall' | 'promote' | 'demote'> = {
  recall: (_presented, account, site) => ({
    reason: site.flawOf(account, Password.fromTyped(new Uint8Array())),
    source: 'vouched',
  }),
  promote() {},
  demote() {},
};

function witness(inner: Verifier, greylist: Greylist, seen: Seen): Verifier {
  return {
    account: {
      ...inner.account,
      recallStale(presented, site) {
        const account = inner.account.recallStale(presented, site);
        if (account !== undefined) seen.account = account;
        return account;
      },
      recall(presented, site) {
        const account = inner.account.recall(presented, site);
        if (account !== undefined) seen.account = account;
        return account;
      },
      async find(presented, site) {
        const account = await inner.account.find(presented, site);
        seen.account = account;
        return account;
      },
    },
    recall(presented, account, site) {
      const finding = inner.recall(presented, account, site);
      if (presented.evidence.secret !== undefined) seen.proof ??= proofOf(finding);
      return finding;
    },
    returns(presented, account, site) {
      const returns = inner.returns(presented, account, site);
      seen.lane = laneOf(returns, () => turnedAway(presented, site.name));
      return returns;
    },
    verify: (presented, account, site, wait) => inner.verify(presented, account, site, wait),
    promote() {},
    demote() {},
  };

  function turnedAway({ username, evidence }: Presented, site: string): boolean {
    return evidence.secret !== undefined && greylist.has(greylist.digestOf(site, username, evidence.secret));
  }
}

function proofOf(finding: Finding | undefined): 'right' | 'wrong' | 'none' {
  if (finding === undefined) return 'none';
  return finding.reason === undefined ? 'right' : 'wrong';
}
