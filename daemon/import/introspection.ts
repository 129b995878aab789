import { z } from 'zod';

const column = z.object({
  table: z.string(),
  column: z.string(),
  type: z.string(),
  relation: z.boolean(),
  /** The class of the field. */
  path: z.string(),
  /** Custom code that changes its values. */
  custom: z.array(z.string()),
});

const manyToMany = z.object({
  table: z.string(),
  from: z.string(),
  to: z.string(),
  /** The class that it points to. */
  target: z.string(),
  /** Whether that is Django's own model or a proxy of it, referred to by primary keys. */
  stock: z.boolean(),
  /** What the target's manager changes, if it is custom. */
  manager: z.array(z.string()),
});

const rights = z.object({
  user_groups: manyToMany.nullable(),
  user_permissions: manyToMany.nullable(),
  group: z.object({ table: z.string(), id: z.string(), name: z.string() }),
  group_permissions: manyToMany.nullable(),
  permission: z.object({ table: z.string(), id: z.string(), codename: z.string(), content_type: z.string() }),
  content_type: z.object({ table: z.string(), id: z.string(), app_label: z.string() }),
});

/** What a model has in place of a column: a constant, code or nothing. */
const attribute = z.enum(['true', 'false', 'code']).nullable();

const flags = ['is_active', 'is_staff', 'is_superuser'] as const;
const columns = ['password', ...flags, 'email', 'first_name', 'last_name'] as const;

/** What `introspect.py` writes if Python raised an exception. */
export const failureSchema = z.object({
  /** The exception and the first line of its message. */
  failure: z.string(),
  /** The module that could not be imported. */
  missing: z.string().nullable(),
});

/** The document that `introspect.py` writes. Names of classes are dotted Python paths. */
export const introspectionSchema = z.object({
  django: z.string(),
  model: z.string(),
  table: z.string(),
  id: column.nullable(),
  username_field: z.string(),
  username: column.nullable(),
  columns: z.record(z.enum(columns), column.nullable()),
  attributes: z.record(z.enum(flags), attribute),
  parents: z.array(z.object({ table: z.string(), id: z.string(), link: z.string().nullable() })),
  /** Empty if django.contrib.auth's own models are not installed. */
  rights: z.union([rights, z.object({}).strict()]),
  /** Custom methods of the user model. */
  overridden: z.array(z.string()),
  /** Custom code that runs when an account is loaded. */
  loading: z.array(z.string()),
  /** Custom code of Django's own models for groups and permissions, by model and field. */
  named: z.record(z.string(), z.array(z.string())),
  managers: z.array(z.object({ path: z.string(), changed: z.array(z.string()) })),
  /** How the default manager finds an account by its username. */
  natural_key: z.object({
    /** Null if it has no get_by_natural_key. */
    path: z.string().nullable(),
    custom: z.boolean(),
    /** Null for any other comparison, and for a field of another type than text. */
    match: z.enum(['exact', 'iexact', 'lower']).nullable(),
  }),
  hashers: z.array(
    z.object({
      path: z.string(),
      algorithm: z.string(),
      /** Whether it computes what Django's own hasher of that name computes. */
      stock: z.boolean(),
      /** Why Django itself cannot verify with it, if it cannot. */
      missing: z.string().nullable(),
    }),
  ),
  /** The major version of the bcrypt library. */
  bcrypt: z.number().nullable(),
  backends: z.array(
    z.object({
      path: z.string(),
      /** Whether it derives from ModelBackend. */
      model: z.boolean(),
      stock: z.boolean(),
      /** Custom methods for permissions. */
      rights: z.array(z.string()),
      /** Custom methods for logging in. */
      login: z.array(z.string()),
    }),
  ),
  /** The Python packages of the installed applications. */
  apps: z.array(z.string()),
  database: z.object({
    alias: z.string(),
    write_alias: z.string(),
    /** The databases that routers read accounts from. */
    read_aliases: z.array(z.string()),
    routers: z.array(z.string()),
    /** Models that routers read from another database than the users. */
    elsewhere: z.array(z.string()),
    vendor: z.string(),
    engine: z.string(),
    /** The parameters that Django passes to the database's library, by that library's names. */
    parameters: z.record(z.string(), z.unknown()),
    /** assume_role. */
    role: z.string().nullable(),
    directory: z.string(),
    /** The system user who ran the site's Python, and that user's home directory. */
    user: z.string(),
    home: z.string(),
    /** The environment variables that database libraries read. */
    environment: z.record(z.string(), z.string()),
  }),
});

export type Introspection = z.output<typeof introspectionSchema>;
export type IntrospectedDatabase = Introspection['database'];

/** Custom code of a field that changes what Django compares with the database, but not what it reads from it. */
const COMPARING: readonly string[] = ['to_python', 'get_prep_value', 'get_db_prep_value', 'get_lookup', 'lookup exact'];

/** The custom code of a field that changes what Django reads from the database. */
export function reading(code: readonly string[]): string[] {
  return code.filter((name) => !COMPARING.includes(name));
}
