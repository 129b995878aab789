import type { Account } from '../account/account.ts';
import { flawOf } from '../doctor/census.ts';
import { messageOf } from '../fault.ts';
import type { Generation } from '../generation.ts';
import { algorithmOf, hasherOf } from '../hasher/hashers.ts';
import { LANES } from '../hasher/lanes.ts';
import { type Expression, judge, linesOf } from '../policy/expression.ts';
import type { Requirements } from '../policy/requirement.ts';
import { missing, unmet } from '../policy/requirements.ts';
import { decide } from '../request/decide.ts';
import type { Question } from '../request/question.ts';
import { locate } from '../site/locate.ts';
import type { Site } from '../site/site.ts';
import type { Rights } from '../store/rights.ts';
import type { Verdict } from '../verdict.ts';
import { apacheOf } from './apache.ts';
import { notesOnFound, notesOnMissing, ofDoors } from './names.ts';
import { observed, type Seen } from './observed.ts';
import { becauseOf, stepsOf } from './requirements.ts';
import type { Part, Trace, TracedAccount, TracedHash, TracedVerdict } from './trace.ts';

/** How many groups of an account are listed. */
const GROUPS_MAX = 20;

/**
 * Decides on a question as the pipeline does, and says what decided. A user who is vouched for is
 * one whose password is taken as right. The decision itself is begun before this returns, as its secret may be a view.
 *
 * @param expression what `Require` lines demand after authentication
 * @throws Fault, as a rejection, if the site is not configured
 */
export async function explain(
  question: Question,
  expression: Expression | undefined,
  generation: Generation,
): Promise<Trace> {
  const { pipeline, throttle, greylist, pool } = generation;
  const { username, requirements, evidence } = question;
  let site: Site;
  try {
    site = locate(question.site, generation.sites);
  } catch (error) {
    evidence.secret?.wipe();
    throw error;
  }
  const snapshot = site.accounts.ageOf(username);
  const backlog = pool.backlogSeconds;
  const waiting = Object.fromEntries(LANES.map((lane) => [lane, pool.waiting(lane)])) as Trace['hashing']['waiting'];
  const seen: Seen = { account: undefined, proof: undefined, lane: undefined, throttle: undefined };
  // Before it is decided: a question that a proof answers does not come to the throttle, and its password is wiped then.
  const view = throttle.look(question, site.name);
  const decision = await decide(question, observed(pipeline, { throttle, greylist }, seen));

  const account = seen.account ?? null;
  const problems: string[] = [];
  const reported = async <T>(what: string, read: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await read();
    } catch (error) {
      problems.push(`${what}: ${messageOf(error)}`);
      return undefined;
    }
  };
  const rights = await reported('groups and permissions cannot be listed', () =>
    rightsOf(account, requirements, expression, site),
  );
  const names =
    account !== null
      ? notesOnFound(username, account.username, site)
      : seen.account === null
        ? await reported('other spellings cannot be looked up', () => notesOnMissing(username, site))
        : ofDoors(username);
  const judged = expressionOf(decision.verdict, expression, site, rights);
  const verdict = verdictOf(decision.verdict, judged);
  // Nobody is refused by the throttle whose password is known to be right, or was granted before.
  const asked = seen.throttle ?? { ...view, waitMs: 0 };
  const refused = evidence.kind === 'password' && asked.waitMs > 0;
  return {
    site: site.name,
    username,
    password: evidence.kind === 'password' ? 'given' : 'assumed',
    verdict,
    found: seen.account === undefined ? null : account !== null,
    account: account && tracedAccount(account),
    names: [...(names ?? []), ...problems],
    hash: account && tracedHash(account, site),
    requirements: account === null ? [] : stepsOf(account, requirements, site.schema, rights),
    expression: judged ?? null,
    cache: {
      snapshot_ms: snapshot === undefined ? null : Math.round(snapshot),
      account_ttl_ms: site.accounts.ttlMs,
      proof: seen.proof ?? null,
    },
    hashing: { lane: seen.lane ?? null, waiting, backlog_ms: Math.round(backlog * 1_000) },
    throttle: { ...view, waitMs: Math.round(view.waitMs), debtors: view.debtors.map(rounded) },
    apache: apacheOf(verdict, asked, refused, isStaffUnasked(account, requirements, site)),
  };
}

/** Whether Apache, which requires staff unless that is switched off, would deny a user of whom nobody asked it here. */
function isStaffUnasked(account: Account | null, { staff }: Requirements, { schema }: Site): boolean {
  return account !== null && !account.staff && !staff && schema.user.staff !== undefined;
}

const rounded = <T extends { readonly waitMs: number }>(debtor: T): T => ({
  ...debtor,
  waitMs: Math.round(debtor.waitMs),
});

async function rightsOf(
  account: Account | null,
  required: Requirements,
  expression: Expression | undefined,
  site: Site,
): Promise<Rights | undefined> {
  const lines = [required, ...(expression === undefined ? [] : linesOf(expression))];
  const permissions = [...new Set(lines.flatMap((line) => line.permissions))];
  const groups = [...new Set(lines.flatMap((line) => line.groups))];
  if (permissions.length === 0 && groups.length === 0) return undefined;
  return site.store.rights({ id: account?.id, permissions, groups });
}

/** What each part of the expression comes to, as the module asks for each line: by the policy, for this account. */
function expressionOf(
  verdict: Verdict,
  expression: Expression | undefined,
  site: Site,
  rights: Rights | undefined,
): Part[] | undefined {
  if (verdict.kind !== 'granted' || expression === undefined) return undefined;
  const { account } = verdict;
  const { schema } = site;
  const because: string[] = [];
  const lacking = (line: Requirements) => missing(line, schema);
  const judged = judge(expression, (line) =>
    lacking(line) === undefined ? unmet(account, line) === undefined : undefined,
  );
  // Lines are met in the order in which they are listed.
  const lines = linesInOrder(expression);
  for (const line of lines) {
    const lack = line && lacking(line);
    if (line === undefined) because.push('');
    else if (lack !== undefined) because.push(`the user model of the site has no ${lack}, which was required`);
    else because.push(becauseOf(account, line, schema, rights));
  }
  return judged.map((part, at) => ({ ...part, because: part.outcome === 'unseen' ? '' : (because[at] ?? '') }));
}

/** What each entry of `judge` requires; undefined for sections and `valid-user`. */
function linesInOrder(expression: Expression): (Requirements | undefined)[] {
  if (expression.kind === 'line') return [expression.required];
  return [undefined, ...expression.inner.flatMap(linesInOrder)];
}

function verdictOf(verdict: Verdict, judged: readonly Part[] | undefined): TracedVerdict {
  if (verdict.kind === 'denied') return { kind: 'denied', reason: verdict.reason };
  if (verdict.kind !== 'granted') return { kind: verdict.kind, reason: verdict.reason };
  const outcome = judged?.[0]?.outcome;
  if (outcome === undefined || outcome === 'granted') {
    return { kind: 'granted', ...(verdict.stale && { stale: true }) };
  }
  if (outcome !== 'fault') return { kind: 'denied', reason: 'require' };
  return {
    kind: 'error',
    reason: judged?.find((part) => part.outcome === 'fault' && part.because !== '')?.because ?? 'a fault',
  };
}

function tracedAccount({ id, username, active, staff, superuser, groups }: Account): TracedAccount {
  return { id, username, active, staff, superuser, groups: groups.slice(0, GROUPS_MAX), group_count: groups.length };
}

/** Quotes nothing of the encoded hash but its algorithm and parameters. */
function tracedHash({ encoded }: Account, site: Site): TracedHash {
  const examined = site.policy.examine(encoded);
  if (encoded === null || examined.kind === 'unusable') {
    return { cost: '', flaw: 'no usable password: Django never accepts one for it' };
  }
  const known = 'algorithm' in examined ? (examined.algorithm ?? '') : algorithmOf(encoded);
  const cost = hasherOf(encoded)?.work(encoded)?.cost ?? (examined.kind === 'unknown' ? '' : known);
  return { cost, flaw: flawOf(examined) ?? null };
}
