import type { Reason } from '../metrics/counters.ts';

/** Each reason in words for readers who do not know djauthd. */
export const REASON_WORDS: Readonly<Record<Reason, string>> = {
  'wrong-password': 'wrong password',
  'unknown-user': 'no such user',
  inactive: 'account is not active',
  'not-staff': 'not staff',
  'not-superuser': 'not a superuser',
  'no-permission': 'lacks the permission',
  'no-group': 'not in the group',
  'unusable-password': 'account has no usable password',
  'unverifiable-password': 'password hash not accepted',
  'too-long': 'username or password too long',
  throttled: 'too many wrong passwords before',
  'queue-full': 'too many passwords to hash',
  deadline: 'no answer in time',
  abandoned: 'client went away',
  'shutting-down': 'djauthd was stopping',
};
