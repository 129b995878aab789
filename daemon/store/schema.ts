import type { UsernameMatch } from './username-match.ts';

/**
 * The names of the tables and columns that a verdict needs; no other part of the daemon spells one. A name is undefined
 * if the site's user model has no such column or table.
 */
export interface Schema {
  readonly user: {
    readonly table: string;
    /** The primary key. */
    readonly id: string;
    /** USERNAME_FIELD. */
    readonly username: string;
    /** How it is compared; by default exactly. */
    readonly match?: UsernameMatch;
    readonly password: string;
    /** undefined: every account is active, as with AbstractBaseUser. */
    readonly active: string | undefined;
    readonly staff: string | undefined;
    readonly superuser: string | undefined;
    readonly email: string | undefined;
    readonly firstName: string | undefined;
    readonly lastName: string | undefined;
    /** Tables of multi-table inheritance. Their columns are spelled `table.column` above. */
    readonly parents: readonly Parent[];
  };
  readonly userGroups: { readonly table: string; readonly user: string; readonly group: string } | undefined;
  readonly userPermissions: { readonly table: string; readonly user: string; readonly permission: string } | undefined;
  readonly group: { readonly table: string; readonly id: string; readonly name: string };
  readonly groupPermissions: { readonly table: string; readonly group: string; readonly permission: string };
  readonly permission: {
    readonly table: string;
    readonly id: string;
    readonly codename: string;
    readonly contentType: string;
  };
  readonly contentType: { readonly table: string; readonly id: string; readonly appLabel: string };
}

/** A table with one row for each user: its `id` equals the user table's column `link`. */
export interface Parent {
  readonly table: string;
  readonly id: string;
  readonly link: string;
}

/** Django's stock tables, the same from Django 1.4 to 6.1. */
export const STOCK: Schema = {
  user: {
    table: 'auth_user',
    id: 'id',
    username: 'username',
    password: 'password',
    active: 'is_active',
    staff: 'is_staff',
    superuser: 'is_superuser',
    email: 'email',
    firstName: 'first_name',
    lastName: 'last_name',
    parents: [],
  },
  userGroups: { table: 'auth_user_groups', user: 'user_id', group: 'group_id' },
  userPermissions: { table: 'auth_user_user_permissions', user: 'user_id', permission: 'permission_id' },
  group: { table: 'auth_group', id: 'id', name: 'name' },
  groupPermissions: { table: 'auth_group_permissions', group: 'group_id', permission: 'permission_id' },
  permission: { table: 'auth_permission', id: 'id', codename: 'codename', contentType: 'content_type_id' },
  contentType: { table: 'django_content_type', id: 'id', appLabel: 'app_label' },
};
