import { isDeepStrictEqual } from 'node:util';
import { STOCK } from '../store/schema.ts';
import { ImportError } from './import-error.ts';
import { type Introspection, reading } from './introspection.ts';
import type { Note } from './note.ts';

/** `[sites.NAME.schema]` as the configuration spells it: tables of strings, `active = false` and `parents`. */
export type SchemaKeys = Record<string, Record<string, string | false | Record<string, string>[]>>;

/** The stock tables that a site may replace, by the configuration's names. */
const STOCK_RIGHTS = {
  group: STOCK.group,
  group_permissions: STOCK.groupPermissions,
  permission: { table: 'auth_permission', id: 'id', codename: 'codename', content_type: STOCK.permission.contentType },
  content_type: { table: STOCK.contentType.table, id: 'id', app_label: STOCK.contentType.appLabel },
} as const;

/**
 * Tables and columns of the site's user model; undefined if they are the stock ones.
 *
 * @throws ImportError if one query cannot read them
 */
export function schemaKeys(site: Introspection): { schema: SchemaKeys | undefined; notes: Note[] } {
  const notes: Note[] = [];
  const schema: SchemaKeys = { user: userKeys(site) };
  const { rights, model } = site;
  if ('group' in rights) {
    const { user_groups: groups, user_permissions: permissions, group_permissions: ofGroups } = rights;
    if (groups && !groups.stock) notes.push(unread(model, 'groups', groups.target));
    if (permissions && !permissions.stock) notes.push(unread(model, 'user_permissions', permissions.target));
    if (groups?.stock) schema.user_groups = { table: groups.table, user: groups.from, group: groups.to };
    if (permissions?.stock) {
      schema.user_permissions = { table: permissions.table, user: permissions.from, permission: permissions.to };
    }
    if (ofGroups && !ofGroups.stock) throw new ImportError('djauthd: Group.permissions does not point to Permission');
    const others = {
      group: rights.group,
      group_permissions: ofGroups
        ? { table: ofGroups.table, group: ofGroups.from, permission: ofGroups.to }
        : STOCK.groupPermissions,
      permission: rights.permission,
      content_type: rights.content_type,
    };
    for (const [name, table] of Object.entries(others)) {
      if (!isDeepStrictEqual(table, STOCK_RIGHTS[name as keyof typeof others])) schema[name] = table;
    }
  }
  if (!schema.user_groups && !schema.user_permissions) {
    notes.push({
      text: `${model} has no groups and no permissions: requiring one is an error`,
    });
  } else if (!schema.user_groups || !schema.user_permissions) {
    // ModelBackend reads both, and raises an exception without one of them.
    notes.push({
      text: `${model} has no ${schema.user_groups ? 'user_permissions' : 'groups'} that djauthd can read: requiring a permission is an error, as in Django`,
    });
  }
  return { schema: isDeepStrictEqual(schema, stockKeys()) ? undefined : schema, notes };
}

function unread(model: string, field: string, target: string): Note {
  return { text: `${model}.${field} refers to ${target}, which djauthd does not read: requiring one is an error` };
}

/** A column whose values are only passed on; undefined if custom code converts them. */
function readable<Column extends { custom: readonly string[] }>(column: Column | null | undefined): Column | undefined {
  return column && reading(column.custom).length === 0 ? column : undefined;
}

function userKeys(site: Introspection): SchemaKeys[string] {
  const { model, table, id, username, columns } = site;
  if (!id || !username || !columns.password) {
    throw new ImportError(`djauthd: ${model} has no column for its primary key, ${site.username_field} or password`);
  }
  if (username.relation)
    throw new ImportError(`djauthd: ${model}.${site.username_field} is a relation, not a username`);
  const used = new Set<string>();
  const spell = (column: { table: string; column: string } | null | undefined): string | undefined => {
    if (!column || column.table === table) return column?.column;
    used.add(column.table);
    return `${column.table}.${column.column}`;
  };
  const keys = {
    table,
    id: spell(id),
    username: spell(username),
    password: spell(columns.password),
    active: spell(columns.is_active) ?? false,
    staff: spell(columns.is_staff),
    superuser: spell(columns.is_superuser),
    email: spell(readable(columns.email)),
    first_name: spell(readable(columns.first_name)),
    last_name: spell(readable(columns.last_name)),
  };
  const parents = site.parents
    .filter((parent) => used.has(parent.table))
    .map((parent) => {
      if (parent.link !== null) return { table: parent.table, id: parent.id, link: parent.link };
      throw new ImportError(`djauthd: cannot join ${table} with its parent ${parent.table} in one query`);
    });
  const given = Object.entries(keys).filter((entry): entry is [string, string | false] => entry[1] !== undefined);
  return { ...Object.fromEntries(given), ...(parents.length > 0 ? { parents } : {}) };
}

function stockKeys(): SchemaKeys {
  const { user, userGroups, userPermissions } = STOCK;
  const { parents: _, firstName, lastName, ...columns } = user;
  const keys = { ...columns, first_name: firstName, last_name: lastName } as Record<string, string>;
  return {
    user: keys,
    user_groups: userGroups as Record<string, string>,
    user_permissions: userPermissions as Record<string, string>,
  };
}
