import type { Requirement } from './requirement.ts';

/** `is_active`, which every handler of Django's demands, asked for or not. */
export const active: Requirement = {
  reason: 'inactive',
  met: (account) => account.active,
};
