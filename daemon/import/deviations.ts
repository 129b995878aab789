import type { Facts } from './introspection.ts';
import type { Note } from './note.ts';

/** What code of the site's own may decide, and the daemon cannot ask. */
export function cautions(facts: Facts): Note[] {
  return [...ofManagers(facts), ...ofModel(facts), ...ofBackends(facts), ...ofRouters(facts)];
}

function ofManagers({ model, managers, natural_key }: Facts): Note[] {
  const notes: Note[] = managers
    .filter(({ changed }) => changed.length > 0)
    .map(({ path, changed }) => ({
      text: `${model} is looked up by ${path}, which has ${list(changed)} of its own: it may hide accounts that are found here`,
      accept: 'manager',
    }));
  if (!natural_key) {
    notes.push({ text: `the default manager of ${model} has no get_by_natural_key: Django's mod_wsgi handler fails` });
  }
  return notes;
}

function ofModel({ model, overridden, attributes, columns, rights }: Facts): Note[] {
  const notes: Note[] = [];
  if (overridden.includes('check_password')) {
    notes.push({
      text: `${model} has a check_password of its own, which may refuse a password that matches the stored hash`,
      accept: 'check_password',
    });
  }
  if (overridden.includes('from_db')) {
    notes.push({
      text: `${model} has a from_db of its own, which may change what the row says`,
      accept: 'manager',
    });
  }
  if (overridden.includes('has_perm')) {
    notes.push(
      'group' in rights && (rights.user_groups ?? rights.user_permissions)
        ? {
            text: `${model} has a has_perm of its own, which may refuse a permission that the tables grant`,
            accept: 'has_perm',
          }
        : {
            text: `${model} has a has_perm of its own and no permissions in tables: a required permission is answered with an error`,
          },
    );
  }
  if (!columns.is_active && attributes.is_active !== 'true') {
    notes.push({
      text: `${model} has no column is_active, but ${attributes.is_active === 'code' ? 'code' : 'a constant that is not True'} in its place: everybody is taken for active here`,
      accept: 'is_active',
    });
  }
  for (const flag of ['is_staff', 'is_superuser'] as const) {
    if (columns[flag]) continue;
    const what = attributes[flag] === null ? '' : ', only an attribute of that name';
    notes.push({ text: `${model} has no column ${flag}${what}: where it is required the answer is an error` });
  }
  return notes;
}

function ofBackends({ backends, rights }: Facts): Note[] {
  const notes: Note[] = [];
  for (const { path, stock, model, login } of backends) {
    if (stock || (model && login.length === 0)) continue;
    notes.push({
      text: model
        ? `${path}, a backend with ${list(login)} of its own, is not asked: a name and password are taken as ModelBackend takes them`
        : `${path}, a backend, is not asked: whom only it knows, without a usable password in Django, is denied`,
    });
  }
  for (const path of backends.filter((backend) => /\.(Persistent)?RemoteUserBackend$/.test(backend.path))) {
    notes.push({ text: `${path.path} needs no password: accounts that have none are denied here` });
  }
  // The first backend that grants a permission decides, and any before it may refuse by raising PermissionDenied.
  if (!('group' in rights) || !(rights.user_groups ?? rights.user_permissions)) return notes;
  const usual = backends.findIndex((backend) => backend.model && backend.rights.length === 0);
  if (usual < 0) {
    notes.push({
      text: `no backend of AUTHENTICATION_BACKENDS reads permissions as ModelBackend does: what the tables grant may be no permission to Django`,
      accept: 'backends',
    });
  }
  backends.forEach(({ path, rights: own }, at) => {
    if (own.length === 0) return;
    const before = at < usual;
    const asked = `${path} has ${list(own)} of its own, which is not asked: what only it grants is denied`;
    notes.push(
      before
        ? { text: `${asked}; and it goes before ModelBackend, so that it may refuse`, accept: 'backends' }
        : { text: asked },
    );
  });
  return notes;
}

function ofRouters({ database }: Facts): Note[] {
  const { alias, write_alias, routers, elsewhere } = database;
  const notes: Note[] = [];
  if (elsewhere.length > 0) {
    notes.push({
      text: `${list(routers)} looks for ${list(elsewhere)} in another database than the users: here all are read from "${alias}"`,
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
