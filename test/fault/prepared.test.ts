import t, { type Test } from 'tap';
import { startDaemon } from '../fixtures/daemon.ts';
import { startPgBouncer } from '../fixtures/pgbouncer.ts';
import { startPostgres } from '../fixtures/postgres.ts';
import { createSiteOnPostgres } from '../fixtures/site.ts';

const PEOPLE = [
  { username: 'alice', password: 'secret', groups: ['Editors'] },
  { username: 'bob', password: 'hidden' },
];

/** A daemon that reads the database for each check, on several connections. */
async function serve(t: Test, database: string) {
  const daemon = await startDaemon({
    config: `[sites.site]\ndatabase = "${database}"\nconnections = 4\n[cache]\naccount_ttl = 0`,
  });
  t.teardown(() => daemon.stop());
  const client = await daemon.connect();
  /** The statuses of many concurrent questions, some of them grants, in order. */
  const ask = () =>
    Promise.all(
      Array.from({ length: 40 }, async (_, at) => {
        const [name, password] = [
          ['alice', 'secret'],
          ['bob', 'hidden'],
          ['bob', 'secret'],
          ['nobody', 'secret'],
        ][at % 4] as [string, string];
        return (await client.check(name, password)).status;
      }),
    );
  return { daemon, ask };
}

const RIGHT = Array.from({ length: 40 }, (_, at) => [0, 0, 1, 2][at % 4]);

t.test('prepared statements', async (t) => {
  const postgres = await startPostgres();
  t.teardown(() => postgres.stop());
  const url = await postgres.createDatabase('site');
  const site = await createSiteOnPostgres(url, PEOPLE);
  await site.close();

  t.test('survive altered tables and lost connections', async (t) => {
    const { daemon, ask } = await serve(t, url);
    t.same(await ask(), RIGHT);
    // Makes the prepared statement fail: "cached plan must not change result type".
    for (const type of ['text', 'varchar(100)', 'text']) {
      await postgres.execute('site', `ALTER TABLE auth_user ALTER COLUMN email TYPE ${type}`);
      t.same(await ask(), RIGHT, `as ${type}`);
    }
    await postgres.restart();
    t.same(await ask(), RIGHT);
    t.notMatch(daemon.log(), /pooler/);
  });

  t.test('are disabled behind a pooler', async (t) => {
    const pooler = await startPgBouncer(postgres);
    t.teardown(() => pooler.stop());
    const { daemon, ask } = await serve(t, pooler.url('site'));
    for (let round = 0; round < 5; round++) t.same(await ask(), RIGHT);
    t.equal(daemon.log().match(/a pooler seems to be in use/g)?.length, 1, 'detected, and logged once');

    const configured = await serve(t, `${pooler.url('site')}&prepare=false`);
    for (let round = 0; round < 5; round++) t.same(await configured.ask(), RIGHT);
    t.notMatch(configured.daemon.log(), /prepared statements|"level":50/, 'nothing to detect');
  });

  t.test('prepare is true or false', async (t) => {
    await t.rejects(serve(t, `${url}&prepare=no`), {
      message: /parameter prepare: unknown value; accepted: true, false/,
    });
  });
});
