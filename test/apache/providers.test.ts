import { createHash } from 'node:crypto';
import t from 'tap';
import { HTDOCS, startApache } from '../fixtures/apache.ts';
import { denied, fakeDaemon, GRANTED, unknownUser } from '../fixtures/fake-daemon.ts';
import { SERVER } from '../fixtures/httpd.ts';

/** mod_authn_socache, in which the module does not store; 2.2 does not have it. */
const SOCACHE = SERVER.modern ? 'AuthnCacheEnable\nAuthnCacheSOCache shmcb' : '';
const CACHED = SERVER.modern
  ? 'AuthBasicProvider socache django\nAuthnCacheProvideFor django file'
  : 'AuthBasicProvider django';

const BASIC = 'AuthType Basic\nAuthName x\nRequire valid-user';
const section = (path: string, lines: string): string =>
  `<Location "/${path}">\n${BASIC}\nAuthUserFile "${HTDOCS}/passwords"\n${lines}\n</Location>\n`;
const line = (user: string, password: string): string =>
  `${user}:{SHA}${createHash('sha1').update(password).digest('base64')}\n`;

/** Django knows `alice` and `both` with the password `django`; the file `bob` and `both` with `file`. */
const USERS = ['alice', 'both'];

t.test('with other providers', async (t) => {
  const daemon = await fakeDaemon(({ user, secret }) =>
    USERS.includes(user) ? (secret === 'django' ? GRANTED : denied()) : unknownUser,
  );
  const apache = await startApache(
    `DjangoAuthSocket ${daemon.socket}
    DjangoAuthTimeout 1s
    DjangoPermissionName around.alias
    <AuthnProviderAlias django staff>
      DjangoSettingsModule aliased
    </AuthnProviderAlias>
    <AuthnProviderAlias django anybody>
      DjangoRequireStaffStatus Off
      DjangoPermissionName none
    </AuthnProviderAlias>
    ${section('django', 'AuthBasicProvider django')}
    ${section('django-file', 'AuthBasicProvider django file')}
    ${section('file-django', 'AuthBasicProvider file django')}
    ${section('alias', 'AuthBasicProvider staff\nDjangoRequireSuperuserStatus On')}
    ${section('aliases', 'AuthBasicProvider anybody staff')}
    ${section('off', 'AuthBasicProvider django\nAuthBasicAuthoritative Off')}
    ${SOCACHE}
    ${section('cached', CACHED)}
    ${section('off-file', 'AuthBasicProvider django file\nAuthBasicAuthoritative Off')}
    ${section('fake', `AuthBasicProvider django\n${SERVER.modern ? 'AuthBasicUseDigestAlgorithm MD5' : ''}`)}
    <Location "/any">
      ${BASIC}
      AuthBasicProvider django
      AuthBasicAuthoritative Off
      Require user nobody-at-all
    </Location>`,
    {
      load: SERVER.modern ? ['authn_socache', 'socache_shmcb'] : [],
      files: {
        passwords: line('bob', 'file') + line('both', 'file'),
        ...Object.fromEntries(
          ['django', 'django-file', 'file-django', 'alias', 'aliases', 'off', 'off-file', 'fake', 'any', 'cached'].map(
            (path) => [`${path}/index.html`, 'inside'],
          ),
        ),
      },
    },
  );
  t.teardown(async () => {
    await apache.stop();
    await daemon.remove();
  });
  const ask = async (path: string, user: string, password: string): Promise<[status: number, questions: number]> => {
    daemon.asked.length = 0;
    const { status } = await apache.get(`/${path}/`, { user, password });
    return [status, daemon.asked.length];
  };

  const table: [path: string, user: string, password: string, status: number, questions: number][] = [
    ['django-file', 'alice', 'django', 200, 1],
    ['django-file', 'alice', 'wrong', 401, 1],
    ['django-file', 'bob', 'file', 200, 1], // unknown to Django, so the file is asked
    ['django-file', 'bob', 'wrong', 401, 1],
    ['django-file', 'both', 'file', 401, 1], // the first that knows the username decides
    ['django-file', 'both', 'django', 200, 1],
    ['django-file', 'nobody', 'x', 401, 1],
    ['file-django', 'alice', 'django', 200, 1],
    ['file-django', 'bob', 'file', 200, 0], // the file decides, the daemon is not asked
    ['file-django', 'both', 'django', 401, 0],
    ['file-django', 'nobody', 'x', 401, 1],
    ['off', 'alice', 'django', 200, 1],
    ['cached', 'alice', 'django', 200, 1],
    ['cached', 'alice', 'django', 200, 1], // asked each time
    ['cached', 'alice', 'wrong', 401, 1],
    ['off', 'alice', 'wrong', 401, 1],
    ['off', 'nobody', 'x', SERVER.unknownUserStatus, 1], // no provider is left
    ['off-file', 'bob', 'file', 200, 1],
    // Digest needs what Django does not store; 2.2 ignores the directive.
    ['fake', 'alice', 'django', SERVER.modern ? 500 : 200, SERVER.modern ? 0 : 1],
  ];
  for (const [path, user, password, status, questions] of table) {
    t.strictSame(await ask(path, user, password), [status, questions], `${path}: ${user} with ${password}`);
  }

  t.strictSame(await ask('alias', 'alice', 'django'), [200, 1]);
  t.equal(daemon.asked[0]?.site, 'aliased', 'set by the alias');
  t.strictSame(
    daemon.asked[0]?.require,
    { staff: true, superuser: true, permissions: ['around.alias'], groups: [] },
    'inherited from the section and the server',
  );
  t.strictSame(await ask('aliases', 'nobody', 'x'), [401, 2], 'two aliases are two questions');
  t.strictSame(
    daemon.asked.map(({ site, require }) => [site, require.staff, require.permissions]),
    [
      [undefined, false, []],
      ['aliased', true, ['around.alias']],
    ],
  );

  await daemon.stop();
  for (const path of ['django', 'django-file', 'alias', 'aliases', 'off', 'off-file', 'any', 'cached']) {
    for (const user of ['alice', 'bob', 'both', 'nobody']) {
      const { status } = await apache.get(`/${path}/`, { user, password: user === 'bob' ? 'file' : 'django' });
      t.equal(status, 503, `no daemon: ${user} at ${path}`);
    }
  }
  t.equal((await apache.get('/file-django/', { user: 'bob', password: 'file' })).status, 200, 'the file comes first');
});
