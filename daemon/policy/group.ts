import type { Requirement } from './requirement.ts';

/** One of the groups, by exact name. A superuser is in no group that it was not put in. */
export const group: Requirement = {
  reason: 'no-group',
  met: (account, require) =>
    require.groups.length === 0 || require.groups.some((wanted) => account.groups.includes(wanted)),
};
