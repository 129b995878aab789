import type { Introspection } from './introspection.ts';
import type { Note } from './note.ts';

/** What custom code of the site may decide, and the daemon cannot ask. */
export function deviations(site: Introspection): Note[] {
  return [...ofManagers(site), ...ofModel(site), ...ofBackends(site), ...ofRouters(site)];
}

function ofManagers({ model, managers, natural_key }: Introspection): Note[] {
  const notes: Note[] = managers
    .filter(({ changed }) => changed.length > 0)
    .map(({ path, changed }) => ({
      text: `${model} is looked up by ${path}, which has a custom ${list(changed)}: it may hide accounts that djauthd finds`,
      accept: 'manager',
    }));
  if (!natural_key) {
    notes.push({
      text: `the default manager of ${model} has no get_by_natural_key: Django's mod_wsgi handler would raise an exception`,
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
  if (overridden.includes('from_db')) {
    notes.push({
      text: `${model} has a custom from_db, which may change the values of the row`,
      accept: 'manager',
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
  const { alias, write_alias, routers, elsewhere } = database;
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
  } else if (alias !== 'default') {
    notes.push({ text: `accounts are read from database "${alias}"` });
  }
  return notes;
}

function list(words: readonly string[]): string {
  return words.length < 2 ? (words[0] ?? 'something') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}
