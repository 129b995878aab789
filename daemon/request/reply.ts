import type { AccountContent, Reply } from '../../protocol/reply.ts';
import { STATUS } from '../../protocol/status.ts';
import { type Account, byOctets } from '../account/account.ts';
import type { Verdict } from '../verdict.ts';

/** A verdict as it goes over the wire. */
export function replyOf(verdict: Verdict, wantPermissions: boolean): Reply {
  switch (verdict.kind) {
    case 'granted':
      return { status: STATUS.granted, content: { account: contentOf(verdict.account, wantPermissions) } };
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

function contentOf(account: Account, wantPermissions: boolean): AccountContent {
  const content: AccountContent = {
    id: account.id,
    username: account.username,
    email: account.email,
    first_name: account.firstName,
    last_name: account.lastName,
    staff: account.staff,
    superuser: account.superuser,
    groups: account.groups,
  };
  if (wantPermissions) content.permissions = [...account.permissions].sort(byOctets);
  return content;
}
