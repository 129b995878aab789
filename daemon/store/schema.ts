/**
 * The names of the tables and columns that a verdict needs. These are Django's stock ones, the same from Django 1.4
 * to 6.1; nothing else in the daemon spells a table or a column.
 */
export interface Schema {
  readonly user: {
    readonly table: string;
    readonly id: string;
    readonly username: string;
    readonly password: string;
    readonly active: string;
    readonly staff: string;
    readonly superuser: string;
    readonly email: string;
    readonly firstName: string;
    readonly lastName: string;
  };
  readonly userGroups: { readonly table: string; readonly user: string; readonly group: string };
  readonly userPermissions: { readonly table: string; readonly user: string; readonly permission: string };
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
  },
  userGroups: { table: 'auth_user_groups', user: 'user_id', group: 'group_id' },
  userPermissions: { table: 'auth_user_user_permissions', user: 'user_id', permission: 'permission_id' },
  group: { table: 'auth_group', id: 'id', name: 'name' },
  groupPermissions: { table: 'auth_group_permissions', group: 'group_id', permission: 'permission_id' },
  permission: { table: 'auth_permission', id: 'id', codename: 'codename', contentType: 'content_type_id' },
  contentType: { table: 'django_content_type', id: 'id', appLabel: 'app_label' },
};
