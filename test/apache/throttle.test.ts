import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { startApache } from '../fixtures/apache.ts';
import { startDaemon } from '../fixtures/daemon.ts';
import { createSite } from '../fixtures/site.ts';

/** The daemon's defaults. */
const BURST = 20;

t.test('who guesses gets 429, and others are served', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'djauthd-t-'));
  const site = createSite(join(directory, 'db.sqlite3'), [
    { username: 'alice', password: 'secret', isStaff: true },
    { username: 'bob', password: 'secret', isStaff: true },
  ]);
  const daemon = await startDaemon({ config: `[sites.site]\ndatabase = "${site.url}"`, listen: 'mode = "0666"' });
  chmodSync(join(daemon.socket, '..'), 0o755);
  const apache = await startApache(
    `DjangoAuthSocket ${daemon.socket}
    <Location "/">
      AuthType Basic
      AuthName x
      Require valid-user
      AuthBasicProvider django
    </Location>`,
  );
  t.teardown(async () => {
    await apache.stop();
    await daemon.stop();
    site.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const statusOf = async (user: string, password: string) => (await apache.get('/', { user, password })).status;

  t.equal(await statusOf('alice', 'secret'), 200);
  for (let at = 0; at < 100; at++) t.equal(await statusOf('bob', 'an old password'), 401);
  for (let at = 0; at < BURST; at++) t.equal(await statusOf('alice', `guess ${at}`), 401);
  const refused = await apache.get('/', { user: 'alice', password: 'one too many' });
  t.equal(refused.status, 429);
  t.match(refused.headers['retry-after'], /^([1-9]|10)$/);
  t.equal(refused.headers['www-authenticate'], undefined, 'a browser keeps the password and asks nobody');
  for (let at = 0; at < BURST; at++) t.equal(await statusOf('nobody', `guess ${at}`), 401);
  t.equal(await statusOf('nobody', 'one too many'), 429, 'the same for a name that does not exist');
  t.equal(await statusOf('alice', 'secret'), 200, 'a user with a proof');
  t.equal(await statusOf('bob', 'secret'), 200, 'a newcomer');
});
