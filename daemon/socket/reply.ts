import { Encoded } from '../../protocol/codec.ts';
import type { Lease } from '../../protocol/lease.ts';
import type { AccountContent, Reply } from '../../protocol/reply.ts';
import { STATUS } from '../../protocol/status.ts';
import { type Account, byOctets } from '../account/account.ts';
import { Memo } from '../memo.ts';
import type { Verdict } from '../verdict.ts';

/** How many accounts are kept encoded: those of users who are checked many times per second, not all. */
const ENCODED_MAX = 1_024;

/** The longest encoded account that is kept, in octets: an account with thousands of groups is not. */
const ENCODED_OCTETS_MAX = 2_048;

const encoded = new Memo<Account, Encoded>(ENCODED_MAX);

/** A verdict as a reply of the protocol. */
export function replyOf(verdict: Verdict, wantPermissions: boolean, lease?: Lease): Reply {
  switch (verdict.kind) {
    case 'granted':
      return { status: STATUS.granted, content: contentOf(verdict, wantPermissions), lease };
    case 'denied':
      return {
        status: verdict.reason === 'unknown-user' ? STATUS.unknownUser : STATUS.denied,
        content: { reason: verdict.reason },
      };
    case 'busy':
      return { status: STATUS.busy, content: { retry_after: verdict.retryAfter, reason: verdict.reason } };
    case 'error':
      return { status: STATUS.error, content: { reason: verdict.reason } };
  }
}

function contentOf({ account, stale }: Verdict & { kind: 'granted' }, wantPermissions: boolean): Encoded {
  const permissions = wantPermissions ? [...account.permissions].sort(byOctets) : undefined;
  if (stale) return fittingContent(account, permissions, { stale });
  if (permissions) return fittingContent(account, permissions);
  let content = encoded.get(account);
  if (content === undefined) {
    content = fittingContent(account);
    if (content.octets.length <= ENCODED_OCTETS_MAX) encoded.set(account, content);
  }
  return content;
}

/**
 * The account as far as it fits a frame. Lists that do not fit are omitted and marked: a user is granted whatever the
 * number of its groups, and no client takes a list for complete that is not.
 */
function fittingContent(account: Account, permissions?: readonly string[], mark: { stale?: true } = {}): Encoded {
  const { groups } = account;
  const lists = permissions === undefined ? [] : [{ groups, permissions_omitted: true as const }];
  const choices = [
    { groups, ...(permissions && { permissions }) },
    ...lists,
    { groups_omitted: true as const, ...(permissions && { permissions }) },
  ];
  for (const choice of choices) {
    const content = new Encoded({ account: { ...accountOf(account), ...choice }, ...mark });
    if (content.fits) return content;
  }
  const none = { groups_omitted: true as const, ...(permissions && { permissions_omitted: true as const }) };
  return new Encoded({ account: { ...accountOf(account), ...none }, ...mark });
}

function accountOf(account: Account): AccountContent {
  return {
    id: account.id,
    username: account.username,
    email: account.email,
    first_name: account.firstName,
    last_name: account.lastName,
    staff: account.staff,
    superuser: account.superuser,
  };
}
