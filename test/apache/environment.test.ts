import { rmSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { HTDOCS, publicDirectory, startApache } from '../fixtures/apache.ts';
import { startDaemon } from '../fixtures/daemon.ts';
import { book, type Entry, fakeDaemon } from '../fixtures/fake-daemon.ts';
import { createSite } from '../fixtures/site.ts';

const CGI = '#!/bin/sh\nprintf "Content-Type: text/plain\\r\\n\\r\\n"\nenv -0 | tr "\\n\\0" "~\\n"\n';
const BASIC = 'AuthType Basic\nAuthName x\nAuthBasicProvider django\nRequire valid-user';
const HANDLER = 'PythonAuthenHandler django.contrib.auth.handlers.modpython';

const ALICE: Entry = {
  ...{
    id: '7',
    username: 'Alice',
    password: 'x',
    email: 'alice@example.com',
    first_name: 'Alice',
    last_name: 'Lidd€ll',
  },
  ...{ staff: true, superuser: false, groups: ['Editors', 'a,b', '100%', 'Big Bosses'] },
};
const ALIKE = ['a b', 'a\tb', 'a\nb', 'a%09b', 'a%2509b', 'a%\tb', 'a%25\tb', 'a%b', '100%0', 'a%0ab'];
const USERS: Record<string, Entry> = {
  alice: ALICE,
  Alice: ALICE,
  eve: { ...ALICE, username: 'eve', first_name: 'Eve\r\nX-Admin: yes', groups: ['x\ny'] },
  // Names that would be one REMOTE_USER if control characters were replaced, or escaped ambiguously.
  ...Object.fromEntries(ALIKE.map((name) => [name, { ...ALICE, username: name, groups: ['alike'] }])),
};

const OF_ALICE = {
  AUTHENTICATE_ID: '7',
  AUTHENTICATE_USERNAME: 'Alice',
  AUTHENTICATE_EMAIL: 'alice@example.com',
  AUTHENTICATE_FIRST_NAME: 'Alice',
  AUTHENTICATE_LAST_NAME: 'Lidd€ll',
  AUTHENTICATE_IS_STAFF: '1',
  AUTHENTICATE_IS_SUPERUSER: '0',
  AUTHENTICATE_GROUPS: 'Editors,a%2Cb,100%25,Big Bosses',
};

/** The variables that the CGI printed. */
const environment = (body: string): Record<string, string> =>
  Object.fromEntries(
    body
      .split('\n')
      .filter((line) => /^(AUTHENTICATE_\w+|REMOTE_USER)=/.test(line))
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );

t.test('the account is passed to CGI, SSI, a proxied server, subrequests and redirects', async (t) => {
  const daemon = await fakeDaemon(book(USERS));
  const backend = http.createServer((request, response) => response.end(JSON.stringify(request.headers)));
  await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve));
  const { port } = backend.address() as AddressInfo;
  const apache = await startApache(
    `DjangoAuthSocket ${daemon.socket}
    AddHandler cgi-script .cgi
    AddType text/html .shtml
    AddOutputFilter INCLUDES .shtml
    Options +ExecCGI +Includes
    <Location "/in">
      ${BASIC}
      DirectoryIndex none env.cgi
      ErrorDocument 404 /in/env.cgi
    </Location>
    <Location "/old">
      ${BASIC}
      ${HANDLER}
    </Location>
    <Location "/as-typed">
      ${BASIC}
      DjangoAuthCanonicalUser Off
    </Location>
    <Location "/in/deeper">
      DjangoRequireSuperuserStatus Off
    </Location>
    <Location "/by-file">
      AuthType Basic
      AuthName x
      AuthBasicProvider file
      AuthUserFile "${HTDOCS}/passwords"
      Require django-group Editors
    </Location>
    <Location "/own">
      AuthType Basic
      AuthName x
      AuthBasicProvider django
      Require django-group alike
    </Location>
    <Location "/own-typed">
      AuthType Basic
      AuthName x
      AuthBasicProvider django
      DjangoAuthCanonicalUser Off
      Require django-group alike
    </Location>
    <Location "/only-file">
      AuthType Basic
      AuthName x
      AuthBasicProvider file
      AuthUserFile "${HTDOCS}/passwords"
      Require valid-user
    </Location>
    ProxyPass /in/proxied http://127.0.0.1:${port}/
    <Location "/in/proxied">
      RequestHeader set X-Email "%{AUTHENTICATE_EMAIL}e"
      RequestHeader set X-First-Name "%{AUTHENTICATE_FIRST_NAME}e"
      RequestHeader set X-Groups "%{AUTHENTICATE_GROUPS}e"
    </Location>`,
    {
      load: ['cgi', 'include', 'proxy', 'proxy_http'],
      files: {
        passwords: 'alice:{SHA}EfatjsUqKYSrqv18O1FlA3hcIHI=\n', // x
        ...Object.fromEntries(
          ['in', 'in/deeper', 'old', 'as-typed', 'by-file', 'only-file', 'own', 'own-typed', 'open'].map((path) => [
            `${path}/env.cgi`,
            CGI,
          ]),
        ),
        'in/page.shtml': '<!--#echo var="AUTHENTICATE_EMAIL" -->|<!--#include virtual="deeper/env.cgi" -->',
        'in/same.shtml': '<!--#include virtual="env.cgi" -->',
      },
    },
  );
  t.teardown(async () => {
    await apache.stop();
    await daemon.remove();
    backend.close();
  });
  const ask = async (path: string, user = 'alice') => {
    daemon.asked.length = 0;
    return apache.get(path, { user, password: 'x' });
  };
  const seen = async (path: string, user?: string) => environment((await ask(path, user)).body);

  for (const path of ['/in/env.cgi', '/old/env.cgi']) {
    t.strictSame(await seen(path), { ...OF_ALICE, REMOTE_USER: 'Alice' }, path);
  }
  t.strictSame(await seen('/in/'), { ...OF_ALICE, REMOTE_USER: 'Alice' }, 'a directory index');
  t.equal(daemon.asked.length, 1);
  t.strictSame(await seen('/in/nothing'), { ...OF_ALICE, REMOTE_USER: 'Alice' }, 'an error page');
  t.equal(daemon.asked.length, 1);
  t.strictSame(await seen('/as-typed/env.cgi'), { ...OF_ALICE, REMOTE_USER: 'alice' }, 'DjangoAuthCanonicalUser Off');

  const page = await ask('/in/page.shtml');
  t.match(page.body, 'alice@example.com|', 'SSI');
  t.equal(daemon.asked.length, 1);
  t.strictSame(
    environment(page.body.replace('|', '\n')),
    { ...OF_ALICE, REMOTE_USER: 'Alice' },
    'a subrequest in another section',
  );
  t.strictSame(await seen('/in/same.shtml'), { ...OF_ALICE, REMOTE_USER: 'Alice' }, 'a subrequest in the same section');

  t.match(JSON.parse((await ask('/in/proxied/')).body), {
    'x-email': 'alice@example.com',
    'x-groups': OF_ALICE.AUTHENTICATE_GROUPS,
  });
  const eve = JSON.parse((await ask('/in/proxied/', 'eve')).body);
  t.equal(eve['x-admin'], undefined, 'a name cannot add a header');
  t.match(eve, { 'x-first-name': 'Eve%0D%0AX-Admin: yes', 'x-groups': 'x%0Ay' });

  const names = [];
  for (const user of ALIKE) {
    const { body } = await apache.get('/in/env.cgi', { user, password: 'x' });
    const { REMOTE_USER, AUTHENTICATE_USERNAME } = environment(body);
    t.equal(REMOTE_USER, AUTHENTICATE_USERNAME, 'REMOTE_USER is spelled likewise');
    names.push(REMOTE_USER);
  }
  t.same(
    names,
    ['a b', 'a%09b', 'a%0Ab', 'a%2509b', 'a%252509b', 'a%%09b', 'a%2525%09b', 'a%b', '100%0', 'a%0ab'],
    'different accounts have different names, and ordinary ones are not changed',
  );
  for (const path of ['/own/env.cgi', '/own-typed/env.cgi']) {
    for (const [at, user] of ALIKE.entries()) {
      daemon.asked.length = 0;
      const { status, body } = await apache.get(path, { user, password: 'x' });
      t.equal(status, 200, 'a group');
      t.equal(environment(body).REMOTE_USER, names[at], path);
      t.same(
        daemon.asked.map((asked) => asked.user),
        [user, user],
        'a Require line asks about the account itself',
      );
    }
  }

  t.strictSame(await seen('/by-file/env.cgi'), { ...OF_ALICE, REMOTE_USER: 'alice' }, 'after a Require line was met');
  t.strictSame(await seen('/only-file/env.cgi'), { REMOTE_USER: 'alice' }, 'no variables where the module is not used');
  t.strictSame(
    environment((await apache.get('/open/env.cgi', { user: 'alice', password: 'x' })).body),
    {},
    'no authentication',
  );
  t.match(apache.accessLog(), /127\.0\.0\.1 Alice "GET \/in\/env\.cgi HTTP\/1\.1" 200/);
});

t.test('Require user sees the username as the database spells it', async (t) => {
  const daemon = await fakeDaemon(book(USERS));
  const apache = await startApache(
    `DjangoAuthSocket ${daemon.socket}
    <Location "/">
      AuthType Basic
      AuthName x
      AuthBasicProvider django
      Require user Alice
    </Location>
    <Location "/typed">
      DjangoAuthCanonicalUser Off
    </Location>`,
    { files: { 'typed/index.html': 'inside' } },
  );
  t.teardown(async () => {
    await apache.stop();
    await daemon.remove();
  });
  const ask = async (path: string, user: string) => (await apache.get(path, { user, password: 'x' })).status;
  t.equal(await ask('/', 'alice'), 200);
  t.equal(await ask('/', 'Alice'), 200);
  t.equal(await ask('/typed/', 'alice'), 401);
  t.equal(await ask('/typed/', 'Alice'), 200);
});

t.test('groups that are too long for a reply are not set, and still decide', async (t) => {
  const names = Array.from({ length: 1_500 }, (_, at) => `group-${at}-${'x'.repeat(60)}`);
  const groups = Object.fromEntries([...names, 'other'].map((name) => [name, []]));
  const directory = publicDirectory();
  const people = [
    { username: 'many', password: 'x', isStaff: true, groups: names, permissions: ['shop.view_order'] },
    { username: 'few', password: 'x', isStaff: true, groups: names.slice(0, 2) },
  ];
  const site = createSite(join(directory, 'db.sqlite3'), people, { groups });
  const daemon = await startDaemon({
    directory,
    listen: 'mode = "0666"',
    config: `[sites.site]\ndatabase = "${site.url}"`,
  });
  const client = await daemon.connect();
  t.teardown(async () => {
    await daemon.stop();
    site.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const apache = await startApache(
    `DjangoAuthSocket ${daemon.socket}
    AddHandler cgi-script .cgi
    Options +ExecCGI
    SetEnvIf Request_URI . AUTHENTICATE_GROUPS=forged
    <Location "/in">
      ${BASIC}
    </Location>
    <Location "/member">
      ${BASIC.replace('valid-user', `django-group ${names[1499]}`)}
    </Location>
    <Location "/other">
      ${BASIC.replace('valid-user', 'django-group other')}
    </Location>`,
    {
      load: ['cgi'],
      files: Object.fromEntries(['in', 'member', 'other'].map((path) => [`${path}/env.cgi`, CGI])),
    },
  );
  t.teardown(() => apache.stop());
  const get = (path: string, user: string) => apache.get(path, { user, password: 'x' });

  const many = await get('/in/env.cgi', 'many');
  t.equal(many.status, 200, 'a user with many groups is granted');
  const of = environment(many.body);
  t.match(of, { AUTHENTICATE_USERNAME: 'many', AUTHENTICATE_GROUPS_OMITTED: '1' });
  t.notOk('AUTHENTICATE_GROUPS' in of, 'unknown groups do not look like none, or like those of another module');
  const few = environment((await get('/in/env.cgi', 'few')).body);
  t.equal(few.AUTHENTICATE_GROUPS, names.slice(0, 2).join(','));
  t.notOk('AUTHENTICATE_GROUPS_OMITTED' in few);
  t.equal((await get('/member/env.cgi', 'many')).status, 200, 'the daemon decides on the groups');
  t.equal((await get('/member/env.cgi', 'few')).status, 401);
  t.equal((await get('/other/env.cgi', 'many')).status, 401);

  const { account } = (await client.check('many', 'x', { want: ['permissions'] })).content;
  t.match(account, { groups_omitted: true, permissions: ['shop.view_order'], permissions_omitted: undefined });
  t.notOk('groups' in account);
});
