import { createHash } from 'node:crypto';
import t from 'tap';
import type { Reply } from '../../protocol/reply.ts';
import { configtest, HTDOCS, startApache } from '../fixtures/apache.ts';
import { type Behaviour, book, type Entry, fakeDaemon } from '../fixtures/fake-daemon.ts';
import { SERVER } from '../fixtures/httpd.ts';

/** The password is the username; a file authenticates all of them. `stranger` is unknown to Django. */
const ACCOUNTS: Record<string, Entry> = {
  plain: {},
  both: { permissions: ['polls.a', 'polls.b'] },
  outer: { permissions: ['polls.a'] },
  inner: { permissions: ['polls.b'] },
  banned: { groups: ['Banned'] },
};
const USERS = [...Object.keys(ACCOUNTS), 'stranger'];
const passwords = USERS.map((name) => `${name}:{SHA}${createHash('sha1').update(name).digest('base64')}\n`);

const BY_FILE = `AuthType Basic
  AuthName x
  AuthBasicProvider file
  AuthUserFile "${HTDOCS}/passwords"`;
const section = (path: string, lines: string): string => `<Location "${path}">\n  ${lines}\n</Location>\n`;

const FAULTS: Record<string, { does: Behaviour; status: number }> = {
  error: { does: { status: 4, content: { reason: 'site "x" is not configured' } } as Reply, status: 500 },
  'bad request': { does: { status: 5, content: { reason: 'it is bad' } } as Reply, status: 500 },
  busy: { does: { status: 3, content: { reason: 'queue-full', retry_after: 7 } } as Reply, status: 503 },
  throttled: { does: { status: 3, content: { reason: 'throttled', retry_after: 7 } } as Reply, status: 429 },
  malformed: { does: Buffer.from('HTTP/1.1 200 OK\r\n\r\n'), status: 500 },
  empty: { does: Buffer.from([0, 0, 0, 0]), status: 500 },
  closed: { does: 'close', status: 503 },
  silent: { does: 'silence', status: 503 },
};

/** The protections: each grants some users while the daemon answers. */
const PROTECTIONS: Record<string, string> = {
  lines: `${BY_FILE}\n  Require django-group Editors\n  Require django-permission polls.a polls.x`,
  'satisfy-any': `${BY_FILE}\n  Satisfy Any\n  Order deny,allow\n  Deny from all\n  Require django-permission polls.a`,
};
if (SERVER.compounds) {
  Object.assign(PROTECTIONS, {
    not: `${BY_FILE}\n  <RequireAll>\n    Require valid-user\n    Require not django-group Banned\n  </RequireAll>`,
    none: `${BY_FILE}\n  <RequireAll>\n    Require valid-user\n    <RequireNone>\n      Require django-group Banned
      Require all denied\n    </RequireNone>\n  </RequireAll>`,
    // The fault comes first, beside a line that grants every user.
    any: `${BY_FILE}\n  <RequireAny>\n    Require django-group Editors\n    Require valid-user\n  </RequireAny>`,
    deep: `${BY_FILE}\n  <RequireAny>\n    <RequireAll>\n      Require valid-user\n      <RequireAny>
      <RequireAll>\n        Require valid-user\n        Require not django-superuser\n      </RequireAll>\n    </RequireAny>
    </RequireAll>\n    Require valid-user\n  </RequireAny>`,
    'satisfy-any-not': `${BY_FILE}\n  Satisfy Any\n  Order deny,allow\n  Deny from all\n  <RequireAll>
    Require valid-user\n    Require not django-group Banned\n  </RequireAll>`,
  });
}

/** Paths to a protected file by another request of httpd. `shown`: the including page itself is not protected. */
const ROUTES: Record<string, { path: (protection: string) => string; shown?: boolean }> = {
  directly: { path: (protection) => `/g/${protection}/secret.txt` },
  'a directory index': { path: (protection) => `/g/${protection}/` },
  'SSI, include virtual': { path: (protection) => `/open/${protection}.shtml`, shown: true },
  'SSI, include of a directory': { path: (protection) => `/open/${protection}-index.shtml`, shown: true },
  'a rewritten URL': { path: (protection) => `/by-rewrite/${protection}/secret.txt` },
  'an internal redirect': { path: (protection) => `/open/redirect/${protection}/secret.txt` },
  'an ErrorDocument': { path: (protection) => `/open/missing/${protection}/no-such-file` },
  'an action': { path: (protection) => `/open/action-${protection}.go` },
};

t.test('no fault becomes a grant', async (t) => {
  const daemon = await fakeDaemon(book(ACCOUNTS));
  const protections = Object.keys(PROTECTIONS);
  const files = protections.flatMap((protection) => [
    [`g/${protection}/secret.txt`, 'the secret'],
    [`g/${protection}/index.html`, 'the secret'],
    [`g/${protection}/run.cgi`, '#!/bin/sh\nprintf "Content-Type: text/plain\\n\\nthe secret"\n'],
    [`open/${protection}.shtml`, `shown <!--#include virtual="/g/${protection}/secret.txt" -->`],
    [`open/${protection}-index.shtml`, `shown <!--#include virtual="/g/${protection}/" -->`],
    [`open/missing/${protection}/index.html`, ''],
    [`open/action-${protection}.go`, ''],
  ]);
  const apache = await startApache(
    `DjangoAuthSocket ${daemon.socket}
    DjangoAuthTimeout 200ms
    AddHandler cgi-script .cgi
    AddOutputFilter INCLUDES .shtml
    <Directory "${HTDOCS}">
      Options +Includes +ExecCGI +FollowSymLinks
    </Directory>
    RewriteEngine On
    RewriteRule ^/by-rewrite/(.*) /g/$1 [PT]
    <Directory "${HTDOCS}/open">
      RewriteEngine On
      RewriteRule ^redirect/(.*) /g/$1
    </Directory>
    ${protections
      .map(
        (protection) => `${section(`/g/${protection}`, PROTECTIONS[protection] as string)}
        ${section(`/open/missing/${protection}`, `ErrorDocument 404 /g/${protection}/secret.txt`)}
        ${section(`/open/action-${protection}.go`, `Action go-${protection} /g/${protection}/run.cgi\n  SetHandler go-${protection}`)}`,
      )
      .join('')}`,
    { load: ['include', 'rewrite', 'cgi'], files: { passwords: passwords.join(''), ...Object.fromEntries(files) } },
  );
  t.teardown(async () => {
    await apache.stop();
    await daemon.remove();
  });
  const get = (path: string, user: string) => apache.get(path, { user, password: user });

  for (const protection of protections) {
    for (const [name, { path }] of Object.entries(ROUTES)) {
      t.match((await get(path(protection), 'both')).body, 'the secret', `${name} leads to ${protection}`);
    }
  }
  for (const [fault, { does, status }] of Object.entries(FAULTS)) {
    daemon.behave((asked) => (asked.operation === 'authorize' ? does : book(ACCOUNTS)(asked)));
    // The slow one is tried with one user.
    for (const user of does === 'silence' ? ['banned'] : ['banned', 'stranger', 'both']) {
      for (const protection of protections) {
        for (const [name, { path, shown }] of Object.entries(ROUTES)) {
          const response = await get(path(protection), user);
          t.notMatch(response.body, 'the secret', `${fault}: ${user} at ${protection}, by ${name}`);
          if (shown) t.match(response, { status: 200, body: /^shown / });
          else if (name !== 'an ErrorDocument') t.equal(response.status, status, `${fault}: ${protection}, by ${name}`);
          else t.equal(response.status, 404);
        }
      }
    }
  }
});

t.test('Require lines in nested sections', async (t) => {
  const daemon = await fakeDaemon(book(ACCOUNTS));
  type Kind = { by: 'Location' | 'Directory'; lines: string; inside: string[]; questions: number };
  const kinds: Record<string, Kind> = {
    over: { by: 'Location', lines: '', inside: ['both', 'inner'], questions: 1 },
    'over-directory': { by: 'Directory', lines: '', inside: ['both', 'inner'], questions: 1 },
  };
  if (SERVER.compounds) {
    kinds.and = { by: 'Location', lines: 'AuthMerging And', inside: ['both'], questions: 2 };
    kinds['and-directory'] = { ...kinds.and, by: 'Directory' };
    // In a <Location> httpd would merge this with the <Directory> that grants all access.
    kinds.or = { by: 'Directory', lines: 'AuthMerging Or', inside: ['both', 'inner', 'outer'], questions: 1 };
  }
  const merged = (name: string, { by, lines }: Kind): string => {
    const around = (path: string, inside: string) =>
      `<${by} "${by === 'Directory' ? HTDOCS : ''}/${name}${path}">\n  ${inside}\n</${by}>\n`;
    return (
      around('', `${BY_FILE}\n  Require django-permission polls.a`) +
      around('/inner', `${lines}\n  Require django-permission polls.b`) +
      around('/inner/same', 'DjangoAuthCanonicalUser Off')
    );
  };
  const apache = await startApache(
    `DjangoAuthSocket ${daemon.socket}
    ${Object.entries(kinds)
      .map(([name, kind]) => merged(name, kind))
      .join('')}`,
    {
      files: {
        passwords: passwords.join(''),
        ...Object.fromEntries(
          Object.keys(kinds).flatMap((name) =>
            [name, `${name}/inner`, `${name}/inner/same`].map((path) => [`${path}/file.txt`, 'inside']),
          ),
        ),
      },
    },
  );
  t.teardown(async () => {
    await apache.stop();
    await daemon.remove();
  });
  const ask = async (path: string, user: string) =>
    (await apache.get(`${path}/file.txt`, { user, password: user })).status;
  for (const [name, { inside, questions }] of Object.entries(kinds)) {
    for (const user of USERS) {
      const expected = (list: string[]) => (list.includes(user) ? 200 : 401);
      t.equal(await ask(`/${name}`, user), expected(['both', 'outer']), `${user} at /${name}`);
      t.equal(await ask(`/${name}/inner`, user), expected(inside), `${user} at /${name}/inner`);
      t.equal(await ask(`/${name}/inner/same`, user), expected(inside), `${user} at /${name}/inner/same`);
    }
    daemon.asked.length = 0;
    await ask(`/${name}/inner`, 'both');
    t.equal(daemon.asked.length, questions, `${name}: one question for each line that applies`);
  }

  // One of the two questions cannot be answered. With Or, the other line may already have granted.
  for (const [unanswered, name, user, status] of [
    ['polls.b', 'over', 'inner', 500],
    ['polls.b', 'over-directory', 'inner', 500],
    ['polls.a', 'and', 'both', 500],
    ['polls.b', 'and', 'both', 500],
    ['polls.a', 'or', 'inner', 500],
    ['polls.b', 'or', 'outer', 200],
    ['polls.b', 'or', 'inner', 500],
  ] as const) {
    if (!(name in kinds)) continue;
    const fault = FAULTS.error?.does as Behaviour;
    daemon.behave((asked) => (asked.require.permissions.includes(unanswered) ? fault : book(ACCOUNTS)(asked)));
    t.equal(await ask(`/${name}/inner`, user), status, `${name}: ${user} while ${unanswered} cannot be answered`);
  }
});

if (SERVER.compounds) {
  // mod_authz_core evaluates the lines without a user first, and a line that needs none suffices.
  t.test('Require not beside Require all granted has no effect', async (t) => {
    const daemon = await fakeDaemon(book(ACCOUNTS));
    const apache = await startApache(
      `DjangoAuthSocket ${daemon.socket}
      ${section('/', `${BY_FILE}\n  <RequireAll>\n    Require all granted\n    Require not django-group Banned\n  </RequireAll>`)}
      ${section('/known', '<RequireAll>\n    Require valid-user\n    Require django-permission polls.a\n    Require not django-group Banned\n  </RequireAll>')}`,
      { files: { passwords: passwords.join(''), 'index.html': 'inside', 'known/index.html': 'inside' } },
    );
    t.teardown(async () => {
      await apache.stop();
      await daemon.remove();
    });
    t.equal((await apache.get('/', { user: 'banned', password: 'banned' })).status, 200);
    t.equal((await apache.get('/')).status, 200);
    t.equal(daemon.asked.length, 0);
    t.equal(
      (await apache.get('/known/', { user: 'both', password: 'both' })).status,
      200,
      'as the documentation advises',
    );
    t.equal((await apache.get('/known/', { user: 'stranger', password: 'stranger' })).status, 401);
    t.equal((await apache.get('/known/')).status, 401);
  });
} else {
  t.test('lines of 2.4 are errors in 2.2', async (t) => {
    // Beside `Require valid-user`, which suffices, an ignored line would grant every user.
    for (const [line, sentence] of [
      ['not django-group Banned', 'Require not django-group: httpd 2.2 does not support "not"'],
      ['NOT Django-Staff', 'Require not django-staff: httpd 2.2 does not support "not"'],
      [
        'django-grop Editors',
        'Require django-grop: unknown requirement; accepted: django-staff, django-superuser, django-permission and django-group',
      ],
    ] as const) {
      const { code, stderr } = await configtest(section('/', `${BY_FILE}\n  Require valid-user\n  Require ${line}`));
      t.not(code, 0, line);
      t.ok(stderr.includes(`\n${sentence}\n`), `${line}: ${stderr}`);
    }
  });
}
