import { spawn } from 'node:child_process';
import t from 'tap';
import { startApache } from '../fixtures/apache.ts';
import { denied, fakeDaemon, GRANTED } from '../fixtures/fake-daemon.ts';
import { MPMS, SERVER } from '../fixtures/httpd.ts';

/** A fixed password: no special character or encoding can hide it from the search. */
const SECRET = 'Xa9-swordfish-7Qz';

t.test('the password is in no log', async (t) => {
  let fault = false;
  const daemon = await fakeDaemon(({ user }) =>
    fault ? { status: 4, content: { reason: 'away' } } : user === 'alice' ? GRANTED : denied(),
  );
  const apache = await startApache(
    `DjangoAuthSocket ${daemon.socket}
    DjangoAuthTimeout 300ms
    <Location "/">
      AuthType Basic
      AuthName x
      Require valid-user
      AuthBasicProvider django
    </Location>
    <Location "/by-header">
      SetEnvIf X-Site "(.*)" DJANGO_SETTINGS_MODULE=$1
    </Location>
    <Location "/old">
      PythonAuthenHandler django.contrib.auth.handlers.modpython
    </Location>`,
    { logLevel: SERVER.verbose.level, files: { 'old/index.html': 'inside' } },
  );
  t.teardown(async () => {
    await apache.stop();
    await daemon.remove();
  });
  for (const path of ['/', '/old/']) {
    fault = false;
    await daemon.start();
    t.equal((await apache.get(path, { user: 'alice', password: SECRET })).status, 200);
    t.equal((await apache.get(path, { user: 'mallory', password: SECRET })).status, 401);
    fault = true;
    t.equal((await apache.get(path, { user: 'alice', password: SECRET })).status, 500);
    await daemon.stop();
    t.equal((await apache.get(path, { user: 'alice', password: SECRET })).status, 503);
  }
  const long = 'm'.repeat(3_000);
  await daemon.start();
  fault = false;
  t.equal((await apache.get('/', { user: `${long}\n[forged] line`, password: SECRET })).status, 401);

  fault = true;
  t.equal(
    (await apache.get('/by-header/', { user: 'alice', password: SECRET, headers: { 'x-site': long } })).status,
    500,
  );

  // httpd itself logs every request header at http:trace4. Nothing else may contain the password.
  const header = /^.*\[http:trace4\].*\] {3}authorization: Basic .*$/gim;
  t.equal(header.test(apache.errorLog()), SERVER.verbose.headers, 'the most verbose level is on');
  const logs = apache.errorLog().replace(header, '') + apache.accessLog();
  t.match(logs, SERVER.logged('debug'));
  t.match(logs, /authentication granted: client 127\.0\.0\.1, site \(default\), user 'alice'/, 'these are the logs');
  t.notOk(logs.includes(SECRET), 'in plain text');
  for (const user of ['alice', 'mallory', '']) {
    // As in the header, whatever precedes the password.
    const encoded = Buffer.from(`${user}:${SECRET}`).toString('base64').slice(-16, -4);
    t.notOk(logs.includes(encoded), `in Base64 after '${user}'`);
  }
  const ours = apache
    .errorLog()
    .split('\n')
    .filter((entry) => /\] authentication (granted|denied|failed): /.test(entry));
  t.ok(ours.length > 8);
  t.ok(
    ours.every((entry) => entry.length < 500),
    'a long username or site is truncated',
  );
  t.notOk(/^\[forged\]/m.test(apache.errorLog()), 'a username cannot add a line');
});

for (const mpm of MPMS) {
  t.test(`concurrent requests with a graceful restart: ${mpm}`, async (t) => {
    const daemon = await fakeDaemon(({ user, secret }) => (secret === `pw-${user}` ? GRANTED : denied()));
    const apache = await startApache(
      `DjangoAuthSocket ${daemon.socket}
      DjangoAuthTimeout 20s
      <Location "/">
        AuthType Basic
        AuthName x
        Require valid-user
        AuthBasicProvider django
      </Location>`,
      // Enough children for the load: a prefork server takes seconds to start more.
      { mpm, logLevel: 'notice', processes: mpm === 'prefork' ? 'StartServers 40' : 'StartServers 2' },
    );
    t.teardown(async () => {
      await apache.stop();
      await daemon.remove();
    });
    // Every user has a different password: an answer to the wrong question would be noticed.
    const ask = async (n: number): Promise<boolean> => {
      const wrong = n % 3 === 0;
      const password = wrong ? `pw-u${n + 1}` : `pw-u${n}`;
      const { status } = await apache.get('/', { user: `u${n}`, password });
      return status === (wrong ? 401 : 200);
    };
    const round = async (): Promise<boolean[]> => Promise.all(Array.from({ length: 200 }, (_, n) => ask(n)));
    t.equal((await round()).filter(Boolean).length, 200, '200 concurrent requests');
    const [right] = await Promise.all([round(), apache.graceful()]);
    t.equal(right.filter(Boolean).length, 200, '200 during a graceful restart');
    t.equal((await round()).filter(Boolean).length, 200, '200 after it');
    t.equal(daemon.asked.length, 600);

    const output = await new Promise<string>((resolve, reject) => {
      let stdout = '';
      const ab = spawn('ab', ['-q', '-n', '1000', '-c', '50', '-A', 'u1:pw-u1', `${apache.url}/`]);
      ab.stdout.setEncoding('utf8').on('data', (text: string) => {
        stdout += text;
      });
      ab.on('error', reject);
      ab.on('close', () => resolve(stdout));
    });
    t.match(output, /Complete requests:\s+1000\b/, 'ab, 50 at a time');
    t.match(output, /Failed requests:\s+0\b/);
    t.notMatch(output, 'Non-2xx');
    t.comment(/Requests per second:.*/.exec(output)?.[0] ?? '');
  });
}
