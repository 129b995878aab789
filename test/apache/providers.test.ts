import { createHash } from 'node:crypto';
import t from 'tap';
import { HTDOCS, startApache } from '../fixtures/apache.ts';
import { denied, fakeDaemon, GRANTED, unknownUser } from '../fixtures/fake-daemon.ts';
import { SERVER } from '../fixtures/httpd.ts';

/** A cache in front, which the module does not feed; 2.2 has none. */
const SOCACHE = SERVER.later ? 'AuthnCacheEnable\nAuthnCacheSOCache shmcb' : '';
const CACHED = SERVER.later
  ? 'AuthBasicProvider socache django\nAuthnCacheProvideFor django file'
  : 'AuthBasicProvider django';

const BASIC = 'AuthType Basic\nAuthName x\nRequire valid-user';
const section = (path: string, lines: string): string =>
  `<Location "/${path}">\n${BASIC}\nAuthUserFile "${HTDOCS}/passwords"\n${lines}\n</Location>\n`;
const line = (user: string, password: string): string =>
  `${user}:{SHA}${createHash('sha1').update(password).digest('base64')}\n`;

/** Django knows `alice` and `both` with the password `django`; the file `bob` and `both` with `file`. */
const PEOPLE = ['alice', 'both'];

t.test('beside other providers', async (t) => {
  const daemon = await fakeDaemon(({ user, secret }) =>
    PEOPLE.includes(user) ? (secret === 'django' ? GRANTED : denied()) : unknownUser,
  );
  const apache = await startApache(
    `DjangoAuthSocket ${daemon.socket}
    DjangoAuthTimeout 1s
    DjangoPermissionName around.alias
    <AuthnProviderAlias django staff>
      DjangoSettingsModule aliased
    </AuthnProviderAlias>
    <AuthnProviderAlias django everybody>
      DjangoRequireStaffStatus Off
      DjangoPermissionName none
    </AuthnProviderAlias>
    ${section('django', 'AuthBasicProvider django')}
    ${section('django-file', 'AuthBasicProvider django file')}
    ${section('file-django', 'AuthBasicProvider file django')}
    ${section('alias', 'AuthBasicProvider staff\nDjangoRequireSuperuserStatus On')}
    ${section('aliases', 'AuthBasicProvider everybody staff')}
    ${section('off', 'AuthBasicProvider django\nAuthBasicAuthoritative Off')}
    ${SOCACHE}
    ${section('cached', CACHED)}
    ${section('off-file', 'AuthBasicProvider django file\nAuthBasicAuthoritative Off')}
    ${section('fake', `AuthBasicProvider django\n${SERVER.later ? 'AuthBasicUseDigestAlgorithm MD5' : ''}`)}
    <Location "/any">
      ${BASIC}
      AuthBasicProvider django
      AuthBasicAuthoritative Off
      Require user nobody-at-all
    </Location>`,
    {
      load: SERVER.later ? ['authn_socache', 'socache_shmcb'] : [],
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
    ['django-file', 'bob', 'file', 200, 1], // Django does not know him, so the file is asked
    ['django-file', 'bob', 'wrong', 401, 1],
    ['django-file', 'both', 'file', 401, 1], // who knows the name decides
    ['django-file', 'both', 'django', 200, 1],
    ['django-file', 'nobody', 'x', 401, 1],
    ['file-django', 'alice', 'django', 200, 1],
    ['file-django', 'bob', 'file', 200, 0], // settled before the password leaves Apache
    ['file-django', 'both', 'django', 401, 0],
    ['file-django', 'nobody', 'x', 401, 1],
    ['off', 'alice', 'django', 200, 1],
    ['cached', 'alice', 'django', 200, 1],
    ['cached', 'alice', 'django', 200, 1], // asked each time, so that what changed holds at once
    ['cached', 'alice', 'wrong', 401, 1],
    ['off', 'alice', 'wrong', 401, 1],
    ['off', 'nobody', 'x', SERVER.unknownToAll, 1], // nobody is left who would decide
    ['off-file', 'bob', 'file', 200, 1],
    // What it would need is not in Django's tables; 2.2 asks as ever.
    ['fake', 'alice', 'django', SERVER.later ? 500 : 200, SERVER.later ? 0 : 1],
  ];
  for (const [path, user, password, status, questions] of table) {
    t.strictSame(await ask(path, user, password), [status, questions], `${path}: ${user} with ${password}`);
  }

  t.strictSame(await ask('alias', 'alice', 'django'), [200, 1]);
  t.equal(daemon.asked[0]?.site, 'aliased', 'what the alias says');
  t.strictSame(
    daemon.asked[0]?.require,
    { staff: true, superuser: true, permissions: ['around.alias'], groups: [] },
    'and what the section and the server say',
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
