import t from 'tap';
import { configtest, startApache } from '../fixtures/apache.ts';
import { book, denied, fakeDaemon } from '../fixtures/fake-daemon.ts';
import { SERVER } from '../fixtures/httpd.ts';

const BASIC = 'AuthType Basic\nAuthName "example.com"';
const VALID = `${BASIC}\nRequire valid-user`;
const PROVIDER = 'AuthBasicProvider django';
const HANDLER = 'PythonAuthenHandler django.contrib.auth.handlers.modpython';

/** What the daemon says of each user, and the status with DjangoForbidden On. */
const USERS: Record<string, { reason?: string; password?: string; status: number }> = {
  'not-staff': { reason: 'not-staff', status: 403 },
  'not-superuser': { reason: 'not-superuser', status: 403 },
  'no-permission': { reason: 'no-permission', status: 403 },
  'no-group': { reason: 'no-group', status: 403 },
  // Nothing says that these passwords were right, or that the account is still its user's.
  guess: { reason: 'wrong-password', status: 401 },
  gone: { reason: 'inactive', status: 401 },
  foreign: { reason: 'unverifiable-password', status: 401 },
  social: { reason: 'unusable-password', status: 401 },
  later: { reason: 'a-word-of-a-later-version', status: 401 },
};

t.test('DjangoForbidden: 403 for a right password without the right, 401 for everything else', async (t) => {
  const daemon = await fakeDaemon(({ user }) => {
    if (user === 'unknown') return { status: 2, content: { reason: 'not-staff' } };
    if (user === 'full') return { status: 3, content: { reason: 'no-permission', retry_after: 3 } };
    if (user === 'fault') return { status: 4, content: { reason: 'no-permission' } };
    return denied(USERS[user]?.reason);
  });
  const at = (path: string, lines: string) => `<Location "${path}">\n${VALID}\n${lines}\n</Location>`;
  const apache = await startApache(
    [
      `DjangoAuthSocket ${daemon.socket}`,
      at('/provider', `${PROVIDER}\nDjangoForbidden On`),
      at('/handler', `${HANDLER}\nDjangoForbidden On`),
      at('/off', `${PROVIDER}\nDjangoForbidden On\nAuthBasicAuthoritative Off`),
      at('/provider/default', 'DjangoForbidden Off'),
      at('/unset', PROVIDER),
      at('/unset-handler', HANDLER),
      at('/text', `${PROVIDER}\nDjangoForbidden On\nErrorDocument 403 "not yours"\nErrorDocument 500 "broken"`),
      at('/page', `${PROVIDER}\nDjangoForbidden On\nErrorDocument 403 /sorry.html`),
      at('/page-handler', `${HANDLER}\nDjangoForbidden On\nErrorDocument 403 /sorry.html`),
      at('/broken', `${PROVIDER}\nDjangoForbidden On\nErrorDocument 500 "broken"`),
    ].join('\n'),
    {
      logLevel: 'warn',
      files: {
        'sorry.html': 'sorry',
        'htaccess/.htaccess': `${VALID}\n${PROVIDER}\nDjangoForbidden On`,
        'htaccess/index.html': 'inside',
      },
    },
  );
  t.teardown(async () => {
    await apache.stop();
    await daemon.remove();
  });
  const ask = (path: string, user: string, method = 'GET') => apache.get(path, { user, password: 'x', method });

  for (const path of ['/provider/', '/handler/', '/off/', '/htaccess/']) {
    for (const [user, { status }] of Object.entries(USERS)) {
      const answer = await ask(path, user);
      t.equal(answer.status, status, `${user} at ${path}`);
      t.equal(answer.headers['www-authenticate'] !== undefined, status === 401, `${user} at ${path}: challenge`);
      t.notOk(answer.body.includes('inside'));
      t.notMatch(answer.body, user, 'the page does not name the reason');
      if (status === 403) {
        t.equal(answer.message, 'Forbidden');
        t.match(answer.body, '<h1>Forbidden</h1>');
        t.notMatch(answer.body, /error|administrator/i);
        t.equal((await ask(path, user, 'PUT')).status, 403, `${user} at ${path}: PUT`);
      }
    }
    t.equal((await ask(path, 'unknown')).status, path === '/off/' ? SERVER.unknownUserStatus : 401);
    t.match(await ask(path, 'full'), { status: 503, headers: { 'retry-after': '3' } });
    t.equal((await ask(path, 'fault')).status, 500);
    t.equal((await apache.get(path)).status, 401, 'no credentials');
  }
  for (const path of ['/provider/default/', '/unset/', '/unset-handler/']) {
    for (const user of Object.keys(USERS)) t.equal((await ask(path, user)).status, 401, `${user} at ${path}: Off`);
  }
  t.match(await ask('/text/', 'no-permission'), { status: 403, body: 'not yours' });
  t.match(await ask('/text/', 'fault'), { status: 500, body: 'broken' });
  t.match(await ask('/page/', 'no-permission'), { status: 403, body: 'sorry' });
  t.match(await ask('/page-handler/', 'no-permission'), { status: 403, body: 'sorry' });
  t.match(await ask('/broken/', 'no-permission'), { status: 403, body: /Forbidden/ }, 'not the page of 500');
  t.match(apache.accessLog(), /"GET \/provider\/ HTTP\/1\.1" 403/);
  const about = apache
    .errorLog()
    .split('\n')
    .filter((line) => line.includes('not-staff') && !/mismatch/i.test(line));
  t.ok(about.length > 0);
  t.same(
    about.filter((line) => !line.includes('authentication denied: not-staff: client 127.0.0.1')),
    [],
    'the log has the reason',
  );
});

t.test('a Require line that is not met is 401, or 403 with AuthzSendForbiddenOnFailure', async (t) => {
  const daemon = await fakeDaemon(
    book({ alice: { staff: true, groups: ['Editors'] }, bob: {}, gone: { inactive: true } }),
  );
  const section = (path: string, lines: string) =>
    `<Location "${path}">\n${BASIC}\n${PROVIDER}\nDjangoRequireStaffStatus Off\nDjangoForbidden On\nRequire django-group Editors\n${lines}\n</Location>`;
  const apache = await startApache(
    [
      `DjangoAuthSocket ${daemon.socket}`,
      section('/denied', ''),
      SERVER.version === '2.4' ? section('/forbidden', 'AuthzSendForbiddenOnFailure On') : '',
    ].join('\n'),
    { files: { 'denied/index.html': 'inside', 'forbidden/index.html': 'inside' } },
  );
  t.teardown(async () => {
    await apache.stop();
    await daemon.remove();
  });
  for (const [path, status] of [['/denied/', 401], ...(SERVER.version === '2.4' ? [['/forbidden/', 403]] : [])] as [
    string,
    number,
  ][]) {
    t.equal((await apache.get(path, { user: 'alice', password: 'alice' })).status, 200);
    t.equal(
      (await apache.get(path, { user: 'bob', password: 'bob' })).status,
      status,
      'DjangoForbidden is not for Require',
    );
    t.equal((await apache.get(path, { user: 'bob', password: 'wrong' })).status, 401);
    t.equal((await apache.get(path, { user: 'gone', password: 'gone' })).status, 401);
    t.equal((await apache.get(path)).status, 401);
  }
});

t.test('DjangoForbidden takes On or Off', async (t) => {
  const { code, stderr } = await configtest('DjangoForbidden sometimes');
  t.not(code, 0);
  t.match(stderr, "DjangoForbidden 'sometimes': invalid value; accepted: On or Off");
  t.equal((await configtest('DjangoForbidden On')).code, 0);
});
