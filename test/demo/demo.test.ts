import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import t from 'tap';
import { waitFor } from '../fixtures/daemon.ts';
import { looks } from './next.ts';
import { walk } from './walk.ts';
import { createWorld } from './world.ts';

t.test('every answer of the demo is correct', async (t) => {
  const world = await createWorld();
  t.teardown(() => world.close());
  const times: number[] = [];
  await walk(world, ({ path, user, status, ms, right, meaning }) => {
    t.ok(right, `${path} ${user ?? 'no user'}: ${status}: ${meaning}`);
    if (path === '/staff/' && user === 'alice') times.push(ms);
  });
  // The first request hashes with Django's current iterations; the second must not.
  const granted = world.daemon.lines().filter(({ user, msg }) => user === 'alice' && msg === 'granted');
  t.equal(granted[0].cached, false, 'the first request is hashed');
  t.equal(granted[1].cached, true, 'the second is not');
  t.comment(`the first took ${times[0]?.toFixed(1)} ms, the second ${times[1]?.toFixed(1)} ms`);
});

t.test('what the demo says to look at next', async (t) => {
  const world = await createWorld();
  t.teardown(() => world.close());
  const shown: string[] = [];
  for (const { command } of looks(world)) {
    // "explain" exits 1, because bob is denied.
    const ran = await promisify(execFile)('sh', ['-c', command], { encoding: 'utf8' }).catch((error) => error);
    shown.push(ran.stdout);
    await waitFor(() => readFileSync(world.log, 'utf8').includes('wrong-password'));
  }
  const [wrong, log, stats, explained, page] = shown;
  t.match(explained, /staff/);
  t.match(wrong, /^HTTP\/1\.1 401 /);
  t.match(JSON.parse(log as string), { user: 'alice', msg: 'denied', reason: 'wrong-password' });
  t.match(stats, /^denied +1 wrong password$/m);
  t.match(page, /Why people were denied[\s\S]*wrong password/);
});
