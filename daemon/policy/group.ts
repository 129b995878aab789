import type { Requirement } from './requirement.ts';

/** One of the groups, by exact name. A superuser is a member of no group to which it was not added. */
export const group: Requirement = {
  reason: 'no-group',
  met: (account, { groups }) => groups.length === 0 || groups.some((name) => account.groups.includes(name)),
  missing: ({ groups }, { userGroups }) => (groups.length > 0 && userGroups === undefined ? 'groups' : undefined),
};
