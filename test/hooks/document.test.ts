import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { startProject } from '../fixtures/django-project.ts';
import { run } from '../fixtures/hooks.ts';
import { createWorld } from '../fixtures/world.ts';

const ROOT = join(import.meta.dirname, '../..');
const DOCUMENT = readFileSync(join(ROOT, 'docs/hooks.md'), 'utf8');

t.test('every command of docs/hooks.md does what it says', async (t) => {
  const stage = mkdtempSync(join(tmpdir(), 'djauthd-d-'));
  t.teardown(() => rmSync(stage, { recursive: true }));
  const { daemon } = await createWorld(t, [
    { username: 'alice', password: 'secret', isStaff: true, groups: ['Editors'], permissions: ['svn.commit'] },
    { username: 'bob', permissions: ['svn.change_trunk', 'files.change_file'] },
  ]);
  const local = join(stage, 'usr/local');
  const env = {
    ...{ DJAUTH_SOCKET: daemon.socket, DJAUTH_CONTROL_SOCKET: daemon.control, DESTDIR: stage, password: 'secret' },
    ...{ PATH: `${local}/bin:${process.env.PATH}`, LD_LIBRARY_PATH: `${local}/lib` },
    ...{ PKG_CONFIG_PATH: `${local}/lib/pkgconfig`, PKG_CONFIG_SYSROOT_DIR: stage },
  };
  for (const path of ['srv/svn', 'srv/git', 'etc/djauthd', 'var/lib/djauth-svn-groups'])
    mkdirSync(join(stage, path), { recursive: true });
  execFileSync('svnadmin', ['create', join(stage, 'srv/svn/project')]);
  execFileSync('git', ['init', '-q', '--bare', join(stage, 'srv/git/project.git')]);

  const blocks = [...DOCUMENT.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, text = '']) => text);
  const output: string[] = [];
  for (const block of blocks) {
    // Absolute paths are those of the stage; make gets the stage by DESTDIR. The library does not read DJAUTH_SOCKET.
    const staged = block.startsWith('make')
      ? block
      : block.replace(/(?<![\w.])\/(usr\/local|srv|etc|var)\//g, `${stage}/$1/`);
    const script = staged
      .replaceAll('client-c', join(ROOT, 'client-c'))
      .replace('-o login', `-o ${stage}/login`)
      .replace('./login alice', `${stage}/login alice ${daemon.socket}`);
    const { code, out, err } = await run('sh', ['-ec', script], { cwd: ROOT, env });
    t.equal(code, 0, `${block}${err}`);
    output.push(out);
  }
  t.equal(blocks.length, 7);
  const [installed, asked, , , dav, groups, login] = output;
  t.match(installed, /share\/djauthd\/hooks\/svn\/pre-commit\n[\s\S]*mod_authnz_django\.so\n/);
  t.match(asked, /^granted: djauthd .*\n(granted alice .*\n){2}\{"status":"granted".*\}\n$/);
  t.equal(dav, 'deny\n', 'alice does not have the permission');
  t.equal(groups, 'written: 1 groups, 1 members\n');
  t.equal(login, 'welcome, alice\n  group: Editors\n');

  // The hooks run with an empty environment.
  const repository = join(stage, 'srv/svn/project');
  appendFileSync(join(repository, 'conf/djauth-rules'), `socket ${daemon.socket}\n`);
  const commit = async (user: string, path: string) =>
    (await run('svnmucc', ['-U', `file://${repository}`, '-u', user, '-m', 'x', 'mkdir', path], { env })).code;
  t.equal(await commit('bob', 'trunk'), 0);
  t.equal(await commit('bob', 'tags'), 1);
  t.equal(await commit('alice', 'branches'), 1);
  const update = (user: string) =>
    run('hooks/update', ['refs/heads/work', '0'.repeat(40), '1'.repeat(40)], {
      cwd: join(stage, 'srv/git/project.git'),
      env: { ...env, REMOTE_USER: user },
    });
  t.match(await update('bob'), { code: 1, err: /requires the permission git\.push/ });
});

t.test('the migration makes a permission that a user can be given', async (t) => {
  const [, text = ''] = /^```python\n([\s\S]*?)^```$/m.exec(DOCUMENT) ?? [];
  t.ok(text.split('\n').filter((line) => line !== '').length <= 10, 'ten lines');
  const project = startProject(t);
  project.app('shop', 'from django.db import models\nclass Order(models.Model):\n    pass\n');
  project.append('mysite/settings.py', '\nINSTALLED_APPS += ["shop"]\n');
  project.manage('makemigrations', 'shop');
  writeFileSync(join(project.directory, 'shop/migrations/0002_svn_commit.py'), text.replaceAll('mysite', 'shop'));
  project.manage('migrate');
  project.manage('migrate', 'shop', '0001');
  project.manage('migrate'); // again: it is there already
  const holds = project.python(
    [
      'from django.contrib.auth.models import Permission, User',
      'alice = User.objects.create_user("alice")',
      'alice.user_permissions.add(Permission.objects.get(content_type__app_label="svn", codename="commit"))',
      'print(User.objects.get(pk=alice.pk).has_perm("svn.commit"))',
    ].join('\n'),
  );
  t.match(holds, 'True');
});
