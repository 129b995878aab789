import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { run } from '../fixtures/hooks.ts';
import { serve } from '../fixtures/sample.ts';
import type { Person } from '../fixtures/site.ts';

const password = 'secret';
const USERS: Person[] = [
  { username: 'Writer', password, permissions: ['git.push'] },
  { username: 'reader', password },
];

t.test('clone, fetch and push', async (t) => {
  const { apache, srv, world } = await serve(
    t,
    'git.conf',
    USERS,
    (srv) => {
      const bare = join(srv, 'git/project.git');
      execFileSync('git', ['init', '-q', '--bare', '-b', 'main', bare]);
      writeFileSync(join(bare, 'hooks/post-receive'), '#!/bin/sh\necho "$REMOTE_USER" >>pushed-by\n');
      chmodSync(join(bare, 'hooks/post-receive'), 0o755);
    },
    { load: ['cgi'], mpm: 'prefork' },
  );
  const home = mkdtempSync(join(tmpdir(), 'djauthd-g-'));
  t.teardown(() => rmSync(home, { recursive: true, force: true }));
  const url = (user: string, word = password) => `http://${user}:${word}@127.0.0.1:${apache.port}/git/project.git`;
  const git = (cwd: string, ...words: string[]) =>
    run('git', ['-c', 'user.name=x', '-c', 'user.email=x@y', '-c', 'credential.helper=', ...words], {
      cwd: join(home, cwd),
      env: { HOME: home, GIT_TERMINAL_PROMPT: '0' },
    });
  mkdirSync(join(home, 'w'));
  await git('w', 'init', '-q', '-b', 'main');
  writeFileSync(join(home, 'w/a.txt'), 'one\n');
  await git('w', 'add', 'a.txt');
  await git('w', 'commit', '-q', '-m', 'one');
  const pushed = await git('w', 'push', url('Writer'), 'main');
  t.equal(pushed.code, 0, pushed.err);
  t.equal(readFileSync(join(srv, 'git/project.git/pushed-by'), 'utf8'), 'Writer\n', 'the hook receives REMOTE_USER');

  t.equal((await git('.', 'clone', '-q', url('reader'), 'r')).code, 0);
  t.equal(readFileSync(join(home, 'r/a.txt'), 'utf8'), 'one\n');
  writeFileSync(join(home, 'w/a.txt'), 'two\n');
  await git('w', 'commit', '-q', '-am', 'two');
  t.equal((await git('w', 'push', url('Writer'), 'main')).code, 0);
  t.equal((await git('r', 'pull', '-q', url('reader'), 'main')).code, 0);
  t.equal(readFileSync(join(home, 'r/a.txt'), 'utf8'), 'two\n');

  writeFileSync(join(home, 'r/a.txt'), 'three\n');
  await git('r', 'commit', '-q', '-am', 'three');
  t.not((await git('r', 'push', url('reader'), 'HEAD:main')).code, 0, 'a user who may fetch may not push');
  for (const path of [
    '/git/project.git/git-receive-pack',
    '/git//project.git/git-receive-pack',
    '/git/project.git/git-receive%2Dpack',
    '/git/project.git/info/refs?service=git-receive-pack',
    '/git/project.git/info/refs?x=1&service=git-receive-pack',
    '/git/project.git/info/refs?service=git%2Dreceive-pack',
    '/git/project.git/info/refs?service=git-upload-pack&service=git-receive-pack',
  ]) {
    const method = path.includes('info/refs') ? 'GET' : 'POST';
    const { status } = await apache.get(path, { user: 'reader', password, method });
    t.equal(status, 401, `nor with ${method} ${path}`);
  }
  t.match((await git('.', 'clone', '-q', url('reader', 'wrong'), 'x')).err, /Authentication failed/);
  await world.daemon.stop();
  const down = await git('.', 'clone', '-q', url('reader'), 'y');
  t.not(down.code, 0);
  t.match(down.err, /returned error: 503/, 'a fault is not a wrong password');
});
