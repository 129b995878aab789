import type { Trace } from '../../explain/trace.ts';
import { escaped, shortened } from '../../log/names.ts';

/** The trace for reading: a line for each thing that was looked at, in the order in which it counts. */
export function explanation(trace: Trace): string {
  const { verdict, account, hash, requirements, expression, apache } = trace;
  const reason =
    verdict.kind === 'granted' ? '' : ` (${verdict.reason === 'require' ? 'Require' : escaped(verdict.reason)})`;
  const given = trace.password === 'given' ? '' : ', given the right password';
  return [
    `${quoted(trace.username)} at ${shortened(trace.site)}: ${verdict.kind}${reason}${given}`,
    '',
    line('account', accountOf(trace)),
    ...trace.names.map((note) => line('', escaped(note))),
    ...(account === null ? [] : [line('groups', groupsOf(account))]),
    ...(hash === null ? [] : [line('password', passwordOf(trace))]),
    ...requirements.map(({ what, met, because }) =>
      line('required', `${escaped(what)}: ${met ? 'met' : 'NOT MET'}: ${escaped(because)}`),
    ),
    ...(expression ?? []).map(({ depth, text, outcome, because }, at) =>
      line(
        at === 0 ? 'Require' : '',
        `${'  '.repeat(depth)}${escaped(text)}: ${OUTCOMES[outcome]}${because ? `: ${escaped(because)}` : ''}`,
      ),
    ),
    line('cache', cacheOf(trace)),
    line('hashing', hashingOf(trace)),
    line('throttle', throttleOf(trace)),
    line('Apache', `${apache.status}: ${escaped(apache.why)}`),
  ].join('\n');
}

const OUTCOMES = {
  granted: 'met',
  denied: 'NOT MET',
  neutral: 'not met, and does not decide',
  fault: 'FAULT',
  unseen: 'not looked at: decided before',
} as const;

function accountOf({ found, account }: Trace): string {
  if (account !== null) return `${quoted(account.username)}, primary key ${quoted(account.id)}`;
  return found === null ? 'not known: no account was looked at' : 'no account has this name';
}

function groupsOf({ groups, group_count }: NonNullable<Trace['account']>): string {
  const more = group_count - groups.length;
  return groups.length === 0 ? 'none' : `${groups.map(quoted).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function passwordOf({ hash, verdict, password, expression }: Trace): string {
  const { cost = '', flaw = null } = hash ?? {};
  if (flaw !== null) return `${flaw.startsWith('no ') ? flaw : `the account has ${flaw}`}`;
  const wrong = verdict.kind === 'denied' && verdict.reason === 'wrong-password';
  // The expression is looked at only after authentication has succeeded.
  const ended = expression === null && (verdict.kind === 'busy' || verdict.kind === 'error');
  const compared = ended ? 'not compared' : wrong ? 'WRONG' : 'right';
  return `${cost}, accepted; ${password === 'given' ? compared : 'none was given: --password-stdin compares one'}`;
}

function cacheOf({ cache, found, verdict }: Trace): string {
  const { snapshot_ms, account_ttl_ms, proof } = cache;
  const read = found === null ? 'nothing is known from the database' : 'the account was read from the database';
  const snapshot =
    snapshot_ms === null ? read : `the account was in memory, ${snapshot_ms} ms old of at most ${account_ttl_ms}`;
  if (verdict.kind === 'granted' && verdict.stale) {
    return 'the database is away: the account is as it was last known (cache.stale_if_error)';
  }
  return `${snapshot}; ${proof === null ? 'proofs are found by the password only' : PROOFS[proof]}`;
}

const PROOFS = {
  right: 'a proof says that this password is right',
  wrong: 'a proof says that this password is wrong',
  none: 'there was no proof of this password',
} as const;

function hashingOf({ hashing: { lane, waiting, backlog_ms } }: Trace): string {
  const lanes = Object.entries(waiting).map(([name, count]) => `${count} ${name}`);
  const own = lane === null ? '' : `this password waits in the lane "${lane}"; `;
  return `${own}waiting: ${lanes.join(', ')}, ${(backlog_ms / 1_000).toFixed(1)} s of work`;
}

function throttleOf({ throttle, apache }: Trace): string {
  if (!throttle.enabled) return 'off';
  const debts = throttle.debtors.map(({ kind, who, guesses, burst, waitMs }) => {
    const debtor = kind === 'site' ? 'all strangers of the site' : kind === 'name' ? 'this name' : shortened(who);
    const wait = waitMs > 0 ? `, REFUSED for ${Math.ceil(waitMs / 1_000)} s unless the password is known` : '';
    return `${debtor}: ${guesses} of ${burst} guesses${wait}`;
  });
  const paid = throttle.paid ? 'this password is paid for; ' : '';
  return `${apache.status === 429 ? 'refuses; ' : ''}${paid}${debts.join('; ')}`;
}

/** In quotes and on one line, whatever it contains. */
function quoted(name: string): string {
  return `"${shortened(name).replaceAll('"', '\\"')}"`;
}

function line(label: string, text: string): string {
  return `  ${label.padEnd(11)}${text}`;
}
