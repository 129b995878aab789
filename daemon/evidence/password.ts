import type { Account } from '../account/account.ts';
import { sourceOf } from '../network.ts';
import type { Password } from '../password.ts';
import type { PasswordProofs, Unproved } from '../proof/password-proofs.ts';
import type { Claim } from '../proof/proof-cache.ts';
import type { Site } from '../site/site.ts';
import type { DenyReason } from '../verdict.ts';
import type { Wait } from '../wait.ts';
import { byUsername, type Finding, type Presented, type Verifier } from './verifier.ts';

/** The client shows the user's password. */
export interface ShownPassword {
  readonly kind: 'password';
  readonly secret: Password;
}

interface PasswordFinding extends Finding {
  /** The name of the proof. */
  readonly key: string;
}

/** What a password is compared with. */
interface Target {
  readonly claim: Claim;
  /** Whose password, however the username was typed. */
  readonly owner: string;
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
    const key = this.#proofs.keyOf(target.claim, presented.evidence.secret);
    const matches = this.#proofs.recall(key);
    return matches === undefined ? undefined : { reason: reasonOf(target, matches), source: 'cached', key };
  }

  returns(presented: Presented<ShownPassword>, account: Account | null, site: Site): boolean {
    return this.#proofs.returns(this.#returningOf(presented, targetOf(presented, account, site)));
  }

  async verify(
    presented: Presented<ShownPassword>,
    account: Account | null,
    site: Site,
    wait: Wait,
  ): Promise<PasswordFinding> {
    const { username, client, evidence } = presented;
    const target = targetOf(presented, account, site);
    const work = await site.workFor(target.encoded);
    const key = this.#proofs.keyOf(target.claim, evidence.secret);
    // While the first work of a site was made up, an equal question may have been answered.
    const known = this.#proofs.recall(key);
    if (known !== undefined) return { reason: reasonOf(target, known), source: 'cached', key };
    const unproved: Unproved = {
      key,
      returning: this.#returningOf(presented, target),
      turnedAway: this.#proofs.turnedAwayOf(site.name, username, evidence.secret),
      origin: sourceOf(client.address),
      name: `${site.name}\n${username}`,
    };
    const matches = await this.#proofs.hash(unproved, evidence.secret, work, wait);
    const { ran } = unproved;
    const hashed = ran && { startedAt: ran.startedAt, upperMs: site.upperTime(target.encoded, ran.ms) };
    return { reason: reasonOf(target, matches), source: 'hashed', hashed, key };
  }

  promote({ key }: PasswordFinding, presented: Presented<ShownPassword>, account: Account, site: Site): void {
    if (!this.#proofs.promote(key)) return; // as of every cached check
    this.#proofs.addReturning(this.#returningOf(presented, targetOf(presented, account, site)));
  }

  demote({ source }: PasswordFinding, presented: Presented<ShownPassword>, account: Account | null, site: Site): void {
    if (source === 'hashed') this.#proofs.demote(this.#returningOf(presented, targetOf(presented, account, site)));
  }

  #returningOf({ evidence }: Presented<ShownPassword>, { claim, owner }: Target): string {
    return this.#proofs.returningOf(claim.site, owner, evidence.secret);
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
    const subject = `?${username}`;
    const claim = { site: site.name, subject, encoded: '' };
    return { claim, owner: subject, encoded: undefined, flaw: flaw ?? 'unknown-user' };
  }
  const { id, encoded } = account;
  return { claim: { site: site.name, subject: `#${id} ${username}`, encoded }, owner: `#${id}`, encoded, flaw };
}

/** A flaw denies whatever came of the decoys. */
function reasonOf({ flaw }: Target, matches: boolean): DenyReason | undefined {
  return flaw ?? (matches ? undefined : 'wrong-password');
}
