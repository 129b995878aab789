import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Apache, HTDOCS, type Request, startApache } from '../fixtures/apache.ts';
import { waitFor } from '../fixtures/daemon.ts';
import {
  book,
  denied,
  type Entry,
  type FakeDaemon,
  fakeDaemon,
  GRANTED,
  unknownUser,
} from '../fixtures/fake-daemon.ts';
import { SERVER } from '../fixtures/httpd.ts';

const FAIL2BAN = join(import.meta.dirname, '../../client-c/conf/fail2ban');
const BASIC = 'AuthType Basic\nAuthName x';

/** How each way to authenticate is written. */
const WAYS = {
  provider: `${BASIC}\nAuthBasicProvider django`,
  handler: `${BASIC}\nPythonAuthenHandler django.contrib.auth.handlers.modpython`,
};

const SECTIONS: Record<string, string> = {
  staff: 'Require valid-user',
  super: 'DjangoRequireStaffStatus Off\nDjangoRequireSuperuserStatus On\nRequire valid-user',
  perm: 'DjangoRequireStaffStatus Off\nDjangoPermissionName polls.can_vote\nRequire valid-user',
  group: 'DjangoRequireStaffStatus Off\nRequire django-group Developers "Release managers"\nRequire django-superuser',
  explicit: 'DjangoRequireStaffStatus On\nRequire valid-user',
};

/** What a client would like to write: a line that gets somebody else banned. */
const FORGED = "authentication denied: wrong-password: client 10.9.8.7, site (default), user 'x'";
const FORGED_LINE = `[Sat Nov 28 19:03:33.123456 2026] [authnz_django:error] [pid 1:tid 2] [client 10.9.8.7:1] ${FORGED}`;

/** Names that try to be such a line, or to end theirs. In Basic authentication, a colon ends the name. */
const NAMES = [
  `x' ${FORGED}`,
  `a\n${FORGED_LINE}`,
  `b\r\n${FORGED_LINE.replace('authnz_django:', '')}`,
  '" [client 10.9.8.7]',
  `[client 10.9.8.7] ${FORGED}`,
  '\\',
  "'",
].map((name) => name.replaceAll(':', ' '));

const ACCOUNTS: Record<string, Entry> = {
  alice: { staff: true, superuser: true },
  bob: {},
  gone: { staff: true, inactive: true },
  ...Object.fromEntries(NAMES.map((name) => [name, { password: 'right' }])),
};

async function serve(t: Test): Promise<{ apache: Apache; daemon: FakeDaemon }> {
  const judge = book(ACCOUNTS);
  const daemon = await fakeDaemon((asked) => {
    if (asked.user === 'social') return denied('unusable-password');
    if (asked.user === 'foreign') return denied('unverifiable-password');
    if (asked.user === 'patient') return { status: 3, content: { reason: 'queue-full', retry_after: 1 } };
    return judge(asked);
  });
  const sections = Object.entries(WAYS).flatMap(([way, how]) =>
    Object.entries(SECTIONS).map(([name, lines]) => `<Location "/${way}/${name}">\n${how}\n${lines}\n</Location>`),
  );
  const apache = await startApache(`DjangoAuthSocket ${daemon.socket}\n${sections.join('\n')}`, { logLevel: 'warn' });
  t.teardown(async () => {
    await apache.stop();
    await daemon.remove();
  });
  return { apache, daemon };
}

/** The module's own lines since the last call, without what httpd puts before them. */
function reader(apache: Apache): () => string[] {
  let seen = 0;
  return () => {
    const log = apache.errorLog();
    const added = log.slice(seen);
    seen = log.length;
    const prefix =
      SERVER.version === '2.4'
        ? /^.*?\[authnz_django:(\w+)\].*?\[client [^\]]*\] /
        : /^.*?\[(\w+)\] \[client [^\]]*\] /;
    return added
      .split('\n')
      .filter((line) => /\] (authentication|authorization|Require) /.test(line))
      .map((line) => line.replace(prefix, '$1: '));
  };
}

const right = (user: string): Request => ({ user, password: ACCOUNTS[user]?.password ?? user });
const TAIL = 'client 127.0.0.1, site (default)';

t.test('at the default level, every refusal is one line that names reason and directive', async (t) => {
  const { apache, daemon } = await serve(t);
  const added = reader(apache);
  const cases: [section: string, request: Request, status: number, line: string][] = [
    [
      'staff',
      { user: 'alice', password: 'wrong' },
      401,
      `error: authentication denied: wrong-password: ${TAIL}, user 'alice'`,
    ],
    ['staff', { user: 'secret', password: '' }, 401, `error: authentication denied: unknown-user: ${TAIL}`],
    [
      'staff',
      { user: 'social', password: 'x' },
      401,
      `error: authentication denied: unusable-password: ${TAIL}, user 'social'`,
    ],
    ['staff', { user: 'x'.repeat(1100), password: 'x' }, 401, `error: authentication denied: too-long: ${TAIL}`],
    [
      'staff',
      { user: 'foreign', password: 'x' },
      401,
      `error: authentication denied: unverifiable-password: ${TAIL}, user 'foreign': djauthd's hash policy for the site does not accept the account's encoded hash`,
    ],
    [
      'staff',
      right('gone'),
      401,
      `error: authentication denied: inactive: ${TAIL}, user 'gone': the password is right, but the account is not active`,
    ],
    [
      'staff',
      right('bob'),
      401,
      `error: authentication denied: not-staff: ${TAIL}, user 'bob': the password is right, but DjangoRequireStaffStatus On (the default) requires is_staff`,
    ],
    [
      'explicit',
      right('bob'),
      401,
      `error: authentication denied: not-staff: ${TAIL}, user 'bob': the password is right, but DjangoRequireStaffStatus On requires is_staff`,
    ],
    [
      'super',
      right('bob'),
      401,
      `error: authentication denied: not-superuser: ${TAIL}, user 'bob': the password is right, but DjangoRequireSuperuserStatus On requires is_superuser`,
    ],
    [
      'perm',
      right('bob'),
      401,
      `error: authentication denied: no-permission: ${TAIL}, user 'bob': the password is right, but DjangoPermissionName requires the permission polls.can_vote`,
    ],
    [
      'group',
      right('bob'),
      401,
      `error: authorization denied: no-group (Require django-group), not-superuser (Require django-superuser): ${TAIL}, user 'bob'`,
    ],
    [
      'staff',
      { user: 'patient', password: 'x' },
      503,
      `warn: authentication failed: djauthd is busy: queue-full: ${TAIL}`,
    ],
  ];
  for (const way of Object.keys(WAYS)) {
    for (const [section, request, status, line] of cases) {
      const answer = await apache.get(`/${way}/${section}/`, request);
      t.equal(answer.status, status, `${request.user?.slice(0, 20)} at /${way}/${section}/`);
      t.same(added(), [line]);
    }
    t.equal((await apache.get(`/${way}/group/`, right('alice'))).status, 404, 'an unmet line beside one that is met');
    t.equal((await apache.get(`/${way}/staff/`)).status, 401, 'no credentials');
    t.same(added(), [], 'is not worth a line');
  }
  await daemon.stop();
  t.equal((await apache.get('/handler/staff/', right('alice'))).status, 503);
  t.match(added()[0], `error: authentication failed: ${TAIL}: no verdict from djauthd at ${daemon.socket}: `);
  t.notMatch(
    apache.errorLog().replaceAll(/.*user secret.*/g, ''),
    /secret/,
    'a name that no account has, in no line of the module',
  );
});

t.test('a user whom another provider grants has not guessed', async (t) => {
  const daemon = await fakeDaemon(({ user, site }) => (user === 'alice' && site === 'second' ? GRANTED : unknownUser));
  const section = (path: string, providers: string) =>
    `<Location "/${path}">
      ${BASIC}
      AuthBasicProvider ${providers}
      AuthUserFile "${HTDOCS}/passwords"
      Require valid-user
    </Location>`;
  const alias = (name: string) =>
    `<AuthnProviderAlias django ${name}>\nDjangoSettingsModule ${name}\n</AuthnProviderAlias>\n`;
  const apache = await startApache(
    `DjangoAuthSocket ${daemon.socket}
    ${SERVER.modern ? alias('first') + alias('second') : ''}
    ${section('file', 'django file')}
    ${SERVER.modern ? section('sites', 'first second') : ''}
    ${section('open/inside', 'django')}
    <Location "/file/error">
      ErrorDocument 401 /file/refused
    </Location>
    <Location "/file/none">
      Require user nobody
    </Location>
    <Location "/open">
      Options +Indexes
    </Location>`,
    {
      logLevel: 'warn',
      files: {
        passwords: `bob:{SHA}${createHash('sha1').update('file').digest('base64')}\n`,
        'open/inside/index.html': 'inside',
      },
    },
  );
  t.teardown(async () => {
    await apache.stop();
    await daemon.remove();
  });
  const added = reader(apache);
  const unknown = (site = '(default)') => `error: authentication denied: unknown-user: client 127.0.0.1, site ${site}`;

  t.equal((await apache.get('/file/', { user: 'bob', password: 'file' })).status, 404);
  t.equal((await apache.get('/file/none/', { user: 'bob', password: 'file' })).status, 401, 'who may not, either');
  t.equal(daemon.asked.length, 2, 'the daemon was asked');
  t.same(added(), []);
  t.equal((await apache.get('/file/', { user: 'bob', password: 'wrong' })).status, 401);
  t.same(added(), [unknown()], 'whom all refuse has');
  if (SERVER.modern) {
    t.equal((await apache.get('/sites/', { user: 'alice', password: 'x' })).status, 404);
    t.same(added(), [], 'the second site knows the user');
    t.equal((await apache.get('/sites/', { user: 'bob', password: 'x' })).status, 401);
    t.same(added().sort(), [unknown('first'), unknown('second')]);
  }
  t.equal((await apache.get('/file/error', { user: 'bob', password: 'wrong' })).status, 401);
  const later: string[] = []; // such a line is written when the request ends
  await waitFor(() => later.push(...added()) > 0);
  t.same(later, [unknown()], 'with a page of its own for errors');
  const index = await apache.get('/open/', { user: 'bob', password: 'x' });
  t.equal(index.status, 200);
  t.notMatch(index.body, 'inside');
  await waitFor(() => later.push(...added()) > 1);
  t.same(later.slice(1), [unknown()], 'and with a page that does without');
});

/** The addresses that the filter finds in a log, one for each line that counts. */
function counted(log: string): string[] {
  const directory = mkdtempSync(join(tmpdir(), 'djauthd-f2b-'));
  try {
    writeFileSync(join(directory, 'error.log'), log);
    const filter = join(FAIL2BAN, 'filter.d/djauthd.conf');
    const out = execFileSync('fail2ban-regex', ['-o', 'ip', join(directory, 'error.log'), filter], {
      encoding: 'utf8',
    });
    return out.split('\n').filter((line) => line !== '');
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

t.test('fail2ban counts guesses, and nothing else', async (t) => {
  const { apache } = await serve(t);
  const from = (localAddress: string) => new http.Agent({ localAddress });
  const guesser = from('127.0.0.2');
  const honest = from('127.0.0.3');
  const forger = from('127.0.0.4');
  for (const way of Object.keys(WAYS)) {
    for (const user of ['alice', 'bob', 'nobody', 'social', 'x'.repeat(1100)]) {
      const { status } = await apache.get(`/${way}/perm/`, { user, password: 'guess', agent: guesser });
      t.equal(status, 401);
    }
    for (const [section, user] of [
      ['perm', 'bob'],
      ['staff', 'bob'],
      ['super', 'bob'],
      ['group', 'bob'],
      ['staff', 'gone'],
      ['staff', 'foreign'],
      ['staff', 'patient'],
      ['staff', 'alice'],
    ] as const) {
      await apache.get(`/${way}/${section}/`, { ...right(user), agent: honest });
    }
    await apache.get(`/${way}/staff/`, { agent: honest });
    for (const user of NAMES) {
      const headers = { referer: `http://x/${FORGED}` };
      const may = await apache.get(`/${way}/perm/`, { ...right(user), headers, agent: honest });
      t.equal(may.status, 401);
      await apache.get(`/${way}/perm/${encodeURIComponent(FORGED_LINE)}`, { ...right(user), headers, agent: honest });
      // A guess counts whatever its name says.
      for (const name of [user, `nobody ${user}`, `no-permission ${user} no-permission`, `${user}:${FORGED}`]) {
        await apache.get(`/${way}/perm/`, { user: name, password: 'guess', headers, agent: forger });
      }
    }
  }
  const log = apache.errorLog();
  t.match(log, SERVER.version === '2.4' ? 'AH01617' : 'Password Mismatch', 'httpd writes its own lines as well');
  const found = counted(log);
  const times = (address: string) => found.filter((each) => each === address).length;
  t.equal(times('127.0.0.2'), 10, 'each guess');
  t.equal(times('127.0.0.3'), 0, 'nobody who has the right password');
  t.equal(times('127.0.0.4'), 2 * 4 * NAMES.length, 'each guess of the forger');
  t.same([...new Set(found)].sort(), ['127.0.0.2', '127.0.0.4'], 'and no address from a name');
});

t.test('the port after an IPv6 address is not taken for a part of it', (t) => {
  const line = (client: string) =>
    `[Sat Nov 28 19:03:33.123456 2026] [authnz_django:error] [pid 7:tid 9] [client ${client}:8080] authentication denied: wrong-password: client ${client}, site (default), user 'x'\n`;
  t.same(counted(line('2001:db8::1') + line('2001:db8:1:2:3:4:5:6')), ['2001:db8::1', '2001:db8:1:2:3:4:5:6']);
  t.end();
});

t.test('fail2ban accepts the jail', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'djauthd-f2b-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  cpSync('/etc/fail2ban', directory, { recursive: true });
  cpSync(FAIL2BAN, directory, { recursive: true });
  const { status, stdout, stderr } = spawnSync('fail2ban-client', ['-c', directory, '-d'], { encoding: 'utf8' });
  t.equal(status, 0, stderr);
  t.match(stdout, /\['add', 'djauthd'/);
  t.match(stdout, /\['multi-set', 'djauthd', 'addfailregex'|\['set', 'djauthd', 'addfailregex'/);
  t.end();
});
