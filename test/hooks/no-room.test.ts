import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { install, run } from '../fixtures/hooks.ts';
import { createWorld } from '../fixtures/world.ts';

/** bash keeps a long here-document in a file, older ones every one; here no file may grow. */
const NO_ROOM = 'trap "" XFSZ; ulimit -f 0; exec bash "$@"';

const LONG = `/trunk/${'x'.repeat(100_000)}`;

t.test('a shell that has no room for a here-document lets nobody by', async (t) => {
  const { prefix, hook } = install(t);
  const world = await createWorld(t, [{ username: 'writer', permissions: ['svn.change_trunk'] }]);
  mkdirSync(join(prefix, 'conf'));
  const rules = join(prefix, 'conf/djauth-rules');
  const lines = ['lock', 'write'].map((action) => `${action} svn.change_trunk /\n`);
  writeFileSync(rules, `${lines.join('')}socket ${world.daemon.socket}\n`);
  const inNoRoom = (words: string[], input = '') => run('sh', ['-c', NO_ROOM, 'sh', ...words], { input });

  for (const user of ['writer', 'stranger']) {
    const lock = await inNoRoom([hook('svn/pre-lock'), prefix, LONG, user, '', '0']);
    t.match(lock, { code: 1, err: /here-document.*could not be checked/s }, `pre-lock for ${user}`);
    const write = await inNoRoom([hook('dav/may-write'), rules], `${user}:PUT ${LONG}\n${user}:PUT /x\n`);
    t.match(write.err, /here-document/);
    t.match(write.out, new RegExp(`^fault\n${user === 'writer' ? 'allow' : 'deny'}\n$`), `may-write for ${user}`);
  }
});
