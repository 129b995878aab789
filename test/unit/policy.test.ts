import t from 'tap';
import type { Account } from '../../daemon/account/account.ts';
import { unmet } from '../../daemon/policy/requirements.ts';

const plain: Account = {
  id: '1',
  username: 'x',
  encoded: null,
  active: true,
  staff: false,
  superuser: false,
  email: '',
  firstName: '',
  lastName: '',
  groups: [],
  permissions: new Set(),
};
const nothing = { staff: false, superuser: false, permissions: [] as string[], groups: [] as string[] };
const both = [false, true];

t.test('every combination', async (t) => {
  let asked = 0;
  for (const active of both)
    for (const staff of both)
      for (const superuser of both)
        for (const held of both)
          for (const member of both)
            for (const needStaff of both)
              for (const needSuperuser of both)
                for (const permissions of [[], ['a.b'], ['c.d', 'a.b']])
                  for (const groups of [[], ['G'], ['H', 'G']]) {
                    const account = {
                      ...plain,
                      active,
                      staff,
                      superuser,
                      permissions: new Set(held ? ['a.b'] : []),
                      groups: member ? ['G'] : [],
                    };
                    // As Django: the flags in the WHERE clause, then has_perm.
                    const hasPermission = active && (superuser || held);
                    const granted =
                      active &&
                      (!needStaff || staff) &&
                      (!needSuperuser || superuser) &&
                      (permissions.length === 0 || hasPermission) &&
                      (groups.length === 0 || member);
                    const require = { staff: needStaff, superuser: needSuperuser, permissions, groups };
                    asked++;
                    if ((unmet(account, require) === undefined) !== granted) t.fail('differs', { account, require });
                  }
  t.equal(asked, 1152);
});

t.test('reasons, and names that are almost right', async (t) => {
  t.equal(unmet({ ...plain, active: false }, nothing), 'inactive');
  t.equal(unmet(plain, { ...nothing, staff: true }), 'not-staff');
  t.equal(unmet(plain, { ...nothing, superuser: true }), 'not-superuser');
  t.equal(unmet(plain, { ...nothing, groups: ['g'] }), 'no-group');
  const holder = { ...plain, permissions: new Set(['shop.view_order']), groups: ['Editors'] };
  for (const permission of ['shop.View_order', 'shop.view_order ', 'view_order', 'shop.', '']) {
    t.equal(unmet(holder, { ...nothing, permissions: [permission] }), 'no-permission', permission);
  }
  t.equal(unmet(holder, { ...nothing, groups: ['editors'] }), 'no-group');
  const root = { ...plain, superuser: true };
  t.equal(
    unmet(root, { ...nothing, permissions: ['no.such'] }),
    undefined,
    'superusers have permissions that do not exist',
  );
  t.equal(unmet(root, { ...nothing, groups: ['Editors'] }), 'no-group', 'but are members of no group');
});
