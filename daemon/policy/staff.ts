import type { Requirement } from './requirement.ts';

/** `is_staff`. A superuser who is not staff does not meet it, as in Django 1.4 `authenhandler`. */
export const staff: Requirement = {
  reason: 'not-staff',
  met: (account, { staff }) => !staff || account.staff,
  missing: ({ staff }, { user }) => (staff && user.staff === undefined ? 'is_staff' : undefined),
};
