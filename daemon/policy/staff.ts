import type { Requirement } from './requirement.ts';

/** `is_staff`. A superuser who is not staff does not pass, as in Django 1.4 `authenhandler`. */
export const staff: Requirement = {
  reason: 'not-staff',
  met: (account, require) => !require.staff || account.staff,
};
