import type { Requirement } from './requirement.ts';

/** `is_superuser`. */
export const superuser: Requirement = {
  reason: 'not-superuser',
  met: (account, require) => !require.superuser || account.superuser,
};
