import { type Introspection, reading } from './introspection.ts';
import type { Note } from './note.ts';
import { ofSecondFactors } from './second-factor.ts';

/** What custom code of the site may decide, and the daemon cannot ask. */
export function deviations(site: Introspection): Note[] {
  return [
    ...ofManagers(site),
    ...ofNaturalKey(site),
    ...ofFields(site),
    ...ofModel(site),
    ...ofBackends(site),
    ...ofRouters(site),
    ...ofSecondFactors(site),
  ];
}

function ofManagers({ model, managers, rights }: Introspection): Note[] {
  const notes: Note[] = managers
    .filter(({ changed }) => changed.length > 0)
    .map(({ path, changed }) => ({
      text: `${model} is looked up by ${path}, which has a custom ${list(changed)}: it may hide accounts that djauthd finds`,
      accept: 'manager',
    }));
  for (const field of ['user_groups', 'user_permissions'] as const) {
    const found = 'group' in rights ? rights[field] : null;
    if (!found?.stock || found.manager.length === 0) continue;
    notes.push({
      text: `the default manager of ${found.target} has a custom ${list(found.manager)}: it may hide what djauthd finds`,
      accept: 'manager',
    });
  }
  return notes;
}

function ofNaturalKey({ model, username, username_field, natural_key }: Introspection): Note[] {
  const { path, custom, match } = natural_key;
  if (path === null) {
    return [
      {
        text: `the default manager of ${model} has no get_by_natural_key: Django's mod_wsgi handler would raise an exception`,
      },
    ];
  }
  if (match === 'iexact') {
    return [
      { text: `${path} ignores case: username_match = "iexact" compares ${username_field} as Django's iexact does` },
    ];
  }
  if (match === 'lower') {
    const code = custom ? path : `${model}.${username_field} (${username?.path})`;
    return [{ text: `${code} lower-cases usernames: username_match = "lower" does the same` }];
  }
  if (match === 'exact' || !custom) return [];
  return [
    {
      text: `${path} does not simply compare ${username_field}, but djauthd does: it may find an account that Django does not find`,
      accept: 'manager',
    },
  ];
}

function ofFields({
  model,
  id,
  username,
  username_field,
  columns,
  natural_key,
  named,
  loading,
}: Introspection): Note[] {
  const notes: Note[] = [];
  const deviate = (name: string, code: readonly string[], path: string | undefined) => {
    if (code.length === 0) return;
    notes.push({
      text: `${model}.${name} (${path}) has a custom ${list(code)}: djauthd uses the values of the column, which may differ from Django's`,
      accept: 'fields',
    });
  };
  if (username) {
    // How Django compares usernames was learned by trying.
    const code = natural_key.match === null ? username.custom : reading(username.custom);
    deviate(username_field, code, username.path);
  }
  const { password, is_active, is_staff, is_superuser, ...others } = columns;
  if (password) deviate('password', reading(password.custom), password.path);
  for (const [name, column] of Object.entries({ is_active, is_staff, is_superuser })) {
    if (column) deviate(name, column.custom, column.path);
  }
  for (const [name, column] of Object.entries(others)) {
    const code = column ? reading(column.custom) : [];
    if (code.length === 0) continue;
    notes.push({
      text: `${model}.${name} (${column?.path}) has a custom ${list(code)}: djauthd does not report it`,
    });
  }
  if (id && reading(id.custom).length > 0) {
    notes.push({
      text: `the primary key of ${model} (${id.path}) is converted by custom code: djauthd reports the column's value`,
    });
  }
  for (const [name, code] of Object.entries(named)) {
    notes.push({
      text: `${name} is changed by ${list(code)}: djauthd uses the values of the column`,
      accept: 'fields',
    });
  }
  if (loading.length > 0) {
    notes.push({
      text: `custom code runs when ${model} is loaded and may change its values: ${list(loading)}`,
      accept: 'loading',
    });
  }
  return notes;
}

function ofModel({ model, overridden, attributes, columns, rights }: Introspection): Note[] {
  const notes: Note[] = [];
  if (overridden.includes('check_password')) {
    notes.push({
      text: `${model} has a custom check_password, which may refuse a password that matches the stored hash`,
      accept: 'check_password',
    });
  }
  if (overridden.includes('has_perm')) {
    notes.push(
      'group' in rights && (rights.user_groups ?? rights.user_permissions)
        ? {
            text: `${model} has a custom has_perm, which may refuse a permission that the tables grant`,
            accept: 'has_perm',
          }
        : {
            text: `${model} has a custom has_perm and no permissions in tables: requiring a permission is an error`,
          },
    );
  }
  if (!columns.is_active && attributes.is_active !== 'true') {
    notes.push({
      text: `${model} has no column is_active, but ${attributes.is_active === 'code' ? 'code' : 'a constant that is not True'} in its place: djauthd takes every account for active`,
      accept: 'is_active',
    });
  }
  for (const flag of ['is_staff', 'is_superuser'] as const) {
    if (columns[flag]) continue;
    const what = attributes[flag] === null ? '' : ', only an attribute of that name';
    notes.push({ text: `${model} has no column ${flag}${what}: requiring it is an error` });
  }
  return notes;
}

function ofBackends({ backends, rights }: Introspection): Note[] {
  const notes: Note[] = [];
  for (const { path, stock, model, login } of backends) {
    if (stock || (model && login.length === 0)) continue;
    notes.push({
      text: model
        ? `the backend ${path} has a custom ${list(login)}, which is not called: djauthd checks passwords as ModelBackend does`
        : `the backend ${path} is not asked: users without a usable password in Django's tables are denied`,
    });
  }
  for (const { path } of backends.filter((backend) => /\.(Persistent)?RemoteUserBackend$/.test(backend.path))) {
    notes.push({ text: `the backend ${path} needs no password: djauthd denies accounts without one` });
  }
  // The first backend that grants a permission decides; any backend before it may refuse by raising PermissionDenied.
  if (!('group' in rights) || !(rights.user_groups ?? rights.user_permissions)) return notes;
  const reader = backends.findIndex((backend) => backend.model && backend.rights.length === 0);
  if (reader < 0) {
    notes.push({
      text: 'no backend in AUTHENTICATION_BACKENDS reads permissions as ModelBackend does: Django may not grant what the tables grant',
      accept: 'backends',
    });
  }
  backends.forEach(({ path, rights: custom }, position) => {
    if (custom.length === 0) return;
    const before = position < reader;
    const ignored = `the backend ${path} has a custom ${list(custom)}, which is not called: permissions that only it grants are denied`;
    notes.push(
      before
        ? { text: `${ignored}; it precedes ModelBackend and may refuse permissions`, accept: 'backends' }
        : { text: ignored },
    );
  });
  return notes;
}

function ofRouters({ database }: Introspection): Note[] {
  const { alias, write_alias, read_aliases, routers, elsewhere } = database;
  const notes: Note[] = [];
  if (elsewhere.length > 0) {
    notes.push({
      text: `the router ${list(routers)} reads ${list(elsewhere)} from another database than the users: djauthd reads all from "${alias}"`,
      accept: 'routers',
    });
  }
  if (alias !== write_alias) {
    notes.push({
      text: `accounts are read from database "${alias}" and written to "${write_alias}": a change takes effect when it has been replicated`,
    });
  } else if (read_aliases.some((read) => read !== alias)) {
    const others = read_aliases.map((read) => `"${read}"`);
    notes.push({
      text: `accounts are read from database "${alias}", to which Django writes them; Django itself reads ${list(others)}; choose with --database`,
    });
  } else if (alias !== 'default') {
    notes.push({ text: `accounts are read from database "${alias}"` });
  }
  return notes;
}

function list(words: readonly string[]): string {
  return words.length < 2 ? (words[0] ?? 'something') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}
