import type { Requirement } from './requirement.ts';

/** `is_superuser`. */
export const superuser: Requirement = {
  reason: 'not-superuser',
  met: (account, { superuser }) => !superuser || account.superuser,
  missing: ({ superuser }, { user }) => (superuser && user.superuser === undefined ? 'is_superuser' : undefined),
};
