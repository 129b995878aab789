import { execFileSync } from 'node:child_process';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { publicDirectory, startApache } from '../fixtures/apache.ts';
import { install, run, svnAt } from '../fixtures/hooks.ts';
import type { Person } from '../fixtures/site.ts';
import { createWorld } from '../fixtures/world.ts';

const password = 'secret';
const PEOPLE: Person[] = [
  { username: 'writer', password, permissions: ['svn.change_trunk'] },
  { username: 'manager', password, permissions: ['svn.change_trunk', 'svn.release'] },
];

t.test('a client cannot choose the author of its commit', async (t) => {
  const { prefix, hook } = install(t);
  const world = await createWorld(t, PEOPLE, {
    daemon: { directory: publicDirectory(), listen: 'group = "www-data"' },
  });
  const repository = join(prefix, 'repository');
  execFileSync('svnadmin', ['create', repository]);
  await run('svn', ['mkdir', '-q', '-m', 'x', `file://${repository}/trunk`, `file://${repository}/tags`]);
  for (const name of ['start-commit', 'pre-commit']) symlinkSync(hook(`svn/${name}`), join(repository, 'hooks', name));
  writeFileSync(
    join(repository, 'conf/djauth-rules'),
    `commit svn.change_trunk /\ncommit svn.release /tags\nsocket ${world.daemon.socket}\n`,
  );
  execFileSync('chown', ['-R', 'www-data:', repository]);
  const apache = await startApache(svnAt(world.daemon.socket, repository), { load: ['dav', 'dav_svn'] });
  t.teardown(() => apache.stop());
  const user = 'writer';
  const commit = async (path: string, author?: string, skel = '( create-txn )') => {
    const begun = await apache.get('/svn/!svn/me', {
      ...{ user, password, method: 'POST' },
      headers: { 'content-type': 'application/vnd.svn-skel' },
      ...{ body: skel },
    });
    t.equal(begun.status, 201, begun.body);
    const name = String(begun.headers['svn-txn-name']);
    if (author !== undefined) {
      const set = await apache.get(`/svn/!svn/txn/${name}`, {
        ...{ user, password, method: 'PROPPATCH' },
        body:
          '<?xml version="1.0"?><D:propertyupdate xmlns:D="DAV:" xmlns:S="http://subversion.tigris.org/xmlns/svn/">' +
          `<D:set><D:prop><S:author>${author}</S:author></D:prop></D:set></D:propertyupdate>`,
      });
      t.notMatch(set.body, /200 OK/, 'Subversion itself rejects it');
    }
    const made = await apache.get(`/svn/!svn/txr/${name}/${path}`, { user, password, method: 'MKCOL' });
    t.equal(made.status, 201, made.body);
    return apache.get('/svn/trunk', {
      ...{ user, password, method: 'MERGE' },
      headers: { 'content-type': 'text/xml' },
      body:
        '<?xml version="1.0"?><D:merge xmlns:D="DAV:"><D:source><D:href>' +
        `/svn/!svn/txn/${name}</D:href></D:source><D:no-auto-merge/><D:no-checkout/></D:merge>`,
    });
  };
  const allowed = await commit('trunk/allowed');
  t.equal(allowed.status, 200, allowed.body);
  const denied = await commit('tags/no');
  t.match(denied.body, /writer may not change/);
  const forged = await commit('tags/forged', 'manager');
  t.match(forged.body, /writer may not change/);
  const begun = await commit('tags/forged', undefined, '( create-txn-with-props (svn:author manager))');
  t.match(begun.body, /writer may not change/, 'nor can the transaction be created with another author');
  const log = await run('svn', ['log', '-v', `file://${repository}`]);
  t.notMatch(log.out, /forged/);
});
