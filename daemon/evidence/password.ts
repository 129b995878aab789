import type { Account } from '../account/account.ts';
import type { Password } from '../password.ts';
import type { PasswordProofs, Shown } from '../proof/password-proofs.ts';
import type { Claim } from '../proof/proof-cache.ts';
import type { Site } from '../site/site.ts';
import type { DenyReason } from '../verdict.ts';
import { byUsername, type Finding, type Presented, type Verifier } from './verifier.ts';

/** The client shows the user's password. */
export interface ShownPassword {
  readonly kind: 'password';
  readonly secret: Password;
}

interface PasswordFinding extends Finding {
  readonly shown: Shown;
}

/** What a password is compared with. */
interface Target {
  readonly claim: Claim;
  /** The account's encoded hash; undefined if no password can be verified against it, for the reason `flaw`. */
  readonly encoded: string | undefined;
  readonly flaw: DenyReason | undefined;
}

/**
 * Verifies a password once: against the account's encoded hash or, where there is none to verify, against decoys. The
 * work is the same in both cases.
 */
export class PasswordVerifier implements Verifier<ShownPassword, PasswordFinding> {
  readonly account = byUsername;
  readonly #proofs: PasswordProofs;

  constructor(proofs: PasswordProofs) {
    this.#proofs = proofs;
  }

  recall(presented: Presented<ShownPassword>, account: Account | null, site: Site): PasswordFinding | undefined {
    const target = targetOf(presented, account, site);
    const shown = this.#proofs.shown(target.claim, presented.evidence.secret, presented.client.address);
    const matches = this.#proofs.recall(shown);
    return matches === undefined ? undefined : { reason: reasonOf(target, matches), source: 'cached', shown };
  }

  returns(presented: Presented<ShownPassword>, account: Account | null, site: Site): boolean {
    const target = targetOf(presented, account, site);
    return this.#proofs.returns(this.#proofs.shown(target.claim, presented.evidence.secret, presented.client.address));
  }

  async verify(presented: Presented<ShownPassword>, account: Account | null, site: Site): Promise<PasswordFinding> {
    const { client, deadlineAt, evidence } = presented;
    const target = targetOf(presented, account, site);
    const work = await site.workFor(target.encoded);
    const shown = this.#proofs.shown(target.claim, evidence.secret, client.address);
    // While the first work of a site was made up, an equal question may have been answered.
    const known = this.#proofs.recall(shown);
    const matches = known ?? (await this.#proofs.hash(shown, evidence.secret, work, deadlineAt));
    return { reason: reasonOf(target, matches), source: known === undefined ? 'hashed' : 'cached', shown };
  }

  promote({ shown }: PasswordFinding): void {
    this.#proofs.promote(shown);
  }
}

/**
 * The subject contains the username as it was typed: where the database takes two spellings for one name, the proof of
 * one must not make the answer to the other any faster. The claim of an account without a usable hash does not contain
 * the decoys, so that it stays the same when they change, and is remembered for as long as any other.
 *
 * @throws Fault if it cannot be told whether the password is right
 */
function targetOf({ username, evidence }: Presented<ShownPassword>, account: Account | null, site: Site): Target {
  const flaw = site.flawOf(account, evidence.secret);
  if (account?.encoded == null || flaw !== undefined) {
    const claim = { site: site.name, subject: `?${username}`, encoded: '' };
    return { claim, encoded: undefined, flaw: flaw ?? 'unknown-user' };
  }
  const { id, encoded } = account;
  return { claim: { site: site.name, subject: `#${id} ${username}`, encoded }, encoded, flaw };
}

/** A flaw denies whatever came of the decoys. */
function reasonOf({ flaw }: Target, matches: boolean): DenyReason | undefined {
  return flaw ?? (matches ? undefined : 'wrong-password');
}
