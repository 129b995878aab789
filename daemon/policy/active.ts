import type { Requirement } from './requirement.ts';

/** `is_active`, which every handler of Django requires: it is required even if the client does not ask for it. */
export const active: Requirement = {
  reason: 'inactive',
  met: (account) => account.active,
};
