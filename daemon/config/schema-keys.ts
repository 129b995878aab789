import { type Schema, STOCK } from '../store/schema.ts';
import { absentSection, arrayOfTables, converted, key, section } from './key.ts';
import { column, string } from './key-types.ts';

/** A required column or table; `stock` is what Django's own user model has. */
const named = (about: string, stock: string) => key(string, { about, example: stock });

/** A column that a user model may lack. */
const optional = (about: string, absent: string, stock: string) => key(string, { about, absent, example: stock });

/** A flag that a user model may lack. */
const flag = (about: string, absent: string, stock: string) => key(column, { about, absent, example: stock });

const STOCK_TABLE = "Django's own table";

/** The keys of `sites.NAME.schema`, and how they become what stores use. */
export const schemaKeys = converted(
  absentSection(
    'Tables and columns of a custom user model. `djauthd import` writes this section. An omitted column is one that ' +
      'the model does not have.',
    "Django's own user model and tables",
    {
      user: section('The user model.', {
        table: named('Its table.', STOCK.user.table),
        id: named('Primary key.', STOCK.user.id),
        username: named('`USERNAME_FIELD`.', STOCK.user.username),
        password: named('Encoded hash.', STOCK.user.password),
        active: key(column, {
          about: '`is_active`. `false` says that the model has no such column: every user is active.',
          example: 'is_active',
        }),
        staff: flag('`is_staff`.', 'requiring staff is a fault', 'is_staff'),
        superuser: flag('`is_superuser`.', 'requiring a superuser is a fault', 'is_superuser'),
        email: optional('E-mail address.', 'empty', 'email'),
        first_name: optional('First name.', 'empty', 'first_name'),
        last_name: optional('Last name.', 'empty', 'last_name'),
        parents: arrayOfTables(
          'Tables of multi-table inheritance. Their columns are written `"table.column"` in `schema.user`.',
          {
            table: key(string, { about: 'The parent table.', example: 'people_person' }),
            id: key(string, { about: 'Its primary key.', example: 'id' }),
            link: key(string, {
              about: "Column of the user model's table that holds this primary key.",
              example: 'person_ptr_id',
            }),
          },
        ),
      }),
      user_groups: absentSection('Which user is in which group.', 'the user model has no groups', {
        table: named('The table.', 'auth_user_groups'),
        user: named("Column of the user's key.", 'user_id'),
        group: named("Column of the group's key.", 'group_id'),
      }),
      user_permissions: absentSection(
        'Which user has which permission.',
        'the user model has no permissions of its own',
        {
          table: named('The table.', 'auth_user_user_permissions'),
          user: named("Column of the user's key.", 'user_id'),
          permission: named("Column of the permission's key.", 'permission_id'),
        },
      ),
      group: absentSection('The groups.', STOCK_TABLE, {
        table: named('The table.', STOCK.group.table),
        id: named('Primary key.', STOCK.group.id),
        name: named('Name.', STOCK.group.name),
      }),
      group_permissions: absentSection('Which group has which permission.', STOCK_TABLE, {
        table: named('The table.', STOCK.groupPermissions.table),
        group: named("Column of the group's key.", STOCK.groupPermissions.group),
        permission: named("Column of the permission's key.", STOCK.groupPermissions.permission),
      }),
      permission: absentSection('The permissions.', STOCK_TABLE, {
        table: named('The table.', STOCK.permission.table),
        id: named('Primary key.', STOCK.permission.id),
        codename: named('Codename.', STOCK.permission.codename),
        content_type: named("Column of the content type's key.", STOCK.permission.contentType),
      }),
      content_type: absentSection('The content types.', STOCK_TABLE, {
        table: named('The table.', STOCK.contentType.table),
        id: named('Primary key.', STOCK.contentType.id),
        app_label: named('Label of the application.', STOCK.contentType.appLabel),
      }),
    },
  ),
  (given): Schema => {
    if (given === undefined) return STOCK;
    const { user, permission, content_type } = given;
    return {
      user: {
        table: user.table,
        id: user.id,
        username: user.username,
        password: user.password,
        active: user.active || undefined,
        staff: user.staff || undefined,
        superuser: user.superuser || undefined,
        email: user.email,
        firstName: user.first_name,
        lastName: user.last_name,
        parents: user.parents,
      },
      userGroups: given.user_groups,
      userPermissions: given.user_permissions,
      group: given.group ?? STOCK.group,
      groupPermissions: given.group_permissions ?? STOCK.groupPermissions,
      permission: permission ? { ...permission, contentType: permission.content_type } : STOCK.permission,
      contentType: content_type ? { ...content_type, appLabel: content_type.app_label } : STOCK.contentType,
    };
  },
);
