import { rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { install, type Ran, run } from '../fixtures/hooks.ts';
import type { Person } from '../fixtures/site.ts';
import { createWorld, type World } from '../fixtures/world.ts';

const HOOKS = ['start-commit', 'pre-commit', 'pre-lock', 'pre-revprop-change'];
const FAULT = /Your permission could not be checked.*not your fault/s;

const RULES = `
# action     permission         path
commit       svn.change_trunk   /
commit       svn.release        /tags/
commit       svn.write_café     /trunk/ca fé
commit       svn.secret         /trunk/deep/secret
lock         svn.change_trunk   /
steal        svn.break_lock     /
revprop      svn.change_log     svn:log
revprop      svn.administrate   *
`;

const PEOPLE: Person[] = [
  { username: 'writer', permissions: ['svn.change_trunk'] },
  { username: 'manager', permissions: ['svn.change_trunk', 'svn.release', 'svn.break_lock', 'svn.change_log'] },
  { username: 'releaser', permissions: ['svn.release'] },
  { username: 'barista', permissions: ['svn.write_cafe'] },
  { username: 'root', isSuperuser: true },
  { username: 'gone', isSuperuser: true, isActive: false },
  { username: 'reader' },
  { username: '--version', permissions: ['svn.change_trunk'] },
  { username: '-rf /', permissions: ['svn.change_trunk'] },
  { username: 'Jürgen $(id) `id`', permissions: ['svn.change_trunk'] },
];

interface Repository {
  /** The command that the hooks call. */
  readonly djauth: string;
  readonly directory: string;
  readonly url: string;
  svn(user: string, ...words: string[]): Promise<Ran>;
  /** Sends these steps of svnmucc as one revision. */
  change(user: string, ...steps: string[]): Promise<Ran>;
  rules(text: string): void;
}

/** A repository whose hooks are links to the installed ones. */
async function repository(t: Test, world: World, hooks = HOOKS): Promise<Repository> {
  const { prefix, hook, djauth } = install(t);
  const directory = join(prefix, 'repos of ours');
  await run('svnadmin', ['create', directory]);
  for (const name of hooks) symlinkSync(hook(`svn/${name}`), join(directory, 'hooks', name));
  const rules = (text: string) =>
    writeFileSync(join(directory, 'conf/djauth-rules'), `${text}\nsocket ${world.daemon.socket}\nsite site\n`);
  rules(RULES);
  const url = `file://${encodeURI(directory)}`;
  const common = ['--non-interactive', '--no-auth-cache', '--config-dir', join(prefix, 'config')];
  return {
    djauth,
    directory,
    url,
    rules,
    svn: (user, ...words) => run('svn', [...common, '--username', user, ...words]),
    change: (user, ...steps) =>
      run('svnmucc', [
        '--non-interactive',
        '--config-dir',
        join(prefix, 'config'),
        '-u',
        user,
        '-m',
        'x',
        '-U',
        url,
        ...steps,
      ]),
  };
}

function granted(t: Test, { code, err }: Ran, name: string): void {
  t.equal(code, 0, `${name} is granted ${err}`);
}

function denied(t: Test, { code, err }: Ran, saying: RegExp, name: string): void {
  t.not(code, 0, `${name} is denied`);
  t.match(err, saying, name);
  t.notMatch(err, /djauth:|djauth-rules|\.sock|awk|: not found/, 'no internals are shown');
}

t.test('pre-commit and start-commit', async (t) => {
  const world = await createWorld(t, PEOPLE);
  const { change, svn, url, rules, directory } = await repository(t, world);
  const empty = join(directory, 'empty');
  writeFileSync(empty, '');
  const put = (path: string) => ['put', empty, path];

  const tree = ['mkdir', 'trunk', 'mkdir', 'trunk/deep', 'mkdir', 'branches', 'mkdir', 'tags'];
  denied(
    t,
    await change('manager', ...tree),
    /manager may not change \/trunk.* requires the permission svn\.(secret|write)/,
    'a new tree above directories with other rules',
  );
  granted(t, await change('root', ...tree, 'mkdir', 'trunk/deep/secret', ...put('trunk/a')), 'a superuser');

  granted(t, await change('writer', ...put('trunk/b')), 'a user with the permission');
  denied(
    t,
    await change('reader', ...put('trunk/c')),
    /start-commit.*reader may not commit here\.\n/s,
    'a user without a permission',
  );
  denied(t, await change('nobody', ...put('trunk/c')), /nobody may not commit here\.\n/, 'an unknown user');
  denied(t, await change('gone', ...put('trunk/c')), /gone may not commit here\.\n/, 'an inactive superuser');
  denied(
    t,
    await change('releaser', ...put('trunk/c')),
    /pre-commit.*releaser may not change \/trunk\/c: this requires the permission svn\.change_trunk\./s,
    'a user with the permission for another directory',
  );

  granted(
    t,
    await change('manager', 'cp', 'HEAD', 'trunk/b', 'tags/1.0'),
    'a path below a directory with its own rule',
  );
  granted(t, await change('releaser', 'cp', 'HEAD', 'trunk/b', 'tags/1.1'), 'such a path with its permission only');
  denied(
    t,
    await change('writer', ...put('tags/1.2')),
    /writer may not change \/tags\/1\.2: .* svn\.release/,
    'such a path without its permission',
  );
  denied(t, await change('writer', ...put('trunk/d'), ...put('tags/1.2')), /\/tags\/1\.2/, 'one of two paths');
  granted(t, await change('writer', ...put('tags2')), 'a name with the same beginning');
  denied(t, await change('writer', 'rm', 'tags'), /svn\.release/, 'the directory of the rule itself');
  denied(t, await change('writer', 'propset', 'p', 'v', 'tags'), /svn\.release/, 'the properties of that directory');
  granted(t, await change('writer', 'propset', 'p', 'v', 'trunk/deep'), 'the properties of its parent');
  denied(
    t,
    await change('writer', 'rm', 'trunk/deep'),
    /\/trunk\/deep\/?: .* svn\.secret/,
    'removing a tree with another rule in it',
  );
  denied(t, await change('writer', 'mv', 'trunk/deep', 'branches/deep'), /svn\.secret/, 'moving such a tree');
  denied(t, await change('writer', 'rm', 'trunk'), /svn\.(secret|write)/, 'removing the tree above it');
  denied(t, await change('writer', ...put('trunk/deep/secret/x')), /svn\.secret/, 'a path within it');
  granted(t, await change('writer', 'mkdir', 'branches/x'), 'a directory without another rule in it');

  for (const name of [
    'a b',
    ' ',
    '-rf',
    '--',
    'ü',
    '$(touch x)',
    '`id`',
    'a\\nb',
    "it's",
    '"q"',
    '*',
    'x;y',
    '%0a',
    '?\\195',
    '#',
    '~',
  ]) {
    const path = `trunk/${name}`;
    granted(
      t,
      await change('writer', 'mkdir', encodeURI(path).replaceAll('#', '%23').replaceAll('?', '%3F')),
      `a path with ${name}`,
    );
    const inside = `tags/${name}`;
    denied(
      t,
      await change('writer', 'mkdir', encodeURI(inside).replaceAll('#', '%23').replaceAll('?', '%3F')),
      /svn\.release/,
      `a path with ${name}`,
    );
  }
  rules(RULES.replace('svn.write_café', 'svn.write_cafe'));
  granted(
    t,
    await change('root', 'mkdir', 'trunk/ca%20f%C3%A9'),
    'a path with a rule that contains a blank and a letter outside ASCII',
  );
  denied(
    t,
    await change('writer', 'mkdir', 'trunk/ca%20f%C3%A9/x'),
    /\/trunk\/ca fé\/x.*svn\.write_cafe/,
    'a user without the permission of that rule',
  );
  granted(t, await change('barista', 'mkdir', 'trunk/ca%20f%C3%A9/x'), 'a user with the permission of that rule');

  for (const user of ['--version', '-rf /', 'Jürgen $(id) `id`']) {
    granted(t, await change(user, 'mkdir', `trunk/of%20${encodeURIComponent(user)}`), `the user ${user}`);
    denied(t, await change(user, 'mkdir', `tags/${encodeURIComponent(user)}`), /may not change \/tags/, user);
  }
  denied(
    t,
    await change('writer\n', ...put('trunk/c')),
    /may not commit here/,
    'a username with a newline, which is another user,',
  );

  for (const [text, saying] of [
    ['commit svn.change_trunk /branches', /You may not change this: no rule for "commit" on \/trunk\/e/],
    ['comit svn.change_trunk /', FAULT],
    ['commit svn.change_trunk trunk', FAULT],
    ['commit svn /', FAULT],
    ['commit svn.change_trunk', FAULT],
    ['commit svn.change_trunk /\ncommit svn.release /', FAULT],
    ['', FAULT],
  ] as const) {
    rules(text);
    denied(t, await change('writer', ...put('trunk/e')), saying, `rules: ${text}`);
  }
  rules('commit svn.change_trunk /');
  granted(t, await change('writer', ...put('trunk/e')), 'a change after the rules are corrected');
  t.equal((await svn('x', 'info', '--show-item', 'revision', url)).code, 0);
});

t.test('pre-commit alone', async (t) => {
  const world = await createWorld(t, PEOPLE);
  const { change, directory } = await repository(t, world, ['pre-commit']);
  granted(t, await change('root', 'mkdir', 'trunk', 'mkdir', 'tags'), 'a superuser');
  denied(t, await change('reader', 'mkdir', 'trunk/x'), /reader may not change/, 'a user without the permission');
  denied(t, await change('', 'mkdir', 'trunk/x'), /may not change|not logged in/, 'an anonymous user');
  denied(t, await change('reader'), /./, 'an empty change');
  t.ok(directory);
});

t.test('pre-lock', async (t) => {
  const world = await createWorld(t, PEOPLE);
  const { change, svn, url, directory } = await repository(t, world);
  const empty = join(directory, 'empty');
  writeFileSync(empty, '');
  granted(
    t,
    await change('root', 'mkdir', 'trunk', 'put', empty, 'trunk/a b', 'put', empty, 'trunk/-x'),
    'a superuser',
  );
  for (const path of ['trunk/a%20b', 'trunk/-x']) {
    denied(
      t,
      await svn('reader', 'lock', `${url}/${path}`),
      /reader may not lock \/trunk/,
      'a user without the permission',
    );
    granted(t, await svn('writer', 'lock', `${url}/${path}`), 'a user with the permission');
    const token = (await svn('x', 'info', '--xml', `${url}/${path}`)).out;
    t.match(token, /<token>opaquelocktoken:[0-9a-f-]{36}<\/token>/, "Subversion's own token");
    denied(
      t,
      await svn('releaser', 'lock', '--force', `${url}/${path}`),
      /may not lock/,
      'stealing without the permission to lock',
    );
    denied(
      t,
      await svn('--version', 'lock', '--force', `${url}/${path}`),
      /may not break the lock of \/trunk.*svn\.break_lock/,
      'stealing without the permission to steal',
    );
    granted(t, await svn('manager', 'lock', '--force', `${url}/${path}`), 'stealing with both');
  }
});

t.test('pre-revprop-change', async (t) => {
  const world = await createWorld(t, PEOPLE);
  const { change, svn, url } = await repository(t, world);
  granted(t, await change('root', 'mkdir', 'trunk'), 'a superuser');
  const set = (user: string, name: string) =>
    svn(user, 'propset', '--revprop', '-r', '1', '--force', name, 'new\nvalue', url);
  granted(t, await set('manager', 'svn:log'), 'a property with its own rule');
  denied(
    t,
    await set('writer', 'svn:log'),
    /writer may not change the revision property svn:log: .* svn\.change_log/,
    'a user without its permission',
  );
  denied(
    t,
    await set('manager', 'svn:author'),
    /svn:author: .* svn\.administrate/,
    'a property with the rule for all others',
  );
  denied(t, await set('manager', '*'), /./, 'a property called *');
  granted(t, await set('root', 'svn:author'), 'a user with the permission');
  denied(
    t,
    await svn('writer', 'propdel', '--revprop', '-r', '1', 'svn:log', url),
    /may not change/,
    'removing a property',
  );
});

t.test('without the daemon every hook denies, and says that it is a fault', async (t) => {
  const world = await createWorld(t, PEOPLE);
  const { change, svn, url, directory, rules, djauth } = await repository(t, world);
  const alone = await repository(t, world, ['pre-commit']);
  const empty = join(directory, 'empty');
  writeFileSync(empty, '');
  for (const each of [change, alone.change])
    granted(t, await each('root', 'mkdir', 'trunk', 'put', empty, 'trunk/a'), 'a superuser while the daemon runs');
  await world.daemon.stop();
  denied(t, await change('root', 'mkdir', 'trunk/b'), FAULT, 'start-commit');
  denied(t, await alone.change('root', 'mkdir', 'trunk/b'), FAULT, 'pre-commit');
  denied(t, await svn('root', 'lock', `${url}/trunk/a`), FAULT, 'pre-lock');
  denied(t, await svn('root', 'propset', '--revprop', '-r', '1', 'svn:log', 'x', url), FAULT, 'pre-revprop-change');
  rmSync(djauth);
  denied(t, await change('root', 'mkdir', 'trunk/b'), FAULT, 'start-commit without the djauth command');
  rules('');
  denied(t, await change('root', 'mkdir', 'trunk/b'), FAULT, 'start-commit without rules');
});
