import type { Account } from '../account/account.ts';
import type { Schema } from '../store/schema.ts';
import type { DenyReason } from '../verdict.ts';
import { active } from './active.ts';
import { group } from './group.ts';
import { permission } from './permission.ts';
import type { Requirement, Requirements } from './requirement.ts';
import { staff } from './staff.ts';
import { superuser } from './superuser.ts';

/** Everything that can be required, in the order in which an unmet requirement is named. */
export const requirements: readonly Requirement[] = [active, staff, superuser, permission, group];

/** Why the account does not meet what is required; undefined if it does. */
export function unmet(account: Account, required: Requirements): DenyReason | undefined {
  for (const requirement of requirements) {
    if (!requirement.met(account, required)) return requirement.reason;
  }
  return undefined;
}

/**
 * What is required although the site's user model does not have it; undefined if nothing is. No account could ever meet
 * it: that is a fault in the client's configuration, not a denial.
 */
export function missing(required: Requirements, schema: Schema): string | undefined {
  for (const requirement of requirements) {
    const lack = requirement.missing?.(required, schema);
    if (lack !== undefined) return lack;
  }
  return undefined;
}
