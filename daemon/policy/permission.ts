import type { Requirement } from './requirement.ts';

/**
 * One of the permissions, as Django `User.has_perm` with ModelBackend: an active superuser has every permission, even
 * one that does not exist; other users have those they hold directly or through a group, compared exactly.
 */
export const permission: Requirement = {
  reason: 'no-permission',
  met(account, { permissions }) {
    if (permissions.length === 0) return true;
    if (!account.active) return false;
    return account.superuser || permissions.some((name) => account.permissions.has(name));
  },
  missing({ permissions }, { userPermissions, userGroups }) {
    // ModelBackend reads both tables, and raises an exception without one of them.
    const readable = userPermissions !== undefined && userGroups !== undefined;
    return permissions.length > 0 && !readable ? 'permissions' : undefined;
  },
};
