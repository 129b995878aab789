import { rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { install, type Ran, run } from '../fixtures/hooks.ts';
import type { Person } from '../fixtures/site.ts';
import { createWorld, type World } from '../fixtures/world.ts';

const HOOKS = ['start-commit', 'pre-commit', 'pre-lock', 'pre-revprop-change'];
const UNSURE = /could not be checked whether you may do this.*not your mistake/s;

const RULES = `
# what       permission         where
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
  /** The command that its hooks call. */
  readonly djauth: string;
  readonly directory: string;
  readonly url: string;
  svn(user: string, ...words: string[]): Promise<Ran>;
  /** Sends these steps of svnmucc as one revision. */
  change(user: string, ...steps: string[]): Promise<Ran>;
  rules(text: string): void;
}

/** A repository with every hook, links to what is installed. */
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
  t.equal(code, 0, `${name}: passes ${err}`);
}

function refused(t: Test, { code, err }: Ran, saying: RegExp, name: string): void {
  t.not(code, 0, `${name}: refused`);
  t.match(err, saying, name);
  t.notMatch(err, /djauth:|djauth-rules|\.sock|awk|: not found/, 'and nothing of how it works');
}

t.test('pre-commit and start-commit', async (t) => {
  const world = await createWorld(t, PEOPLE);
  const { change, svn, url, rules, directory } = await repository(t, world);
  const empty = join(directory, 'empty');
  writeFileSync(empty, '');
  const put = (path: string) => ['put', empty, path];

  const tree = ['mkdir', 'trunk', 'mkdir', 'trunk/deep', 'mkdir', 'branches', 'mkdir', 'tags'];
  refused(
    t,
    await change('manager', ...tree),
    /manager may not change \/trunk.* needs the permission svn\.(secret|write)/,
    'a new tree above other rules',
  );
  granted(t, await change('root', ...tree, 'mkdir', 'trunk/deep/secret', ...put('trunk/a')), 'a superuser');

  granted(t, await change('writer', ...put('trunk/b')), 'with the permission');
  refused(t, await change('reader', ...put('trunk/c')), /start-commit.*reader may not commit here\.\n/s, 'with none');
  refused(t, await change('nobody', ...put('trunk/c')), /nobody may not commit here\.\n/, 'an unknown person');
  refused(t, await change('gone', ...put('trunk/c')), /gone may not commit here\.\n/, 'an inactive superuser');
  refused(
    t,
    await change('releaser', ...put('trunk/c')),
    /pre-commit.*releaser may not change \/trunk\/c: that needs the permission svn\.change_trunk\./s,
    'with one for elsewhere',
  );

  granted(t, await change('manager', 'cp', 'HEAD', 'trunk/b', 'tags/1.0'), 'below a prefix');
  granted(
    t,
    await change('releaser', 'cp', 'HEAD', 'trunk/b', 'tags/1.1'),
    'below a prefix, with its permission alone',
  );
  refused(
    t,
    await change('writer', ...put('tags/1.2')),
    /writer may not change \/tags\/1\.2: .* svn\.release/,
    'without it',
  );
  refused(t, await change('writer', ...put('trunk/d'), ...put('tags/1.2')), /\/tags\/1\.2/, 'one path of two');
  granted(t, await change('writer', ...put('tags2')), 'a name that only begins alike');
  refused(t, await change('writer', 'rm', 'tags'), /svn\.release/, 'the very directory');
  refused(t, await change('writer', 'propset', 'p', 'v', 'tags'), /svn\.release/, 'its properties');
  granted(t, await change('writer', 'propset', 'p', 'v', 'trunk/deep'), "a parent's properties");
  refused(t, await change('writer', 'rm', 'trunk/deep'), /\/trunk\/deep\/?: .* svn\.secret/, 'what takes a tree along');
  refused(t, await change('writer', 'mv', 'trunk/deep', 'branches/deep'), /svn\.secret/, 'moved away');
  refused(t, await change('writer', 'rm', 'trunk'), /svn\.(secret|write)/, 'from higher up');
  refused(t, await change('writer', ...put('trunk/deep/secret/x')), /svn\.secret/, 'and inside');
  granted(t, await change('writer', 'mkdir', 'branches/x'), 'a directory above no other rule');

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
    refused(
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
    'a rule with a blank and a letter that is none of ASCII',
  );
  refused(
    t,
    await change('writer', 'mkdir', 'trunk/ca%20f%C3%A9/x'),
    /\/trunk\/ca fé\/x.*svn\.write_cafe/,
    'it decides',
  );
  granted(t, await change('barista', 'mkdir', 'trunk/ca%20f%C3%A9/x'), 'for those who have it');

  for (const user of ['--version', '-rf /', 'Jürgen $(id) `id`']) {
    granted(t, await change(user, 'mkdir', `trunk/of%20${encodeURIComponent(user)}`), `somebody called ${user}`);
    refused(t, await change(user, 'mkdir', `tags/${encodeURIComponent(user)}`), /may not change \/tags/, user);
  }
  refused(
    t,
    await change('writer\n', ...put('trunk/c')),
    /may not commit here/,
    'a name with a line end is another one',
  );

  for (const [text, saying] of [
    ['commit svn.change_trunk /branches', /You may not change this: no rule of "commit" is for \/trunk\/e/],
    ['comit svn.change_trunk /', UNSURE],
    ['commit svn.change_trunk trunk', UNSURE],
    ['commit svn /', UNSURE],
    ['commit svn.change_trunk', UNSURE],
    ['commit svn.change_trunk /\ncommit svn.release /', UNSURE],
    ['', UNSURE],
  ] as const) {
    rules(text);
    refused(t, await change('writer', ...put('trunk/e')), saying, `rules: ${text}`);
  }
  rules('commit svn.change_trunk /');
  granted(t, await change('writer', ...put('trunk/e')), 'rules that are right again');
  t.equal((await svn('x', 'info', '--show-item', 'revision', url)).code, 0);
});

t.test('pre-commit alone', async (t) => {
  const world = await createWorld(t, PEOPLE);
  const { change, directory } = await repository(t, world, ['pre-commit']);
  granted(t, await change('root', 'mkdir', 'trunk', 'mkdir', 'tags'), 'a superuser');
  refused(t, await change('reader', 'mkdir', 'trunk/x'), /reader may not change/, 'without the permission');
  refused(t, await change('', 'mkdir', 'trunk/x'), /may not change|not logged in/, 'without a name');
  refused(t, await change('reader'), /./, 'without a change');
  t.ok(directory);
});

t.test('pre-lock', async (t) => {
  const world = await createWorld(t, PEOPLE);
  const { change, svn, url, directory } = await repository(t, world);
  const empty = join(directory, 'empty');
  writeFileSync(empty, '');
  granted(t, await change('root', 'mkdir', 'trunk', 'put', empty, 'trunk/a b', 'put', empty, 'trunk/-x'), 'made');
  for (const path of ['trunk/a%20b', 'trunk/-x']) {
    refused(t, await svn('reader', 'lock', `${url}/${path}`), /reader may not lock \/trunk/, 'without the permission');
    granted(t, await svn('writer', 'lock', `${url}/${path}`), 'with it');
    const token = (await svn('x', 'info', '--xml', `${url}/${path}`)).out;
    t.match(token, /<token>opaquelocktoken:[0-9a-f-]{36}<\/token>/, "Subversion's own token");
    refused(t, await svn('releaser', 'lock', '--force', `${url}/${path}`), /may not lock/, 'nor by force');
    refused(
      t,
      await svn('--version', 'lock', '--force', `${url}/${path}`),
      /may not break the lock of \/trunk.*svn\.break_lock/,
      'stealing needs more',
    );
    granted(t, await svn('manager', 'lock', '--force', `${url}/${path}`), 'for those who have that');
  }
});

t.test('pre-revprop-change', async (t) => {
  const world = await createWorld(t, PEOPLE);
  const { change, svn, url } = await repository(t, world);
  granted(t, await change('root', 'mkdir', 'trunk'), 'made');
  const set = (user: string, name: string) =>
    svn(user, 'propset', '--revprop', '-r', '1', '--force', name, 'new\nvalue', url);
  granted(t, await set('manager', 'svn:log'), 'a property with a rule');
  refused(
    t,
    await set('writer', 'svn:log'),
    /writer may not change the revision property svn:log: .* svn\.change_log/,
    'without its permission',
  );
  refused(t, await set('manager', 'svn:author'), /svn:author: .* svn\.administrate/, 'one by the rule for all others');
  refused(t, await set('manager', '*'), /./, 'one of that very name');
  granted(t, await set('root', 'svn:author'), 'with the permission');
  refused(
    t,
    await svn('writer', 'propdel', '--revprop', '-r', '1', 'svn:log', url),
    /may not change/,
    'removing is a change',
  );
});

t.test('with the daemon down every hook refuses, and says that it is nobody’s mistake', async (t) => {
  const world = await createWorld(t, PEOPLE);
  const { change, svn, url, directory, rules, djauth } = await repository(t, world);
  const alone = await repository(t, world, ['pre-commit']);
  const empty = join(directory, 'empty');
  writeFileSync(empty, '');
  for (const each of [change, alone.change])
    granted(t, await each('root', 'mkdir', 'trunk', 'put', empty, 'trunk/a'), 'while it is up');
  await world.daemon.stop();
  refused(t, await change('root', 'mkdir', 'trunk/b'), UNSURE, 'start-commit');
  refused(t, await alone.change('root', 'mkdir', 'trunk/b'), UNSURE, 'pre-commit');
  refused(t, await svn('root', 'lock', `${url}/trunk/a`), UNSURE, 'pre-lock');
  refused(t, await svn('root', 'propset', '--revprop', '-r', '1', 'svn:log', 'x', url), UNSURE, 'pre-revprop-change');
  rmSync(djauth);
  refused(t, await change('root', 'mkdir', 'trunk/b'), UNSURE, 'without the command');
  rules('');
  refused(t, await change('root', 'mkdir', 'trunk/b'), UNSURE, 'without a rule');
});
