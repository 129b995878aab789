import type { Account } from '../account/account.ts';
import { active } from '../policy/active.ts';
import { group } from '../policy/group.ts';
import { permission } from '../policy/permission.ts';
import type { Requirements } from '../policy/requirement.ts';
import { staff } from '../policy/staff.ts';
import { superuser } from '../policy/superuser.ts';
import type { Known, Rights } from '../store/rights.ts';
import type { Schema } from '../store/schema.ts';
import { didYouMean } from '../text/suggest.ts';
import type { Step } from './trace.ts';

/** How many names are listed. */
const NAMES_MAX = 5;

/** Each thing that is required, whether the policy says that it is met, and the value that decided. */
export function stepsOf(account: Account, required: Requirements, schema: Schema, rights: Rights | undefined): Step[] {
  const { permissions, groups } = required;
  const steps: Step[] = [
    {
      what: 'is_active',
      met: active.met(account, required),
      because:
        schema.user.active === undefined
          ? 'the user model has no such column: every account is active'
          : set('is_active', account.active),
    },
  ];
  if (required.staff) {
    steps.push({ what: 'django-staff', met: staff.met(account, required), because: set('is_staff', account.staff) });
  }
  if (required.superuser) {
    const because = set('is_superuser', account.superuser);
    steps.push({ what: 'django-superuser', met: superuser.met(account, required), because });
  }
  if (permissions.length > 0) {
    const because = permissionOf(account, permissions, rights);
    steps.push({
      what: `django-permission ${permissions.map(quoted).join(' ')}`,
      met: permission.met(account, required),
      because,
    });
  }
  if (groups.length > 0) {
    const because = groupOf(account, groups, rights);
    steps.push({ what: `django-group ${groups.map(quoted).join(' ')}`, met: group.met(account, required), because });
  }
  return steps;
}

/** The value that decides one `Require` line. */
export function becauseOf(
  account: Account,
  required: Requirements,
  schema: Schema,
  rights: Rights | undefined,
): string {
  const steps = stepsOf(account, required, schema, rights);
  return (steps.find(({ met }) => !met) ?? steps.at(-1))?.because ?? '';
}

function permissionOf(account: Account, permissions: readonly string[], rights: Rights | undefined): string {
  if (!account.active) return 'an inactive account has no permission';
  const held = permissions.filter((name) => account.permissions.has(name));
  const unknown = unknownOf('permission', permissions, rights?.permissions);
  if (account.superuser) {
    return `is_superuser is set, which is every permission${unknown.length > 0 ? `, even one that does not exist (${unknown.join('; ')})` : ''}`;
  }
  if (held.length === 0) return ['held neither directly nor by a group', ...unknown].join('; ');
  const ways = (rights?.held ?? []).filter(({ permission }) => permission === held[0]);
  const groups = ways.map(({ group }) => group).filter((name) => name !== undefined);
  const from = [
    ...(ways.length > groups.length ? ['directly'] : []),
    ...(groups.length > 0 ? [`by ${groups.length === 1 ? 'group' : 'groups'} ${listed(groups)}`] : []),
  ];
  const how = from.length > 0 ? from.join(' and ') : 'directly or by a group';
  return permissions.length === 1 ? `held ${how}` : `${held[0]} is held ${how}`;
}

function groupOf(account: Account, groups: readonly string[], rights: Rights | undefined): string {
  const member = groups.find((name) => account.groups.includes(name));
  if (member !== undefined) return groups.length === 1 ? 'a member' : `a member of ${quoted(member)}`;
  const count = account.groups.length;
  const own = count === 0 ? 'the account is in no group' : `the account is in ${listed(account.groups)}`;
  const superusers = account.superuser ? ['a superuser is in no group to which it was not added'] : [];
  return [own, ...superusers, ...unknownOf('group', groups, rights?.groups)].join('; ');
}

/** `no such permission: svn.comit; did you mean "svn.commit"?` */
function unknownOf(noun: string, names: readonly string[], known: Known | undefined): string[] {
  if (known === undefined) return [];
  return names
    .filter((name) => !known.existing.includes(name))
    .map((name) => `the site has no ${noun} ${JSON.stringify(name)}${didYouMean(name, known.others)}`)
    .slice(0, NAMES_MAX);
}

function set(column: string, value: boolean): string {
  return `${column} is ${value ? 'set' : 'not set'}`;
}

function listed(names: readonly string[]): string {
  const more = names.length - NAMES_MAX;
  return `${names.slice(0, NAMES_MAX).map(quoted).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** As a `Require` line has it. */
function quoted(name: string): string {
  return /^[\w.-]+$/.test(name) && name.includes('.') ? name : JSON.stringify(name);
}
