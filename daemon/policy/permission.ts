import type { Requirement } from './requirement.ts';

/**
 * One of the permissions, as Django `User.has_perm` with ModelBackend: an active superuser has every one, even one that
 * does not exist; others have what they hold themselves or through a group, compared exactly.
 */
export const permission: Requirement = {
  reason: 'no-permission',
  met(account, require) {
    if (require.permissions.length === 0) return true;
    if (!account.active) return false;
    return account.superuser || require.permissions.some((wanted) => account.permissions.has(wanted));
  },
};
