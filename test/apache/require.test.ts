import { createHash } from 'node:crypto';
import t from 'tap';
import type { Reply } from '../../protocol/reply.ts';
import { type Apache, configtest, HTDOCS, startApache } from '../fixtures/apache.ts';
import { book, type Entry, type FakeDaemon, fakeDaemon } from '../fixtures/fake-daemon.ts';
import { SERVER } from '../fixtures/httpd.ts';

/** The password is the username. `stranger` is in the password file only. */
const ACCOUNTS: Record<string, Entry> = {
  plain: {},
  staff: { staff: true },
  boss: { superuser: true },
  voter: { permissions: ['polls.can_vote'] },
  editor: { groups: ['Editors'] },
  banned: { groups: ['Banned', 'Big "B" Bosses'] },
  // Would meet every line if it were active.
  gone: { inactive: true, staff: true, superuser: true, groups: ['Editors'] },
};
const USERS = [...Object.keys(ACCOUNTS), 'stranger'];
const ACTIVE = USERS.filter((name) => name !== 'gone' && name !== 'stranger');

interface Section {
  path: string;
  lines: string;
  /** Who is granted after authentication by a file; by Django's provider, those of them that it knows. */
  granted: string[];
}

/** For both versions. */
const PLAIN: Section[] = [
  { path: 'staff', lines: 'Require django-staff', granted: ['staff'] },
  { path: 'super', lines: 'Require django-superuser', granted: ['boss'] },
  { path: 'perm', lines: 'Require django-permission polls.none polls.can_vote', granted: ['boss', 'voter'] },
  { path: 'perm-none', lines: 'Require django-permission "polls.none"', granted: ['boss'] },
  { path: 'group', lines: 'Require django-group Editors', granted: ['editor'] },
  { path: 'group-quoted', lines: `Require django-group 'Big "B" Bosses' "No such"`, granted: ['banned'] },
  { path: 'groups', lines: 'Require django-group "Editors" "Banned"', granted: ['editor', 'banned'] },
  { path: 'lines', lines: 'Require django-group Editors\nRequire django-staff', granted: ['editor', 'staff'] },
  { path: 'case', lines: 'Require django-group editors', granted: [] },
  {
    path: 'mixed-off',
    lines: 'AuthzDjangoAuthoritative Off\nRequire django-staff\nRequire user stranger',
    granted: ['staff', 'stranger'],
  },
  {
    path: 'mixed',
    lines: 'Require django-staff\nRequire user stranger',
    granted: SERVER.authoritative ? ['staff'] : ['staff', 'stranger'],
  },
  { path: 'limit', lines: '<Limit GET>\nRequire django-staff\n</Limit>', granted: ['staff'] },
  {
    path: 'limit-except',
    lines: '<LimitExcept PUT POST>\nRequire django-staff\n</LimitExcept>\n<Limit PUT>\nRequire valid-user\n</Limit>',
    granted: ['staff'],
  },
  { path: 'satisfy-all', lines: 'Order deny,allow\nAllow from 127.0.0.1\nRequire django-staff', granted: ['staff'] },
  {
    path: 'satisfy-any',
    lines: 'Satisfy Any\nOrder deny,allow\nDeny from all\nRequire django-staff',
    granted: ['staff'],
  },
];

/** For 2.4 only. */
const COMPOUND: Section[] = [
  {
    path: 'all',
    lines: '<RequireAll>\nRequire valid-user\nRequire django-group Editors Banned\n</RequireAll>',
    granted: ['editor', 'banned'],
  },
  {
    path: 'any',
    lines: '<RequireAny>\nRequire django-group Editors\nRequire user plain\n</RequireAny>',
    granted: ['editor', 'plain'],
  },
  {
    path: 'not',
    lines: '<RequireAll>\nRequire valid-user\nRequire not django-group Banned\n</RequireAll>',
    granted: USERS.filter((name) => name !== 'banned'),
  },
  {
    path: 'none',
    lines: `<RequireAll>\nRequire valid-user\n<RequireNone>\nRequire django-group Banned
      Require django-permission polls.can_vote\n</RequireNone>\n</RequireAll>`,
    granted: USERS.filter((name) => !['banned', 'voter', 'boss'].includes(name)),
  },
  { path: 'alias', lines: 'Require editors', granted: ['editor'] },
  {
    path: 'alias-not',
    lines: '<RequireAll>\nRequire django-group Banned Editors\nRequire not editors\n</RequireAll>',
    granted: ['banned'],
  },
  { path: 'expr', lines: 'Require django-group "%{env:TEAM}" "%{tolower:NONE}"', granted: ['editor'] },
  { path: 'expr-perm', lines: 'Require django-permission "polls.%{env:VERB}"', granted: ['boss', 'voter'] },
  { path: 'expr-unset', lines: 'Require django-group "%{env:NOBODY_SETS_IT}"', granted: [] },
];

const SECTIONS = [...PLAIN, ...(SERVER.compounds ? COMPOUND : [])];

const ALIAS = `<AuthzProviderAlias django-group editors Editors>
  DjangoSettingsModule aliased
</AuthzProviderAlias>`;

const section = (provider: string, { path, lines }: Section): string => `<Location "/${provider}/${path}">
  AuthType Basic
  AuthName x
  AuthBasicProvider ${provider}
  AuthUserFile "${HTDOCS}/passwords"
  ${lines}
</Location>\n`;

const passwords = USERS.map((name) => `${name}:{SHA}${createHash('sha1').update(name).digest('base64')}\n`).join('');

async function serve(sections: Section[], files: Record<string, string> = {}) {
  const daemon: FakeDaemon = await fakeDaemon(book(ACCOUNTS));
  const apache: Apache = await startApache(
    `DjangoAuthSocket ${daemon.socket}
    DjangoRequireStaffStatus Off
    DjangoAuthTimeout 500ms
    SetEnvIf Host . TEAM=Editors VERB=can_vote
    ${SERVER.compounds ? ALIAS : ''}
    ${sections.map((one) => section('file', one) + section('django', one)).join('')}`,
    {
      files: {
        passwords,
        ...Object.fromEntries(
          sections.flatMap(({ path }) => ['file', 'django'].map((by) => [`${by}/${path}/index.html`, 'inside'])),
        ),
        ...files,
      },
    },
  );
  return {
    daemon,
    apache,
    ask: async (path: string, user: string, method = 'GET') =>
      (await apache.get(path, { user, password: user, method })).status,
    end: async () => {
      await apache.stop();
      await daemon.remove();
    },
  };
}

t.test('every user at every line, authenticated by a file and by Django', async (t) => {
  const { daemon, apache, ask, end } = await serve(SECTIONS);
  t.teardown(end);
  for (const { path, granted } of SECTIONS) {
    for (const user of USERS) {
      t.equal(await ask(`/file/${path}/`, user), granted.includes(user) ? 200 : 401, `${user} at /file/${path}`);
      const inside = granted.includes(user) && ACTIVE.includes(user);
      t.equal(await ask(`/django/${path}/`, user), inside ? 200 : 401, `${user} at /django/${path}`);
    }
    daemon.asked.length = 0;
    const nobody = await apache.get(`/file/${path}/`);
    t.equal(nobody.status, 401, `no credentials at ${path}`);
    t.equal(nobody.headers['www-authenticate'], 'Basic realm="x"', 'is challenged');
    t.equal(daemon.asked.length, 0, 'and the daemon is not asked');
  }
  t.match(
    apache.errorLog(),
    /Require django-staff denied: not-staff: client 127\.0\.0\.1, site \(default\), user 'plain'/,
  );
  t.match(apache.errorLog(), /Require django-group denied: unknown-user: .*, user 'stranger'/);

  t.equal(await ask('/file/limit-except/index.html', 'plain', 'PUT'), 405, 'a method with other lines');
  t.equal(await ask('/file/limit-except/index.html', 'plain', 'DELETE'), 401);
  t.equal(
    await ask('/file/limit-except/index.html', 'staff', 'DELETE'),
    405,
    'granted: DELETE is then not allowed by httpd',
  );

  daemon.asked.length = 0;
  t.equal(await ask('/file/groups/', 'editor'), 200);
  t.match(daemon.asked, [
    { operation: 'authorize', user: 'editor', client: { address: '127.0.0.1', service: 'apache' } },
  ]);
  t.strictSame(daemon.asked[0]?.require, {
    staff: false,
    superuser: false,
    permissions: [],
    groups: ['Editors', 'Banned'],
  });
});

t.test('a fault is neither a denial nor a grant, under Require not as well', async (t) => {
  const { daemon, apache, ask, end } = await serve(SECTIONS);
  t.teardown(end);
  const faults: [name: string, reply: Reply | 'close' | 'silence', status: number, retryAfter: string | undefined][] = [
    ['error', { status: 4, content: { reason: 'the database is away' } }, 500, undefined],
    ['full', { status: 3, content: { reason: 'queue-full', retry_after: 7 } }, 503, '7'],
    ['throttled', { status: 3, content: { reason: 'throttled', retry_after: 9 } }, 429, '9'],
    ['closed', 'close', 503, '5'],
  ];
  // A line whose expressions are all empty asks nothing, so it has no fault.
  const sections = SECTIONS.filter(({ path }) => path !== 'expr-unset');
  for (const [name, reply, status, retryAfter] of faults) {
    daemon.behave((asked) => (asked.operation === 'authorize' ? reply : book(ACCOUNTS)(asked)));
    for (const { path } of sections) {
      for (const by of ['file', 'django']) {
        const response = await apache.get(`/${by}/${path}/`, { user: 'banned', password: 'banned' });
        t.equal(response.status, status, `${name} at /${by}/${path}`);
        t.equal(response.headers['retry-after'], retryAfter, `${name} at /${by}/${path}: Retry-After`);
        t.notOk(response.headers['www-authenticate']);
      }
    }
  }
  await daemon.stop();
  for (const { path } of sections) {
    for (const user of ['staff', 'banned', 'stranger'])
      t.equal(await ask(`/file/${path}/`, user), 503, `${user} at ${path}`);
  }
  t.equal((await apache.get('/file/staff/')).status, 401, 'without credentials, the answer is a challenge');
});

t.test('one question for each line and request, for any number of subrequests', async (t) => {
  const tree = Object.fromEntries([1, 2, 3, 4, 5].map((n) => [`file/index/f${n}.txt`, 'text']));
  const { daemon, apache, end } = await serve(
    [{ path: 'index', lines: 'Options +Indexes\nDirectoryIndex none\nRequire django-group Editors', granted: [] }],
    {
      ...tree,
      ...Object.fromEntries(Object.entries(tree).map(([path, text]) => [path.replace('file', 'django'), text])),
    },
  );
  t.teardown(end);
  for (const [by, operations] of [
    ['file', ['authorize']],
    ['django', ['check', 'authorize']],
  ] as const) {
    daemon.asked.length = 0;
    const { status, body } = await apache.get(`/${by}/index/`, { user: 'editor', password: 'editor' });
    t.equal(status, 200);
    t.match(body, 'f5.txt');
    t.strictSame(
      daemon.asked.map(({ operation }) => operation),
      operations,
      by,
    );
  }
});

t.test('Satisfy Any grants by address without a question', async (t) => {
  const near = 'Satisfy Any\nOrder deny,allow\nAllow from 127.0.0.1\nRequire django-staff';
  const { daemon, apache, end } = await serve([{ path: 'near', lines: near, granted: [] }]);
  t.teardown(end);
  t.equal((await apache.get('/file/near/')).status, 200);
  t.equal(daemon.asked.length, 0);
});

t.test('.htaccess', async (t) => {
  const htaccess = (lines: string): string => `AuthType Basic\nAuthName x\nAuthBasicProvider django\n${lines}\n`;
  const { apache, ask, end } = await serve([], {
    'group/index.html': 'inside',
    'group/.htaccess': htaccess('Require django-group Editors'),
    'group/staff/index.html': 'inside',
    'group/staff/.htaccess': 'Require django-staff\nAuthzDjangoAuthoritative On\nDjangoAuthCanonicalUser Off',
    'typo/index.html': 'inside',
    'typo/.htaccess': htaccess('Require django-permission can_vote'),
  });
  t.teardown(end);
  t.equal(await ask('/group/', 'editor'), 200);
  t.equal(await ask('/group/', 'staff'), 401);
  t.equal(await ask('/group/staff/', 'staff'), 200, 'the lines of the inner file replace those of the outer one');
  t.equal(await ask('/group/staff/', 'editor'), 401);
  t.equal(await ask('/typo/', 'boss'), 500);
  t.match(apache.errorLog(), "Require django-permission 'can_vote': invalid permission");
});

t.test('invalid lines', async (t) => {
  const many = Array.from({ length: 65 }, (_, n) => `g${n}`).join(' ');
  const table: [line: string, sentence: string][] = [
    ['django-staff yes', "Require django-staff: too many arguments: 'yes'; accepted: none"],
    ['django-superuser on', "Require django-superuser: too many arguments: 'on'; accepted: none"],
    [
      'django-permission',
      'Require django-permission: 0 arguments; accepted: 1 to 64 permissions, such as polls.can_vote',
    ],
    [
      'django-permission polls.x can_vote',
      "Require django-permission 'can_vote': invalid permission; accepted: app_label.codename, such as polls.can_vote",
    ],
    [
      'django-group',
      'Require django-group: 0 arguments; accepted: 1 to 64 group names, in quotes if they contain spaces',
    ],
    ['django-group ""', "Require django-group '': invalid group name; accepted: a name in UTF-8"],
    [
      `django-group ${many}`,
      'Require django-group: 65 arguments; accepted: 1 to 64 group names, in quotes if they contain spaces',
    ],
  ];
  for (const [line, sentence] of table) {
    const { code, stderr } = await configtest(`<Location "/">\nRequire ${line}\n</Location>`);
    t.not(code, 0, line);
    t.ok(stderr.includes(`\n${sentence}\n`), `${line}: ${stderr}`);
  }
  const latin = Buffer.from('<Location "/">\nRequire django-group Köche\n</Location>', 'latin1');
  t.match((await configtest(latin)).stderr, 'invalid group name; accepted: a name in UTF-8');

  const only = '<Location "/">\n<RequireAll>\nRequire django-staff\n</RequireAll>\n</Location>';
  t.equal((await configtest(only)).code === 0, SERVER.compounds);
  const old = await configtest('<Location "/">\nAuthzDjangoAuthoritative Off\n</Location>');
  t.equal(old.code, 0);
  t.equal(/AuthzDjangoAuthoritative on line \d+ of .*: ignored by httpd 2\.4/.test(old.stderr), !SERVER.authoritative);
});

if (SERVER.compounds) {
  t.test('expressions: one name stays one name, and an invalid value is a fault', async (t) => {
    const broken = await configtest('<Location "/">\nRequire django-group "%{nosuch:x}"\n</Location>');
    t.not(broken.code, 0);
    t.match(broken.stderr, "Require django-group '%{nosuch:x}': invalid expression: ");
    const positive = { path: 'team', lines: 'Require django-group "%{req:X-Team}"', granted: [] };
    const negative = {
      path: 'perm',
      lines: '<RequireAll>\nRequire valid-user\nRequire not django-permission "%{req:X-Perm}"\n</RequireAll>',
      granted: [],
    };
    const { daemon, apache, end } = await serve([positive, negative]);
    t.teardown(end);
    const ask = async (path: string, headers: Record<string, string>) => {
      daemon.asked.length = 0;
      return (await apache.get(`/file/${path}/`, { user: 'editor', password: 'editor', headers })).status;
    };
    t.equal(await ask('team', { 'x-team': 'Editors' }), 200);
    for (const team of ['x" "Editors', "x' Editors", 'x Editors', 'Editors x']) {
      t.equal(await ask('team', { 'x-team': team }), 401, team);
      t.strictSame(daemon.asked[0]?.require.groups, [team]);
    }
    t.equal(await ask('team', { 'x-team': 'K\xf6che' }), 500, 'a name that is not UTF-8');
    t.equal(await ask('perm', { 'x-perm': 'polls.can_vote' }), 200);
    t.equal(await ask('perm', { 'x-perm': 'can_vote' }), 500, 'an invalid name under Require not must not grant');
    t.equal(daemon.asked.length, 0);
    t.equal(await ask('perm', { 'x-perm': 'x'.repeat(5_000) }), 500);
    t.ok(
      apache
        .errorLog()
        .split('\n')
        .every((line) => line.length < 1_000),
      'a long value is truncated in the log',
    );
  });
}
