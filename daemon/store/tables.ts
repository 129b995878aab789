import type { Schema } from './schema.ts';

/** A table that the daemon reads, by its db_table, with the columns that it reads. */
export interface Table {
  readonly name: string;
  readonly columns: readonly string[];
}

/** All tables that a verdict reads, as the configuration names them. */
export function tablesOf(schema: Schema): Table[] {
  const { user, userGroups, userPermissions, group, groupPermissions, permission, contentType } = schema;
  const { table, parents, match: _, ...named } = user;
  const columns = Object.values(named).filter((column): column is string => column !== undefined);
  const ofParent = (parent: string) =>
    columns.filter((column) => column.startsWith(`${parent}.`)).map((column) => column.slice(parent.length + 1));
  const inParents = new Set(
    parents.flatMap((parent) => ofParent(parent.table).map((name) => `${parent.table}.${name}`)),
  );
  const own = [...columns.filter((column) => !inParents.has(column)), ...parents.map(({ link }) => link)];
  return [
    { name: table, columns: unique(own) },
    ...parents.map((parent) => ({ name: parent.table, columns: unique([parent.id, ...ofParent(parent.table)]) })),
    ...(userGroups ? [tableOf(userGroups), tableOf(group), tableOf(groupPermissions)] : []),
    ...(userPermissions ? [tableOf(userPermissions)] : []),
    ...(userGroups || userPermissions ? [tableOf(permission), tableOf(contentType)] : []),
  ];
}

/** The table and the column of the username. */
export function usernameOf({ user }: Schema): { table: string; column: string } {
  const parent = user.parents.find(({ table }) => user.username.startsWith(`${table}.`));
  if (parent === undefined) return { table: user.table, column: user.username };
  return { table: parent.table, column: user.username.slice(parent.table.length + 1) };
}

function tableOf({ table, ...columns }: { readonly table: string } & Readonly<Record<string, string>>): Table {
  return { name: table, columns: Object.values(columns) };
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)];
}

/** The schema and the table of a db_table: Django allows quotes inside it that separate the two. */
export function partsOf(name: string, quote: '"' | '`'): { schema: string | undefined; table: string } {
  const bare = name.length > 2 && name.startsWith(quote) && name.endsWith(quote) ? name.slice(1, -1) : name;
  const parts = bare.split(`${quote}.${quote}`);
  return { schema: parts.length > 1 ? parts[0] : undefined, table: parts.at(-1) as string };
}
