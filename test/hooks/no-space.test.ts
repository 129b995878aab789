import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { install, run } from '../fixtures/hooks.ts';
import { createWorld } from '../fixtures/world.ts';

/** bash keeps long here-documents in files, older versions all of them. Here no file may grow. */
const NO_SPACE = 'trap "" XFSZ; ulimit -f 0; exec bash "$@"';

const LONG = `/trunk/${'x'.repeat(100_000)}`;

t.test('a shell that cannot store a here-document grants nothing', async (t) => {
  const { prefix, hook } = install(t);
  const world = await createWorld(t, [{ username: 'writer', permissions: ['svn.change_trunk'] }]);
  mkdirSync(join(prefix, 'conf'));
  const rules = join(prefix, 'conf/djauth-rules');
  const lines = ['lock', 'write'].map((action) => `${action} svn.change_trunk /\n`);
  writeFileSync(rules, `${lines.join('')}socket ${world.daemon.socket}\n`);
  const withoutSpace = (words: string[], input = '') => run('sh', ['-c', NO_SPACE, 'sh', ...words], { input });

  for (const user of ['writer', 'stranger']) {
    const lock = await withoutSpace([hook('svn/pre-lock'), prefix, LONG, user, '', '0']);
    t.match(lock, { code: 1, err: /here-document.*could not be checked/s }, `pre-lock for ${user}`);
    const write = await withoutSpace([hook('dav/may-write'), rules], `${user}:PUT ${LONG}\n${user}:PUT /x\n`);
    t.match(write.err, /here-document/);
    t.match(write.out, new RegExp(`^fault\n${user === 'writer' ? 'allow' : 'deny'}\n$`), `may-write for ${user}`);
  }
});
