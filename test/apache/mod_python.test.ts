import t from 'tap';
import { type Apache, type ApacheOptions, startApache } from '../fixtures/apache.ts';
import { type Asked, denied, type FakeDaemon, fakeDaemon, GRANTED } from '../fixtures/fake-daemon.ts';
import { SERVER } from '../fixtures/httpd.ts';

const HANDLER = 'PythonAuthenHandler django.contrib.auth.handlers.modpython';
const BASIC = 'AuthType Basic\nAuthName "example.com"\nRequire valid-user';

interface Pair {
  daemon: FakeDaemon;
  apache: Apache;
  /** The question that the daemon is asked for a request, and the status. */
  ask(path: string, headers?: Record<string, string>): Promise<{ status: number; asked: Asked | undefined }>;
}

/** Grants alice with the password `right`. The caller calls `end`. */
async function serve(config: string, options: ApacheOptions = {}): Promise<Pair & { end(): Promise<void> }> {
  const daemon = await fakeDaemon(({ user, secret }) => (user === 'alice' && secret === 'right' ? GRANTED : denied()));
  const apache = await startApache(`DjangoAuthSocket ${daemon.socket}\n${config}`, options);
  return {
    daemon,
    apache,
    async ask(path, headers = {}) {
      daemon.asked.length = 0;
      const { status } = await apache.get(path, { user: 'alice', password: 'right', headers });
      return { status, asked: daemon.asked[0] };
    },
    async end() {
      await apache.stop();
      await daemon.remove();
    },
  };
}

// From Django 1.4's "Authenticating against Django's user database from Apache".
const FIRST = `
<Location "/example/">
    AuthType Basic
    AuthName "example.com"
    Require valid-user

    SetEnv DJANGO_SETTINGS_MODULE mysite.settings
    PythonAuthenHandler django.contrib.auth.handlers.modpython
</Location>`;
const SECOND = `
<Location /example/>
    AuthType Basic
    AuthName "example.com"
    AuthUserFile /dev/null
    AuthBasicAuthoritative Off
    Require valid-user

    SetEnv DJANGO_SETTINGS_MODULE mysite.settings
    PythonAuthenHandler django.contrib.auth.handlers.modpython
</Location>`;

const NOTHING = { staff: false, superuser: false, permissions: [], groups: [] };
const STAFF = { ...NOTHING, staff: true };

for (const [name, block] of Object.entries({
  first: FIRST,
  second: SECOND,
  'first, by PythonOption': FIRST.replace('SetEnv', 'PythonOption'),
  'second, by PythonOption': SECOND.replace('SetEnv', 'PythonOption'),
})) {
  t.test(`the documented block: ${name}`, async (t) => {
    const { apache, daemon, ask, end } = await serve(block, { files: { 'example/index.html': 'inside' } });
    t.teardown(end);
    const { status, asked } = await ask('/example/');
    t.equal(status, 200);
    t.match(asked, { site: 'mysite.settings', user: 'alice', secret: 'right' });
    t.strictSame(asked?.require, STAFF, 'staff by default');
    t.match(asked?.client, { address: '127.0.0.1', service: 'apache' });
    t.equal(daemon.asked.length, 1);
    const wrong = await apache.get('/example/', { user: 'alice', password: 'wrong' });
    t.equal(wrong.status, 401);
    t.equal(wrong.headers['www-authenticate'], 'Basic realm="example.com"');
    t.equal((await apache.get('/example/')).status, 401, 'no credentials');
    t.equal((await apache.get('/')).status, 200, 'the rest of the server is open');
    t.match(apache.accessLog(), /127\.0\.0\.1 alice "GET \/example\/ HTTP\/1\.1" 200/, 'REMOTE_USER');
    daemon.behave(() => ({ status: 4, content: { reason: 'the database is away' } }));
    t.equal((await ask('/example/')).status, 500, 'a fault');
    await daemon.stop();
    t.equal((await ask('/example/')).status, 503, 'no daemon');
  });
}

t.test('without mod_auth_basic, and without mod_env', async (t) => {
  const { apache, ask, end } = await serve(FIRST, {
    without: ['auth_basic', 'authn_file', 'env'],
    files: { 'example/index.html': 'inside' },
  });
  t.teardown(end);
  t.match(await ask('/example/'), { status: 200, asked: { site: 'mysite.settings' } });
  const wrong = await apache.get('/example/', { user: 'alice', password: 'wrong' });
  t.match(wrong, { status: 401, headers: { 'www-authenticate': 'Basic realm="example.com"' } });
});

t.test('options, nested sections and precedence', async (t) => {
  const sections: [path: string, lines: string, site: string | undefined, require: object][] = [
    ['/plain', '', undefined, STAFF],
    ['/staff-off', 'PythonOption DjangoRequireStaffStatus off', undefined, NOTHING],
    ['/staff-no', 'PythonOption DjangoRequireStaffStatus No', undefined, NOTHING],
    ['/staff-on', 'PythonOption DjangoRequireStaffStatus 1', undefined, STAFF],
    ['/super', 'PythonOption DjangoRequireSuperuserStatus on', undefined, { ...STAFF, superuser: true }],
    ['/perm', 'PythonOption DjangoPermissionName a.b', undefined, { ...STAFF, permissions: ['a.b'] }],
    ['/perm-empty', 'PythonOption DjangoPermissionName ""', undefined, STAFF],
    ['/own', 'DjangoRequireStaffStatus Off\nDjangoPermissionName a.b', undefined, { ...NOTHING, permissions: ['a.b'] }],
    ['/last', 'DjangoRequireStaffStatus On\nPythonOption DjangoRequireStaffStatus off', undefined, NOTHING],

    ['/site-option', 'SetEnv DJANGO_SETTINGS_MODULE e\nPythonOption DJANGO_SETTINGS_MODULE o', 'o', STAFF],
    [
      '/site-own',
      'DjangoSettingsModule d\nSetEnv DJANGO_SETTINGS_MODULE e\nPythonOption DJANGO_SETTINGS_MODULE o',
      'd',
      STAFF,
    ],
    ['/site-empty', 'DjangoSettingsModule ""\nPythonOption DJANGO_SETTINGS_MODULE ""', undefined, STAFF],
    ['/site-falls', 'PythonOption DJANGO_SETTINGS_MODULE ""\nSetEnv DJANGO_SETTINGS_MODULE e', 'e', STAFF],
    ['/site-unset', 'SetEnv DJANGO_SETTINGS_MODULE e\nUnsetEnv DJANGO_SETTINGS_MODULE', undefined, STAFF],
    ['/site-again', 'UnsetEnv DJANGO_SETTINGS_MODULE\nSetEnv DJANGO_SETTINGS_MODULE e', 'e', STAFF],
    ['/site-if-not', 'SetEnvIf Host . DJANGO_SETTINGS_MODULE=x\nSetEnv DJANGO_SETTINGS_MODULE e', 'e', STAFF],

    // Nested: what is not set is inherited, what is set replaces, an empty value cancels.
    [
      '/nest',
      'PythonOption DJANGO_SETTINGS_MODULE o\nPythonOption DjangoRequireStaffStatus off\nDjangoPermissionName a.b',
      'o',
      { ...NOTHING, permissions: ['a.b'] },
    ],
    ['/nest/same', '# nothing', 'o', { ...NOTHING, permissions: ['a.b'] }],
    ['/nest/staff', 'DjangoRequireStaffStatus On', 'o', { ...STAFF, permissions: ['a.b'] }],
    ['/nest/perm', 'DjangoPermissionName none', 'o', NOTHING],
    ['/nest/site', 'PythonOption DJANGO_SETTINGS_MODULE inner', 'inner', { ...NOTHING, permissions: ['a.b'] }],
    [
      '/nest/back',
      'PythonOption DJANGO_SETTINGS_MODULE\nPythonOption DjangoRequireStaffStatus',
      undefined,
      {
        ...STAFF,
        permissions: ['a.b'],
      },
    ],
    [
      '/nest/back/again',
      'DjangoRequireSuperuserStatus yes',
      undefined,
      {
        ...STAFF,
        superuser: true,
        permissions: ['a.b'],
      },
    ],
  ];
  const files = Object.fromEntries(sections.map(([path]) => [`${path}/index.html`, 'inside']));
  const { ask, end } = await serve(
    sections.map(([path, lines]) => `<Location "${path}">\n${BASIC}\n${HANDLER}\n${lines}\n</Location>`).join('\n'),
    { files },
  );
  t.teardown(end);
  for (const [path, , site, require] of sections) {
    const { status, asked } = await ask(`${path}/`, { host: 'wonderland.test' });
    t.equal(status, 200, path);
    t.equal(asked?.site, site, `${path}: site`);
    t.strictSame(asked?.require, require, `${path}: require`);
  }
});

t.test('defaults of the server, of a virtual host, and .htaccess', async (t) => {
  const other = await fakeDaemon(() => GRANTED);
  const { daemon, apache, ask, end } = await serve(
    `DjangoRequireStaffStatus Off
    DjangoSettingsModule main
    DjangoAuthTimeout 2s
    <VirtualHost *>
      ServerName one.test
    </VirtualHost>
    <VirtualHost *>
      ServerName two.test
      DjangoSettingsModule two
      DjangoAuthSocket ${other.socket}
      DjangoAuthTimeout 700ms
      DjangoPermissionName a.b
    </VirtualHost>
    <Location "/inside">
      ${BASIC}
      AuthBasicProvider django
    </Location>`,
    {
      files: {
        'inside/index.html': 'inside',
        'inside/staff/index.html': 'inside',
        'inside/staff/.htaccess':
          'DjangoRequireStaffStatus on\nDjangoPermissionName c.d\nSetEnv DJANGO_SETTINGS_MODULE h',
        'inside/old/index.html': 'inside',
        'inside/old/.htaccess': `${HANDLER}\nPythonOption DjangoRequireSuperuserStatus on`,
        'inside/socket/index.html': 'inside',
        'inside/socket/.htaccess': 'DjangoAuthSocket /tmp/evil.sock',
        'inside/timeout/index.html': 'inside',
        'inside/timeout/.htaccess': 'DjangoAuthTimeout 1',
        'inside/typo/index.html': 'inside',
        'inside/typo/.htaccess': 'DjangoRequireStaffStatus sometimes',
      },
    },
  );
  t.teardown(async () => {
    await end();
    await other.remove();
  });
  const one = await ask('/inside/', { host: 'one.test' });
  t.match(one, { status: 200, asked: { site: 'main' } });
  t.strictSame(one.asked?.require, NOTHING);
  t.ok(
    (one.asked?.deadlineMs ?? 0) > 1_000 && (one.asked?.deadlineMs ?? 0) <= 2_000,
    'the deadline is DjangoAuthTimeout',
  );

  t.match(await ask('/inside/', { host: 'two.test' }), { status: 200, asked: undefined }, 'asks the other daemon');
  t.match(other.asked[0], { site: 'two', require: { ...NOTHING, permissions: ['a.b'] } });
  t.ok((other.asked[0]?.deadlineMs ?? 0) <= 700);

  const staff = await ask('/inside/staff/');
  t.match(staff, { status: 200, asked: { site: 'main', require: { ...STAFF, permissions: ['c.d'] } } }, '.htaccess');
  const old = await ask('/inside/old/');
  t.match(
    old,
    { status: 200, asked: { require: { ...NOTHING, superuser: true } } },
    '.htaccess with PythonAuthenHandler',
  );

  for (const path of ['socket', 'timeout', 'typo']) {
    const { status, asked } = await ask(`/inside/${path}/`);
    t.equal(status, 500, `.htaccess of ${path}`);
    t.equal(asked, undefined, 'the daemon is not asked');
  }
  t.match(apache.errorLog(), 'DjangoAuthSocket not allowed here');
  t.match(apache.errorLog(), 'DjangoAuthTimeout not allowed here');
  t.match(apache.errorLog(), "DjangoRequireStaffStatus 'sometimes': invalid value; accepted: On or Off");
  t.equal(daemon.asked.length, 0);
});

t.test('SetEnv, UnsetEnv and PassEnv still work in mod_env, in either load order', async (t) => {
  process.env.DJANGO_SETTINGS_MODULE = 'passed.settings';
  t.teardown(() => {
    delete process.env.DJANGO_SETTINGS_MODULE;
  });
  for (const first of ['env', 'django']) {
    const others = SERVER.modules.filter((name) => name !== 'env' && name !== 'django');
    const modules = [...others, ...(first === 'env' ? ['env', 'django'] : ['django', 'env'])];
    const { apache, ask, end } = await serve(
      `SetEnv AROUND outside
      <Location "/set">
        ${BASIC}
        ${HANDLER}
        SetEnv DJANGO_SETTINGS_MODULE mysite.settings
        SetEnv OTHER "another one"
        Header always set X-Env "%{DJANGO_SETTINGS_MODULE}e %{OTHER}e %{AROUND}e"
      </Location>
      <Location "/set/unset">
        UnsetEnv DJANGO_SETTINGS_MODULE OTHER
      </Location>
      <Location "/passed">
        ${BASIC}
        ${HANDLER}
        PassEnv DJANGO_SETTINGS_MODULE
        Header always set X-Env "%{DJANGO_SETTINGS_MODULE}e %{OTHER}e %{AROUND}e"
      </Location>`,
      { modules, files: { 'set/index.html': '', 'set/unset/index.html': '', 'passed/index.html': '' } },
    );
    const environment = async (path: string) =>
      (await apache.get(path, { user: 'alice', password: 'right' })).headers['x-env'];
    t.match(await ask('/set/'), { status: 200, asked: { site: 'mysite.settings' } }, `${first} first: SetEnv`);
    t.equal(await environment('/set/'), 'mysite.settings another one outside');
    t.match(await ask('/set/unset/'), { status: 200, asked: { site: undefined } }, `${first} first: UnsetEnv`);
    t.equal(await environment('/set/unset/'), '(null) (null) outside');
    t.match(await ask('/passed/'), { status: 200, asked: { site: 'passed.settings' } }, `${first} first: PassEnv`);
    t.equal(await environment('/passed/'), 'passed.settings (null) outside');
    await end();
  }
});

t.test('the handler never declines', async (t) => {
  const { apache, daemon, ask, end } = await serve(
    `<Location "/digest">
      AuthType Digest
      AuthName x
      Require valid-user
      ${HANDLER}
    </Location>
    <Location "/none">
      AuthType None
      Require valid-user
      ${HANDLER}
    </Location>
    <Location "/file">
      ${BASIC}
      ${HANDLER}
      AuthBasicProvider file
      AuthUserFile "/nowhere/htpasswd"
    </Location>
    <Location "/nameless">
      AuthType Basic
      Require valid-user
      ${HANDLER}
    </Location>`,
    { load: ['auth_digest'], files: { 'file/index.html': 'inside' } },
  );
  t.teardown(end);
  for (const path of ['/digest', '/none', '/nameless']) {
    t.match(await ask(path), { status: 500, asked: undefined }, path);
  }
  t.match(apache.errorLog(), 'PythonAuthenHandler requires AuthType Basic, but AuthType is Digest');
  t.match(apache.errorLog(), /PythonAuthenHandler requires AuthType Basic, but AuthType is (none|not set)/i);
  t.match(await ask('/file/'), { status: 200, asked: { user: 'alice' } });
  t.equal(daemon.asked.length, 1);
});

t.test('a forward proxy', async (t) => {
  const { apache, daemon, end } = await serve(
    `ProxyRequests On
    <Proxy "*">
      ${BASIC}
      ${HANDLER}
    </Proxy>
    <VirtualHost *>
      ServerName backend.test
    </VirtualHost>`,
    { load: ['proxy', 'proxy_http'] },
  );
  t.teardown(end);
  const proxied = (password?: string) =>
    apache.get(`${apache.url.replace('127.0.0.1', 'localhost')}/index.html`, {
      headers: password
        ? { 'proxy-authorization': `Basic ${Buffer.from(`alice:${password}`).toString('base64')}` }
        : { authorization: `Basic ${Buffer.from('alice:right').toString('base64')}` },
    });
  for (const password of [undefined, 'wrong']) {
    const { status, headers } = await proxied(password);
    t.equal(status, 407);
    t.equal(headers['proxy-authenticate'], 'Basic realm="example.com"');
    t.equal(headers['www-authenticate'], undefined, 'the challenge is the proxy’s alone');
  }
  t.match(await proxied('right'), { status: 200, body: 'hello' });
  t.equal(daemon.asked.length, 2);
});
