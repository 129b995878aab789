import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { publicDirectory, startApache } from '../fixtures/apache.ts';
import { install, type Ran, run } from '../fixtures/hooks.ts';
import type { Person } from '../fixtures/site.ts';
import { createWorld } from '../fixtures/world.ts';

const RULES = `
push    git.push      refs/heads/
push    git.release   refs/heads/main
push    git.release   refs/tags
force   git.rewrite   refs/heads
`;

const password = 'secret';
const PEOPLE: Person[] = [
  { username: 'writer', password, permissions: ['git.push'] },
  { username: 'releaser', password, permissions: ['git.release'] },
  { username: 'rewriter', password, permissions: ['git.push', 'git.rewrite'] },
  { username: 'root', password, isSuperuser: true },
  { username: 'reader', password },
];
const FAULT = /remote: Your permission could not be checked.*not your fault/s;

/** A bare repository with the hook, behind git-http-backend and Apache, and a clone with two branches. */
async function served(t: Test) {
  const { prefix, hook } = install(t);
  const world = await createWorld(t, PEOPLE, {
    daemon: { directory: publicDirectory(), listen: 'group = "www-data"' },
  });
  const bare = join(prefix, 'git/a project.git');
  mkdirSync(join(prefix, 'git'));
  execFileSync('git', ['init', '-q', '--bare', '-b', 'main', bare]);
  symlinkSync(hook('git/update'), join(bare, 'hooks/update'));
  writeFileSync(join(bare, 'djauth-rules'), `${RULES}socket ${world.daemon.socket}\n`);
  execFileSync('chown', ['-R', 'www-data:', bare]);

  const config = (location: string, more: string) => `
    ScriptAlias ${location}/ /usr/lib/git-core/git-http-backend/
    <Location ${location}/>
      SetEnv GIT_PROJECT_ROOT "${prefix}/git"
      SetEnv GIT_HTTP_EXPORT_ALL 1
      ${more}
    </Location>`;
  const auth = `
      AuthType Basic
      AuthName git
      AuthBasicProvider django
      DjangoRequireStaffStatus Off
      Require valid-user`;
  const apache = await startApache(
    `DjangoAuthSocket "${world.daemon.socket}"
     <Directory /usr/lib/git-core>
       Require all granted
     </Directory>
     ${config('/git', auth)}${config('/open', 'Require all granted')}`,
    { mpm: 'prefork', load: ['cgi'] },
  );
  t.teardown(() => apache.stop());

  const clone = join(prefix, 'clone');
  const git = (...words: string[]): Promise<Ran> =>
    run('git', ['-c', 'user.name=x', '-c', 'user.email=x@y', '-c', 'credential.helper=', ...words], {
      cwd: clone,
      env: { GIT_TERMINAL_PROMPT: '0', HOME: prefix },
    });
  mkdirSync(clone);
  await git('init', '-q', '-b', 'main');
  for (const message of ['one', 'two', 'three']) await git('commit', '-q', '--allow-empty', '-m', message);
  const remote = (user: string, location = '/git') =>
    `http://${user && `${user}:${password}@`}127.0.0.1:${apache.port}${location}/a%20project.git`;
  const push = (user: string, ...words: string[]) => git('push', remote(user), ...words);
  return { world, bare, git, remote, push };
}

t.test('update, behind smart HTTP', async (t) => {
  const { world, bare, git, remote, push } = await served(t);
  const granted = async (ran: Promise<Ran>, name: string) => {
    const { code, err } = await ran;
    t.equal(code, 0, `${name} is granted ${code === 0 ? '' : err}`);
  };
  const denied = async (ran: Promise<Ran>, saying: RegExp, name: string) => {
    const { code, err } = await ran;
    t.not(code, 0, `${name} is denied`);
    t.match(err, saying, name);
    t.notMatch(err, /djauth:|djauth-rules|\.sock|not found/, 'no internals are shown');
  };

  await denied(
    push('reader', 'main:work'),
    /remote: reader may not push refs\/heads\/work: this requires the permission git\.push\./,
    'a user without the permission',
  );
  await granted(push('writer', 'main~1:refs/heads/work'), 'a user with the permission');
  await denied(
    push('writer', 'main~1:refs/heads/main'),
    /refs\/heads\/main: this requires the permission git\.release/,
    'a ref with its own rule',
  );
  await granted(push('releaser', 'main~1:refs/heads/main'), 'a user with the permission of that rule');
  await denied(push('releaser', 'main:refs/heads/work'), /git\.push/, 'any other ref');
  await granted(push('writer', 'main~1:refs/heads/main2'), 'a ref with the same beginning');
  await granted(push('writer', 'main:work'), 'adding to a history');
  await denied(
    push('writer', '+main~2:work'),
    /writer may not remove or rewrite refs\/heads\/work: .* git\.rewrite/,
    'rewriting history',
  );
  await denied(push('writer', ':work'), /may not remove or rewrite/, 'removing a ref');
  await granted(push('rewriter', '+main~2:work'), 'rewriting with the permission');
  await granted(push('rewriter', ':work'), 'removing with that permission');
  await granted(push('releaser', 'main:refs/tags/v1'), 'a tag');
  await denied(
    push('root', '+main~1:refs/tags/v1'),
    /no rule for "force" on refs\/tags\/v1/,
    'rewriting a ref without a rule, even by a superuser,',
  );
  await denied(push('writer', 'main:refs/notes/x'), /no rule for "push" on refs\/notes\/x/, 'a ref without a rule');
  await granted(push('writer', "main:refs/heads/it's-$(id);x&ü"), 'a ref with an odd name');

  const both = await push('writer', 'main:refs/heads/fine', 'main:refs/heads/main');
  t.not(both.code, 0);
  t.match(
    (await run('git', ['-C', bare, '-c', 'safe.directory=*', 'branch'], {})).out,
    /fine/,
    'each ref is decided by itself',
  );

  await run('git', ['-C', bare, '-c', 'safe.directory=*', 'config', 'http.receivepack', 'true']);
  await denied(
    git('push', remote('', '/open'), 'main:refs/heads/anon'),
    /remote: You are not logged in/,
    'an anonymous user',
  );

  await world.daemon.stop();
  await denied(git('push', remote('writer'), 'main:refs/heads/down'), /50\d|error/, 'a push without the daemon');
  const become = ['--reuid', 'www-data', '--clear-groups', join(bare, 'hooks/update')];
  const { err, code } = await run('setpriv', [...become, 'refs/heads/x', '0'.repeat(40), '1'.repeat(40)], {
    cwd: bare,
    env: { REMOTE_USER: 'root', HOME: '/' },
  });
  t.equal(code, 1, 'without the daemon the hook denies');
  t.match(`remote: ${err}`, FAULT);
});
