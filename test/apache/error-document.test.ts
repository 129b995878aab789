import t from 'tap';
import type { Reply } from '../../protocol/reply.ts';
import { startApache } from '../fixtures/apache.ts';
import { denied, fakeDaemon, GRANTED } from '../fixtures/fake-daemon.ts';
import { SERVER } from '../fixtures/httpd.ts';

const PROVIDER = 'AuthBasicProvider django\nRequire valid-user';
const HANDLER = 'PythonAuthenHandler django.contrib.auth.handlers.modpython\nRequire valid-user';

const section = (path: string, lines: string): string =>
  `<Location "${path}">\nAuthType Basic\nAuthName "${path}"\n${lines}\n</Location>\n`;

const busy = (reason: string, retry_after: number): Reply => ({ status: 3, content: { reason, retry_after } });

const VERDICTS: Record<string, Reply> = {
  full: busy('queue-full', 7),
  throttled: busy('throttled', 60),
  fault: { status: 4, content: { reason: 'the database is away' } },
};

const PAGES = ['busy', 'many', 'sorry'];
const ALL = `ErrorDocument 503 /busy.html
  ErrorDocument 500 /sorry.html
  ${SERVER.document429 ? 'ErrorDocument 429 /many.html' : ''}`;

t.test('the ErrorDocument of the status that is sent is served', async (t) => {
  const daemon = await fakeDaemon(({ user }) => VERDICTS[user] ?? (user === 'mallory' ? denied() : GRANTED));
  const sections: Record<string, string> = {
    provider: `${PROVIDER}\n${ALL}`,
    handler: `${HANDLER}\n${ALL}`,
    off: `${PROVIDER}\nAuthBasicAuthoritative Off\n${ALL}`,
    // Another provider authenticates: the Require line asks.
    require: `AuthBasicProvider file\nAuthUserFile "@HTDOCS@/passwords"\nRequire django-staff\n${ALL}`,
    text: `${PROVIDER}\nErrorDocument 503 "/ is too busy"\nErrorDocument 500 /sorry.html`,
    reset: `${PROVIDER}\nErrorDocument 503 default`,
    none: PROVIDER,
    elsewhere: `${PROVIDER}\nErrorDocument 503 http://status.example.com/busy`,
    // The page itself requires a password, in the same section and in another one.
    inside: `${PROVIDER}\nErrorDocument 503 /inside/busy.html`,
    loop: `${PROVIDER}\nErrorDocument 503 /guarded/busy.html`,
    missing: `${PROVIDER}\nErrorDocument 503 /no-such-page.html`,
    script: `${PROVIDER}\nErrorDocument 503 /cgi/busy.cgi`,
  };
  const files = Object.fromEntries([
    ...Object.keys(sections).map((path) => [`${path}/index.html`, 'granted']),
    ...PAGES.map((page) => [`${page}.html`, `this is ${page}`]),
    [
      'passwords',
      Object.keys(VERDICTS)
        .map((user) => `${user}:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n`)
        .join(''),
    ],
    ['inside/busy.html', 'busy, said inside'],
    ['guarded/busy.html', 'busy, never served'],
    ['cgi/busy.cgi', '#!/bin/sh\nprintf "Content-Type: text/plain\\n\\n$REDIRECT_STATUS $REQUEST_METHOD"\n'],
  ]);
  const apache = await startApache(
    `DjangoAuthSocket ${daemon.socket}
    ErrorDocument 500 default
    ScriptAlias /cgi/ "@HTDOCS@/cgi/"
    AddHandler cgi-script .cgi
    <Directory "@HTDOCS@">
      Options +ExecCGI
    </Directory>
    ${section('/guarded', `DjangoRequireSuperuserStatus On\n${PROVIDER}\nErrorDocument 503 /loop/busy.html`)}
    ${Object.entries(sections)
      .map(([path, lines]) => section(`/${path}`, lines))
      .join('')}`,
    { files, load: ['cgi'] },
  );
  t.teardown(async () => {
    await apache.stop();
    await daemon.remove();
  });
  const get = (path: string, user: string, method = 'GET') =>
    apache.get(`/${path}/`, { user, password: 'secret', method });

  for (const path of ['provider', 'handler', 'off', 'require']) {
    t.match(
      await get(path, 'full'),
      { status: 503, message: 'Service Unavailable', body: 'this is busy', headers: { 'retry-after': '7' } },
      `/${path}: 503`,
    );
    // httpd 2.2 does not accept ErrorDocument 429; if the status comes from a provider, the page for 500 is served.
    const many = await get(path, 'throttled');
    t.match(many, { status: 429, message: 'Too Many Requests', headers: { 'retry-after': '60' } }, `/${path}: 429`);
    if (SERVER.document429) t.equal(many.body, 'this is many', `/${path}: the page for 429`);
    else t.notMatch(many.body, 'this is busy');
    const fault = await get(path, 'fault');
    t.match(fault, { status: 500, body: 'this is sorry' }, `/${path}: 500`);
    t.equal(fault.headers['retry-after'], undefined);
  }
  t.equal((await get('provider', 'alice')).body, 'granted');
  t.equal((await get('provider', 'mallory')).status, 401);

  t.match(await get('text', 'full'), { status: 503, body: '/ is too busy', headers: { 'retry-after': '7' } }, 'a text');
  t.match(await get('text', 'fault'), { status: 500, body: 'this is sorry' });
  for (const path of ['reset', 'none']) {
    t.match(await get(path, 'full'), {
      status: 503,
      body: '<h1>Service Unavailable</h1>',
      headers: { 'retry-after': '7' },
    });
  }
  t.match(await get('elsewhere', 'full'), { status: 302, headers: { location: 'http://status.example.com/busy' } });
  t.match(
    await get('script', 'full', 'POST'),
    { status: 503, body: '503 GET', headers: { 'retry-after': '7' } },
    'a program receives the status',
  );

  daemon.asked.length = 0;
  t.match(
    await get('inside', 'full'),
    {
      status: 503,
      body: SERVER.inherits ? 'busy, said inside' : '<h1>Service Unavailable</h1>',
      headers: { 'retry-after': '7' },
    },
    'a page in the same section, as with any ErrorDocument',
  );
  t.equal(daemon.asked.length, 1, 'without a second question');
  daemon.asked.length = 0;
  const loop = await get('loop', 'full');
  t.match(loop, { status: 503, body: '<h1>Service Unavailable</h1>', headers: { 'retry-after': '7' } }, 'no loop');
  t.notMatch(loop.body, 'never served', 'a page that another section protects is not served');
  t.equal(daemon.asked.length, 2, 'one question for each section');
  t.match(await get('missing', 'full'), {
    status: 503,
    body: '<h1>Service Unavailable</h1>',
    headers: { 'retry-after': '7' },
  });
});

t.test('an ErrorDocument in a section with other requirements is not served', async (t) => {
  const daemon = await fakeDaemon(({ user }) => VERDICTS[user] ?? GRANTED);
  const apache = await startApache(
    `DjangoAuthSocket ${daemon.socket}
    ${section('/inside', `${PROVIDER}\nErrorDocument 503 /inside/other/busy.html`)}
    ${section('/inside/other', 'DjangoRequireStaffStatus Off')}`,
    { files: { 'inside/index.html': 'granted', 'inside/other/busy.html': 'busy, never served' } },
  );
  t.teardown(async () => {
    await apache.stop();
    await daemon.remove();
  });
  const page = await apache.get('/inside/', { user: 'full', password: 'secret' });
  t.match(page, { status: 503, body: '<h1>Service Unavailable</h1>', headers: { 'retry-after': '7' } });
  t.notMatch(page.body, 'never served');
  t.equal(daemon.asked.length, 2, 'one question for each section');
});

t.test('a 500 after another module has authenticated the user stays a 500', async (t) => {
  // Only mod_lua, of 2.4, authenticates users for whom mod_auth_basic passes a fault on.
  if (!SERVER.modern) {
    t.equal(SERVER.version, '2.2', 'no other module could authenticate');
    return;
  }
  const daemon = await fakeDaemon(({ user }) => VERDICTS[user] ?? GRANTED);
  const apache = await startApache(
    `DjangoAuthSocket ${daemon.socket}
    AddHandler cgi-script .cgi
    <Directory "@HTDOCS@">
      Options +ExecCGI
    </Directory>
    ${section('/later', `${PROVIDER}\nAuthBasicAuthoritative Off\nLuaHookCheckUserID "@HTDOCS@/hook.lua" authenticate\n${ALL}`)}
    ${section('/bare', `${PROVIDER}\nAuthBasicAuthoritative Off\nLuaHookCheckUserID "@HTDOCS@/hook.lua" authenticate\nErrorDocument 503 /busy.html`)}`,
    {
      load: ['cgi', 'lua'],
      files: {
        ...Object.fromEntries(PAGES.map((page) => [`${page}.html`, `this is ${page}`])),
        'later/index.html': 'granted',
        'later/broken.cgi': '#!/bin/sh\necho this is no header',
        'bare/broken.cgi': '#!/bin/sh\necho this is no header',
        'hook.lua':
          'function authenticate(r)\n  if r.user == nil then return apache2.DECLINED end\n  return apache2.OK\nend\n',
      },
    },
  );
  t.teardown(async () => {
    await apache.stop();
    await daemon.remove();
  });
  const get = (path: string) => apache.get(path, { user: 'full', password: 'secret' });
  t.match(await get('/later/'), { status: 200, body: 'granted' });
  const broken = await get('/later/broken.cgi');
  t.match(broken, { status: 500, body: 'this is sorry' }, 'the page for 500');
  t.equal(broken.headers['retry-after'], undefined);
  const bare = await get('/bare/broken.cgi');
  t.match(bare, { status: 500, body: '<h1>Internal Server Error</h1>' }, "or httpd's own");
});
