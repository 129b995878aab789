import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { publicDirectory, startApache } from '../fixtures/apache.ts';
import { install, run } from '../fixtures/hooks.ts';
import type { Person } from '../fixtures/site.ts';
import { createWorld } from '../fixtures/world.ts';

const password = 'secret';
const PEOPLE: Person[] = [
  { username: 'writer', password, permissions: ['files.write'] },
  { username: 'lawyer', password, permissions: ['files.write', 'files.contract'] },
  { username: 'of blanks', password, permissions: ['files.write'] },
  { username: 'reader', password },
];

/** Apache's configuration as the hook's comment has it. */
function documented(hook: string): string {
  const lines = readFileSync(hook, 'utf8').split('\n');
  const begin = lines.findIndex((line) => line.includes("Apache's configuration")) + 2;
  const end = lines.findIndex((line, number) => number > begin && !line.startsWith('#     '));
  return lines
    .slice(begin, end)
    .map((line) => line.slice(6))
    .join('\n');
}

t.test('may-write, configured as its comment says', async (t) => {
  const { prefix, hook } = install(t);
  const world = await createWorld(t, PEOPLE, {
    daemon: { directory: publicDirectory(), listen: 'group = "www-data"' },
  });
  const files = join(prefix, 'files');
  for (const folder of ['', 'drafts', 'drafts/contracts', 'contracts', 'a b']) mkdirSync(join(files, folder));
  writeFileSync(join(files, 'a.txt'), 'old');
  writeFileSync(join(files, 'contracts/old.txt'), 'old');
  execFileSync('chown', ['-R', 'www-data:', files]);
  const rules = join(prefix, 'dav-rules');
  const write = (text: string) => writeFileSync(rules, `${text}\nsocket ${world.daemon.socket}\n`);
  const RULES =
    'write files.write /files\nwrite files.contract /files/contracts\nwrite files.contract /files/drafts/contracts';
  write(RULES);
  const config = documented(hook('dav/may-write'))
    .replaceAll('/usr/local/share/djauthd/hooks/dav/may-write', hook('dav/may-write'))
    .replaceAll('/etc/djauthd/dav-rules', rules)
    .replaceAll('/srv/files', files);
  t.match(config, /RewriteMap.*\n.*<Directory/s);
  const apache = await startApache(
    `DjangoAuthSocket "${world.daemon.socket}"
     DjangoRequireStaffStatus Off
     DavLockDB "${files}/.locks"
     Alias /files "${files}"
     ${config}`,
    { load: ['dav', 'dav_fs', 'rewrite'] },
  );
  t.teardown(() => apache.stop());
  const ask = async (user: string, method: string, path: string, headers: Record<string, string> = {}) =>
    (await apache.get(encodeURI(path), { user, password, method, headers })).status;
  const to = (path: string) => ({ destination: `${apache.url}${encodeURI(path)}`, overwrite: 'T' });

  for (const user of ['writer', 'lawyer', 'reader']) {
    t.equal(await ask(user, 'GET', '/files/a.txt'), 200, `${user} may read`);
    t.equal(await ask(user, 'PROPFIND', '/files/', { depth: '1' }), 207);
  }
  t.equal((await apache.get('/files/x', { method: 'PUT' })).status, 401, 'an anonymous user');
  t.equal(await ask('reader', 'PUT', '/files/new.txt'), 403, 'a user without the permission');
  t.notOk(existsSync(join(files, 'new.txt')));
  t.equal(await ask('writer', 'PUT', '/files/new.txt'), 201, 'a user with the permission');
  t.equal(
    await ask('of blanks', 'PUT', '/files/a b/it is new: 100% | $(id).txt'),
    201,
    'blanks in the username and the path',
  );
  t.equal(await ask('writer', 'PUT', '/files/contracts/new.txt'), 403, 'a directory with its own rule');
  t.equal(await ask('lawyer', 'PUT', '/files/contracts/new.txt'), 201);
  t.equal(await ask('writer', 'PUT', '/files/contracts2.txt'), 201, 'a name with the same beginning');
  for (const around of [
    '/files/./contracts/x',
    '/files/drafts/../contracts/x',
    '/files//contracts/x',
    '/files/%63ontracts/x',
  ]) {
    t.equal((await apache.get(around, { user: 'writer', password, method: 'PUT' })).status, 403, around);
  }
  t.equal(await ask('writer', 'MKCOL', '/files/folder'), 201);
  t.equal(await ask('writer', 'MKCOL', '/files/contracts/folder'), 403);
  t.equal(await ask('writer', 'COPY', '/files/new.txt', to('/files/copy.txt')), 201);
  t.equal(
    await ask('writer', 'COPY', '/files/new.txt', to('/files/contracts/copy.txt')),
    403,
    'the destination is checked too',
  );
  t.equal(await ask('writer', 'MOVE', '/files/new.txt', to('/files/contracts/old.txt')), 403);
  t.equal(await ask('writer', 'MOVE', '/files/folder/', to('/files/drafts/contracts/')), 403);
  t.equal(await ask('writer', 'MOVE', '/files/contracts/old.txt', to('/files/x.txt')), 403, 'so is the source');
  t.ok(existsSync(join(files, 'new.txt')));
  t.equal(await ask('writer', 'DELETE', '/files/drafts/'), 403, 'removing a tree with another rule in it');
  t.equal(await ask('writer', 'DELETE', '/files/copy.txt'), 204);
  t.equal(await ask('lawyer', 'DELETE', '/files/drafts/'), 204);
  t.equal(readFileSync(join(files, 'contracts/old.txt'), 'utf8'), 'old');
  const newline = '/files/a%0Aallow';
  t.not((await apache.get(newline, { user: 'reader', password, method: 'PUT' })).status, 201, 'a path with a newline');

  const program = async (question: string): Promise<string> =>
    (await run(hook('dav/may-write'), [rules], { input: `${question}\n` })).out;
  t.equal(await program('writer:PUT /files/x'), 'allow\n');
  t.equal(await program('writer:PUT /files//contracts///x'), 'deny\n', 'double slashes that Apache did not merge');
  t.equal(await program('lawyer:X:PUT /files/contracts/x'), 'fault\n', 'a username with a colon');

  write('write files.write /elsewhere');
  t.equal(await ask('writer', 'PUT', '/files/z.txt'), 403, 'a path without a rule');
  write('write files.write elsewhere');
  t.equal(await ask('writer', 'PUT', '/files/z.txt'), 503, 'invalid rules');
  write(RULES);
  t.equal(await ask('writer', 'PUT', '/files/z.txt'), 201, 'rules that are corrected');

  // Without the daemon the module itself answers 503. The program is asked directly, as after another module's grant.
  await world.daemon.stop();
  t.equal(await ask('writer', 'PUT', '/files/down.txt'), 503);
  t.notOk(existsSync(join(files, 'down.txt')));
  const answer = execFileSync(hook('dav/may-write'), [rules], {
    input: 'writer:PUT /files/x\n:PUT /files/x\nwriter\nwriter:PUT\n',
    encoding: 'utf8',
  });
  t.equal(answer, 'fault\ndeny\nfault\nfault\n', 'each question has one answer, and none is "allow"');
});
