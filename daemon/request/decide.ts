import type { Require } from '../../protocol/request.ts';
import type { Account } from '../account/account.ts';
import type { Credentials, Verified } from '../credential/credential.ts';
import { Busy, Fault, messageOf } from '../fault.ts';
import { isUnusable } from '../hasher/hashers.ts';
import { shortened } from '../log/log.ts';
import type { Password } from '../password.ts';
import { unmet } from '../policy/requirements.ts';
import { paddingOf } from '../site/decoys.ts';
import type { HashBounds } from '../site/hash-policy.ts';
import type { Site } from '../site/site.ts';
import type { DenyReason, Verdict } from '../verdict.ts';
import type { Question } from './question.ts';
import { type Steps, settled, walk } from './steps.ts';

/** What the pipeline is made of. */
export interface Pipeline {
  readonly sites: ReadonlyMap<string, Site>;
  readonly credentials: Credentials;
  readonly bounds: HashBounds;
}

export interface Decision {
  readonly verdict: Verdict;
  /** The site that was asked; undefined where none could be told. */
  readonly site: string | undefined;
  /** Whether the password was not hashed for this question. */
  readonly cached: boolean;
}

/**
 * The verdict on a question: at once where account and password are known, else when they are. Never throws or rejects:
 * what goes wrong on the way is the verdict `error` or `busy`. The password is wiped when there is a verdict.
 */
export function decide(question: Question, pipeline: Pipeline): Decision | Promise<Decision> {
  // The frame, which the password may still be looked at in, is wiped as soon as this returns.
  return walk(steps(question, pipeline), () => question.password?.keep());
}

/**
 * The order is the defence: the account is looked up by name only; the password is verified, also where there is no
 * account or no usable hash; only then do flags and rights decide. So neither the answer nor its time
 * tells a stranger who exists.
 */
function* steps(question: Question, pipeline: Pipeline): Steps<Decision> {
  let site: Site | undefined;
  try {
    site = siteOf(question.site, pipeline.sites);
    refuseImpossible(question.require, site);
    if (question.tooLong) return denied(site, 'too-long', false);

    let account = yield* settled(accountOf(site, question.username));
    if (question.password === undefined) return judge(site, account, question, true);

    for (;;) {
      const { reason, verified } = yield* verify(site, account, question, question.password, pipeline);
      // Hashing, and the queue before it, take longer than an account may be old when it decides. It is looked at again
      // whatever came of the hash, so that time does not tell.
      const now = verified.cached ? account : yield* settled(accountOf(site, question.username));
      const changed = now?.id !== account?.id || now?.encoded !== account?.encoded;
      account = now;
      if (changed) continue; // another hash by now: the password may be right for that one only

      if (reason) return denied(site, reason, verified.cached);
      const decision = judge(site, account, question, verified.cached);
      if (decision.verdict.kind === 'granted') verified.admit();
      return decision;
    }
  } catch (error) {
    return { verdict: faultOf(error), site: site?.name ?? question.site, cached: false };
  } finally {
    question.password?.wipe();
  }
}

/** The site of that name, or the only one. Never another one than was asked for. */
export function siteOf(name: string | undefined, sites: ReadonlyMap<string, Site>): Site {
  if (name !== undefined) {
    const site = sites.get(name);
    if (site === undefined) throw new Fault(`site "${shortened(name)}" is not configured`);
    return site;
  }
  const [only, ...others] = sites.values();
  if (only === undefined) throw new Fault('no site is configured');
  if (others.length > 0) throw new Fault(`no site was named and ${sites.size} are configured`);
  return only;
}

/** What a site's user model does not have cannot be required of anybody: that is a fault in the asker's configuration. */
function refuseImpossible(require: Require, { name, schema }: Site): void {
  const { user, userGroups, userPermissions } = schema;
  const lacking = [
    require.staff && user.staff === undefined && 'is_staff',
    require.superuser && user.superuser === undefined && 'is_superuser',
    require.groups.length > 0 && userGroups === undefined && 'groups',
    require.permissions.length > 0 && (userPermissions ?? userGroups) === undefined && 'permissions',
  ].find((lack) => lack);
  if (lacking) throw new Fault(`the user model of site "${name}" has no ${lacking}, which was required`);
}

/** No account has a NUL in its name, and PostgreSQL takes none in a text. */
function accountOf(site: Site, username: string): Account | null | Promise<Account | null> {
  if (username.includes('\0')) return null;
  const known = site.accounts.peek(username);
  return known === undefined ? site.accounts.get(username) : known;
}

/**
 * Verifies once: against the account's own hash, or, where there is none to verify, against one that nobody has the
 * password of. Whichever it is, the work is the same.
 */
function* verify(
  site: Site,
  account: Account | null,
  { username, client, deadlineAt }: Question,
  password: Password,
  { credentials, bounds }: Pipeline,
): Steps<{ reason: DenyReason | undefined; verified: Verified }> {
  const flaw = flawOf(account, password, site, bounds);
  const decoys = yield* settled(site.decoys(bounds));
  // By the name that was typed: where the database takes two spellings for one, the other one's answer is no quicker.
  if (account?.encoded != null && flaw === undefined) {
    const { id, encoded } = account;
    const claim = { site: site.name, subject: `#${id} ${username}`, encoded };
    const effort = () => [encoded, ...paddingOf(encoded, decoys)] as const;
    const verified = yield* settled(credentials.verify(claim, password, deadlineAt, { effort, from: client.address }));
    return { reason: verified.matches ? undefined : 'wrong-password', verified };
  }
  // Nobody's claim stays the same when the decoys change, so that it is remembered for as long as anybody's.
  const claim = { site: site.name, subject: `?${username}`, encoded: '' };
  const effort = () => decoys as readonly [string, ...string[]];
  const verified = yield* settled(credentials.verify(claim, password, deadlineAt, { effort, from: client.address }));
  return { reason: flaw ?? 'unknown-user', verified };
}

/** Why nothing can be verified against the account, if so. @throws Fault where it cannot be told */
function flawOf(account: Account | null, password: Password, site: Site, bounds: HashBounds): DenyReason | undefined {
  if (account === null) return 'unknown-user';
  const { encoded } = account;
  if (encoded === null || isUnusable(encoded)) return 'unusable-password';
  if (!site.verifiable(encoded, bounds)) {
    site.reportUnverifiable(account);
    return 'unverifiable-password';
  }
  return site.refuses(encoded, password) ? 'wrong-password' : undefined;
}

function judge(site: Site, account: Account | null, question: Question, cached: boolean): Decision {
  if (account === null) return denied(site, 'unknown-user', cached);
  const reason = unmet(account, question.require);
  if (reason) return denied(site, reason, cached);
  return { verdict: { kind: 'granted', account }, site: site.name, cached };
}

function denied(site: Site, reason: DenyReason, cached: boolean): Decision {
  return { verdict: { kind: 'denied', reason }, site: site.name, cached };
}

function faultOf(error: unknown): Verdict {
  if (error instanceof Busy) return { kind: 'busy', reason: error.reason, retryAfter: error.retryAfter };
  return { kind: 'error', reason: messageOf(error) };
}
