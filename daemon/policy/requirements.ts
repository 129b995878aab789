import type { Require } from '../../protocol/request.ts';
import type { Account } from '../account/account.ts';
import type { DenyReason } from '../verdict.ts';
import { active } from './active.ts';
import { group } from './group.ts';
import { permission } from './permission.ts';
import type { Requirement } from './requirement.ts';
import { staff } from './staff.ts';
import { superuser } from './superuser.ts';

/** All that can be required, in the order in which a missing one is named. */
export const requirements: readonly Requirement[] = [active, staff, superuser, permission, group];

/** Why the account does not meet what is required; undefined where it does. */
export function unmet(account: Account, require: Require): DenyReason | undefined {
  return requirements.find((requirement) => !requirement.met(account, require))?.reason;
}
