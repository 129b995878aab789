import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { connect } from '../fixtures/client.ts';
import { startDaemon, waitFor } from '../fixtures/daemon.ts';
import { startPostgres } from '../fixtures/postgres.ts';
import { createSiteOnPostgres } from '../fixtures/site.ts';

t.test('PostgreSQL that crashes, hangs and recovers', async (t) => {
  const postgres = await startPostgres();
  t.teardown(() => postgres.stop());
  const url = await postgres.createDatabase('site');
  const site = await createSiteOnPostgres(url, [{ username: 'alice', password: 'secret', groups: ['Editors'] }], {
    groups: { Editors: ['shop.change_order'] },
  });
  const daemon = await startDaemon({
    config: `[sites.site]\ndatabase = "${url}"\ntimeout = "1s"\n[cache]\naccount_ttl = 0`,
  });
  t.teardown(() => daemon.stop());
  const client = await connect(daemon.socket);
  t.teardown(() => client.close());
  const require = { permissions: ['shop.change_order'], groups: ['Editors'] };
  const right = () => client.check('alice', 'secret', { require });
  t.equal((await right()).status, 0);
  t.equal((await client.check('alice', 'wrong')).status, 1);
  t.equal((await client.check('nobody', 'wrong')).status, 2);

  // Only use shows that an idle connection died. No client may notice.
  await Promise.all(Array.from({ length: 20 }, right));
  await postgres.execute(
    'site',
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'djauthd'",
  );
  const after = await Promise.all(Array.from({ length: 20 }, right));
  t.ok(
    after.every(({ status }) => status === 0),
    'connections ended by the server are replaced',
  );

  for (let round = 1; round <= 3; round++) {
    const statuses = new Set<number>();
    const wrong: unknown[] = [];
    let asking = true;
    const stream = (async () => {
      while (asking) {
        const answers = await Promise.all([right(), client.check('alice', 'wrong'), client.check('nobody', 'x')]);
        // While the server dies an answer may still arrive; it must be the right one.
        wrong.push(...answers.filter(({ status }, right) => status !== right && status !== 4));
        statuses.add(answers[0].status);
        await sleep(10);
      }
    })();
    await postgres.kill();
    await waitFor(() => statuses.has(4));
    await sleep(100);
    const down = await right();
    t.equal(down.status, 4, `round ${round}: a server that is down is a fault`);
    await postgres.restart();
    const startedAt = performance.now();
    let times = 0;
    await waitFor(async () => {
      times++;
      return (await right()).status === 0;
    });
    const ms = performance.now() - startedAt;
    t.comment(`round ${round}: right answers ${ms.toFixed(0)} ms after the server accepted connections`);
    t.ok(times <= 20, `and soon after: asked ${times} times`);
    asking = false;
    await stream;
    t.same(wrong, [], 'all answers were right or faults');
  }

  await site.close().catch(() => {});
  const [{ pid }] = await postgres.execute(
    'postgres',
    "SELECT pid FROM pg_stat_activity WHERE application_name = 'djauthd' LIMIT 1",
  );
  const backends = await postgres.execute(
    'postgres',
    "SELECT pid FROM pg_stat_activity WHERE application_name = 'djauthd'",
  );
  t.ok(pid);
  for (const backend of backends) process.kill(backend.pid, 'SIGSTOP');
  const startedAt = performance.now();
  const hanging = await Promise.all(Array.from({ length: 4 }, right));
  for (const backend of backends) process.kill(backend.pid, 'SIGCONT');
  t.ok(
    hanging.every(({ status }) => status === 4 || status === 0),
    'a connection that hangs is a fault',
  );
  t.ok(hanging.some(({ status }) => status === 4));
  t.ok(performance.now() - startedAt < 20_000, 'within the time limit');
  await waitFor(async () => (await right()).status === 0);
  t.same(
    daemon.lines().filter(({ level }) => level >= 60),
    [],
    'no uncaught error',
  );
});
