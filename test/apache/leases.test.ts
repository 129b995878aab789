import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { type Apache, type ApacheOptions, configtest, HTDOCS, startApache } from '../fixtures/apache.ts';
import { waitFor } from '../fixtures/daemon.ts';
import { EpochFile, leasing } from '../fixtures/epoch-file.ts';
import { type Asked, type Behaviour, book, type Entry, type FakeDaemon, fakeDaemon } from '../fixtures/fake-daemon.ts';
import { MPM, MPMS, type Mpm, moduleFile, SERVER } from '../fixtures/httpd.ts';
import { findInMemory, readRegion, regionsOf } from '../fixtures/process-memory.ts';

const BASIC = 'AuthType Basic\nAuthName x\nAuthBasicProvider django';
const CGI =
  '#!/bin/sh\nprintf "Content-Type: text/plain\\r\\n\\r\\n"\nenv -0 | tr "\\n\\0" "~\\n" | grep -v ^REMOTE_PORT= | sort\n';

const ALICE: Entry = {
  ...{
    username: 'Alice',
    id: '7',
    password: 'x',
    email: 'alice@example.com',
    first_name: 'Al\nice',
    last_name: 'Lidd€ll',
  },
  ...{ staff: true, groups: ['Editors', 'a,b'], permissions: ['polls.can_vote'] },
};
const USERS: Record<string, Entry> = {
  alice: ALICE,
  Alice: ALICE,
  bob: { password: 'x', staff: true },
  tab: { ...ALICE, username: 'a\tb' },
  pupil: { password: 'x' },
  many: { ...ALICE, username: 'many', groups: Array.from({ length: 100 }, (_, at) => `group ${at}`) },
};

const judge = (asked: Asked): Behaviour =>
  asked.user === 'fault' ? { status: 4, content: { reason: 'away' } } : book(USERS)(asked);

/** A threaded httpd 2.2 has the other one of the two. */
const CGI_MODULE = existsSync(moduleFile('cgi')) ? 'cgi' : 'cgid';

/** Two children, so that one uses what another has kept. */
const processes = (mpm: Mpm): string =>
  mpm === 'prefork'
    ? 'StartServers 4\nMinSpareServers 4\nMaxSpareServers 4\nMaxRequestWorkers 4'
    : 'ServerLimit 2\nStartServers 2\nThreadsPerChild 4\nMinSpareThreads 1\nMaxSpareThreads 8\nMaxRequestWorkers 8';

interface World {
  daemon: FakeDaemon;
  epoch: EpochFile;
  apache: Apache;
  /** The status and the body for a user whose password is `x`, and the questions that the daemon was asked for it. */
  get(path: string, user?: string, password?: string): Promise<{ status: number; body: string; asked: Asked[] }>;
  /** A figure of mod_status. */
  figure(name: string): Promise<string | undefined>;
}

async function world(t: Test, lines = '', options: ApacheOptions = {}): Promise<World> {
  const daemon = await fakeDaemon(() => 'close');
  const epoch = new EpochFile(daemon.socket);
  daemon.behave(leasing(judge, epoch));
  const apache = await startApache(
    `DjangoAuthSocket ${daemon.socket}
    ${lines}
    AddHandler cgi-script .cgi
    ${CGI_MODULE === 'cgid' ? `ScriptSock "${HTDOCS}/../cgid.sock"` : ''}
    Options +ExecCGI
    <Location "/private">
      ${BASIC}
      Require valid-user
    </Location>
    <Location "/private/super">
      DjangoRequireSuperuserStatus On
    </Location>
    <Location "/private/voters">
      DjangoPermissionName polls.can_vote
    </Location>
    <Location "/private/typed">
      DjangoAuthCanonicalUser Off
    </Location>
    <Location "/other">
      ${BASIC}
      DjangoSettingsModule other.settings
      Require valid-user
    </Location>
    <Location "/old">
      AuthType Basic
      AuthName x
      PythonAuthenHandler django.contrib.auth.handlers.modpython
      Require valid-user
    </Location>
    <Location "/editors">
      ${BASIC}
      DjangoRequireStaffStatus Off
      Require django-group Editors
    </Location>
    <Location "/server-status">
      SetHandler server-status
    </Location>`,
    {
      processes: processes(options.mpm ?? MPM),
      load: [CGI_MODULE],
      files: {
        'private/page.html': 'in',
        ...Object.fromEntries(
          ['.', 'private', 'private/super', 'private/voters', 'private/typed', 'other', 'old', 'editors'].map(
            (path) => [path === '.' ? 'ready.cgi' : `${path}/env.cgi`, CGI],
          ),
        ),
      },
      ...options,
    },
  );
  t.teardown(async () => {
    await apache.stop();
    await daemon.remove();
  });
  // mod_cgid's own process may start later than the server.
  await waitFor(async () => (await apache.get('/ready.cgi')).status === 200);
  return {
    ...{ daemon, epoch, apache },
    async get(path, user = 'alice', password = 'x') {
      daemon.asked.length = 0;
      const { status, body } = await apache.get(`${path}/env.cgi`, { user, password });
      return { status, body, asked: [...daemon.asked] };
    },
    async figure(name) {
      const { body } = await apache.get('/server-status?auto');
      return new RegExp(`^DjauthdApache${name}: (.*)$`, 'm').exec(body)?.[1];
    },
  };
}

for (const mpm of MPMS) {
  t.test(`a grant on lease is used by all children, and is the same: ${mpm}`, async (t) => {
    const { get, figure, epoch } = await world(t, '', { mpm });
    for (const [path, questions] of [
      ['/private', 1],
      ['/private/voters', 1],
      ['/other', 1],
      ['/private/typed', 0], // the question of /private
      ['/old', 0],
    ] as const) {
      const first = await get(path);
      t.equal(first.status, 200, path);
      t.strictSame(
        first.asked.map(({ operation, lease, user }) => [operation, lease, user]),
        questions === 1 ? [['check', true, 'alice']] : [],
      );
      t.match(first.body, 'AUTHENTICATE_EMAIL=alice@example.com');
      t.match(first.body, path === '/private/typed' ? /^REMOTE_USER=alice$/m : /^REMOTE_USER=Alice$/m);
      for (let i = 0; i < 12; i++)
        t.strictSame(await get(path), { ...first, asked: [] }, 'the same without a question');
    }
    const first = await get('/editors');
    t.strictSame(
      first.asked.map(({ operation }) => operation),
      ['check', 'authorize'],
      'a Require line asks too',
    );
    for (let i = 0; i < 12; i++) t.strictSame(await get('/editors'), { ...first, asked: [] });
    for (const user of ['tab', 'many']) {
      const one = await get('/private', user);
      t.equal(one.status, 200);
      t.equal(one.asked.length, 1);
      const other = await get('/private', user);
      t.equal(other.body, one.body);
      t.equal(other.asked.length, user === 'many' ? 1 : 0, 'an account that is too large is asked about each time');
    }
    t.equal(await figure('Leases'), '4096');
    t.equal(await figure('LeasesUsed'), '6');
    t.equal(await figure('LeaseHits'), String(5 * 12 + 2 + 2 * 12 + 1));

    epoch.raise();
    t.equal((await get('/private')).asked.length, 1, 'the daemon has forgotten something');
    t.equal((await get('/private')).asked.length, 0);
    epoch.replace();
    t.equal((await get('/private')).asked.length, 0, 'a daemon that cannot raise it leaves leases to their time');
    epoch.write(0n);
    epoch.raise();
    for (let i = 0; i < 30; i++) await get('/other');
    t.equal((await get('/other')).asked.length, 0, 'every child has found the new file');
  });
}

t.test('what is not the same question is asked', async (t) => {
  const { get, daemon } = await world(t);
  await get('/private');
  t.match(await get('/private', 'alice', 'y'), { status: 401, asked: { length: 1 } }, 'another password');
  t.match(await get('/private', 'alice', ''), { status: 401, asked: { length: 1 } });
  t.match(
    await get('/private', 'alic', 'ex'),
    { status: 401, asked: { length: 1 } },
    'the same octets in another place',
  );
  t.match(await get('/private', 'bob'), { status: 200, asked: { length: 1 } }, 'another user');
  t.match(await get('/private/super'), { status: 401, asked: { length: 1 } }, 'another requirement');
  t.match(await get('/private/voters'), { status: 200, asked: { length: 1 } });
  t.match(await get('/other'), { status: 200, asked: [{ site: 'other.settings' }] }, 'another site');
  t.match(await get('/editors'), { status: 200, asked: [{ operation: 'check' }, { operation: 'authorize' }] });
  daemon.behave(({ user }) => (user === 'alice' ? { status: 1, content: { reason: 'wrong-password' } } : 'close'));
  for (const path of ['/private', '/private/voters', '/other', '/editors']) {
    t.match(await get(path), { status: 200, asked: { length: 0 } }, `${path} is still on lease`);
  }
  t.match(await get('/old'), { status: 200, asked: { length: 0 } }, 'PythonAuthenHandler asks the same question');
  t.match(await get('/private/super'), { status: 401, asked: { length: 1 } });
});

t.test('only grants are leased, and only those that the daemon leases', async (t) => {
  const { get, daemon, epoch, figure } = await world(t);
  for (const [path, user, password, status] of [
    ['/private', 'alice', 'wrong', 401],
    ['/private', 'nobody', 'x', 401],
    ['/private', 'pupil', 'x', 401],
    ['/private', 'fault', 'x', 500],
    ['/editors', 'pupil', 'x', 401],
  ] as const) {
    for (let i = 0; i < 3; i++) {
      const answer = await get(path, user, password);
      t.equal(answer.status, status);
      // A user who is none of the editors has a right password.
      t.equal(answer.asked.length, path === '/editors' && i === 0 ? 2 : 1, `${user}:${password} at ${path}`);
    }
  }
  t.equal(await figure('LeasesUsed'), '1');

  daemon.behave(leasing(judge, epoch, 0));
  for (let i = 0; i < 3; i++) t.equal((await get('/private')).asked.length, 1, 'a grant without a lease');
  daemon.behave(leasing(judge, { ...epoch, value: 77n } as EpochFile));
  for (let i = 0; i < 3; i++) t.equal((await get('/private')).asked.length, 1, 'a lease of an epoch that is not now');
  daemon.behave(leasing(judge, epoch, 400));
  const before = performance.now();
  t.equal((await get('/private')).asked.length, 1);
  const second = (await get('/private')).asked.length;
  if (performance.now() - before < 400) t.equal(second, 0);
  await sleep(450);
  t.equal((await get('/private')).asked.length, 1, 'a lease ends with its time');

  // The time counts from before the question is sent, not from when the answer comes.
  daemon.behave(leasing(judge, epoch, 200));
  await get('/other'); // connections are open
  const slow = leasing(judge, epoch, 200);
  daemon.behave((asked) => {
    const until = performance.now() + 250;
    while (performance.now() < until);
    return slow(asked);
  });
  t.equal((await get('/private/voters')).status, 200);
  daemon.behave(leasing(judge, epoch, 200));
  t.equal((await get('/private/voters')).asked.length, 1, 'a lease that is over when it comes');
});

t.test('where the epoch cannot be seen there are no leases, which is said once', async (t) => {
  const { get, apache, epoch } = await world(t);
  rmSync(epoch.path);
  epoch.value += 1n;
  for (let i = 0; i < 20; i++) t.match(await get('/private'), { status: 200, asked: { length: 1 } });
  const said =
    /DjangoAuthLeases: no leases, as .*auth\.sock\.epoch cannot be mapped: djauthd is asked for every request/g;
  t.equal(apache.errorLog().match(said)?.length, 1);
  t.match(apache.errorLog(), /No such file or directory/);
  epoch.raise();
  await waitFor(async () => (await get('/private')).asked.length === 0);
  t.pass('until it can be seen');
});

t.test('grants on lease are counted, and reported once', async (t) => {
  const { get, daemon, epoch } = await world(t);
  const leased = async (user = 'bob', path = '/private') =>
    (await get(path, user, `${Math.random()}`)).asked.map(({ leased }) => leased);
  t.match(await get('/private'), { asked: [{ leased: 0 }] });
  for (let i = 0; i < 5; i++) await get('/private');
  t.strictSame(await leased('bob', '/other'), [0], 'those of another site are told in another question');
  t.strictSame(await leased(), [5]);
  t.strictSame(await leased(), [0]);
  for (let i = 0; i < 3; i++) await get('/private');

  daemon.behave(() => 'close');
  t.equal((await get('/private', 'bob', 'y')).status, 503, 'no answer');
  await daemon.stop();
  t.equal((await get('/private', 'bob', 'y')).status, 503, 'no daemon');
  await daemon.start();
  daemon.behave(leasing(judge, epoch));
  await get('/private', 'bob', 'x'.repeat(5_000));
  t.ok((await get('/private', 'b'.repeat(1_025))).asked.length === 0, 'too long to be asked');
  await get('/private');
  t.strictSame(await leased(), [1], 'what was not told is told with the next question');
});

t.test('a daemon that knows no leases is asked without them', async (t) => {
  const { get, daemon, epoch } = await world(t, '', {
    processes: MPM === 'prefork' ? 'StartServers 1\nMaxRequestWorkers 1' : 'StartServers 1',
  });
  daemon.behave((asked) =>
    asked.lease ? { status: 5, content: { reason: 'unknown argument "lease"' } } : judge(asked),
  );
  t.match(await get('/private'), { status: 200, asked: [{ lease: true }, { lease: false, leased: 0 }] });
  for (let i = 0; i < 3; i++) t.match(await get('/private'), { status: 200, asked: [{ lease: false }] });
  daemon.behave(leasing(judge, epoch));
  t.match(await get('/private'), { status: 200, asked: [{ lease: false }] }, 'for a minute');
});

t.test('what every question makes no sense of is a fault', async (t) => {
  const { get, daemon } = await world(t);
  daemon.behave(() => ({ status: 5, content: { reason: 'what?' } }));
  for (let i = 0; i < 3; i++) t.equal((await get('/private')).status, 500);
});

t.test('DjangoAuthLeases', async (t) => {
  for (const [value, size] of [
    ['0', undefined],
    ['Off', undefined],
    ['off', undefined],
    ['1', '8'],
    ['100', '104'],
    ['65536', '65536'],
  ] as const) {
    const { get, figure } = await world(t, `DjangoAuthLeases ${value}`);
    t.equal(await figure('Leases'), size, value);
    const { asked } = await get('/private');
    t.equal(asked[0]?.lease, size !== undefined);
    t.equal((await get('/private')).asked.length, size === undefined ? 1 : 0);
  }
  for (const value of ['-1', 'x', '1.5', '5x', '65537', '99999999999999999999', 'On']) {
    const { code, stderr } = await configtest(`DjangoAuthLeases ${value}`);
    t.not(code, 0, value);
    t.match(
      stderr,
      `DjangoAuthLeases '${value}': invalid number; accepted: a number of leases up to 65536 such as 4096, or Off`,
    );
  }
  const host = await configtest('<VirtualHost *>\nDjangoAuthLeases 5\n</VirtualHost>');
  t.match(host.stderr, /DjangoAuthLeases (cannot occur within <VirtualHost>|not allowed here)/);
});

t.test('what other directives refuse stays refused', async (t) => {
  const { get } = await world(
    t,
    `<Location "/private/forbidden">
      DjangoRequireSuperuserStatus On
      DjangoForbidden On
    </Location>
    SetEnvIf Request_URI chosen DJANGO_SETTINGS_MODULE=other.settings
    <Location "/private/chosen">
      Require valid-user
    </Location>`,
    {
      files: Object.fromEntries(
        [
          'ready.cgi',
          ...['private', 'private/forbidden', 'private/chosen', 'other'].map((path) => `${path}/env.cgi`),
        ].map((path) => [path, CGI]),
      ),
    },
  );
  t.equal((await get('/private')).status, 200);
  t.equal((await get('/other')).status, 200);
  t.match(await get('/private/chosen'), { status: 500, asked: { length: 0 } }, 'the site is not taken from a variable');
  t.match(await get('/private/forbidden'), { status: 403, asked: { length: 1 } });
});

t.test(
  'Require not, subrequests and internal redirects with leases',
  { skip: !SERVER.compounds && 'httpd 2.2 has no "Require not"' },
  async (t) => {
    const banned = new Set(['banned']);
    let away = false;
    USERS.banned = { password: 'x', staff: true };
    const { get, apache, daemon, epoch } = await world(
      t,
      `<Location "/not">
        ${BASIC}
        <RequireAll>
          Require valid-user
          Require not django-group Banned
        </RequireAll>
      </Location>
      <Location "/none">
        ${BASIC}
        <RequireAll>
          Require valid-user
          <RequireNone>
            Require django-group Banned
          </RequireNone>
        </RequireAll>
      </Location>
      RewriteEngine On
      RewriteRule ^/private/moved/(.*) /private/super/$1 [PT]
      <Location "/private/super">
        DjangoRequireSuperuserStatus On
      </Location>
      AddOutputFilter INCLUDES .shtml
      Options +Includes`,
      {
        load: [CGI_MODULE, 'rewrite', 'include'],
        files: {
          'ready.cgi': CGI,
          'private/env.cgi': CGI,
          'private/super/env.cgi': CGI,
          'private/super/secret.txt': 'the secret',
          'private/shown.shtml': '<!--#include virtual="/private/super/secret.txt" -->',
          'not/env.cgi': CGI,
          'none/env.cgi': CGI,
        },
      },
    );
    const answers = leasing(judge, epoch);
    daemon.behave((asked) => {
      if (asked.operation !== 'authorize') return answers(asked);
      if (away) return { status: 4, content: { reason: 'away' } };
      if (!banned.has(asked.user)) return { status: 1, content: { reason: 'no-group' } };
      return answers({ ...asked, require: { ...asked.require, groups: [] } });
    });
    for (const path of ['/not', '/none']) {
      for (let i = 0; i < 6; i++) t.match(await get(path, 'banned'), { status: /40[13]/ }, `${path}: on lease or not`);
      t.equal((await get(path, 'banned')).asked.length, 0, 'that somebody is a member is leased, and refuses');
      for (let i = 0; i < 3; i++) t.equal((await get(path, 'bob')).status, 200);
      t.match(
        await get(path, 'bob'),
        { asked: [{ operation: 'authorize' }] },
        'that somebody is no member is never leased',
      );
      banned.add('bob');
      t.match(await get(path, 'bob'), { status: /40[13]/ }, 'so a new member is refused at once');
      banned.delete('bob');
      epoch.raise();
      t.equal((await get(path, 'bob')).status, 200);
      away = true;
      t.equal((await get(path, 'bob')).status, 500, 'a fault is no grant beside a lease for the password');
      away = false;
    }
    for (let i = 0; i < 3; i++) {
      t.equal((await get('/private')).status, 200);
      t.match(await get('/private/moved'), { status: 401 }, 'the lease of one section is none of another');
      const shown = await apache.get('/private/shown.shtml', { user: 'alice', password: 'x' });
      t.notMatch(shown.body, 'the secret', 'nor in a subrequest');
    }
  },
);

t.test('two virtual hosts with other sockets and sites share no lease', async (t) => {
  const one = await fakeDaemon(() => 'close');
  const other = await fakeDaemon(() => 'close');
  const epoch = new EpochFile(one.socket);
  const otherEpoch = new EpochFile(other.socket); // the same number
  one.behave(leasing(judge, epoch));
  other.behave(() => ({ status: 1, content: { reason: 'wrong-password' } }));
  const host = (name: string, lines: string) => `<VirtualHost *>
    ServerName ${name}
    ${lines}
    <Location "/">
      ${BASIC}
      Require valid-user
    </Location>
  </VirtualHost>`;
  const apache = await startApache(
    `${host('a', `DjangoAuthSocket ${one.socket}\nDjangoSettingsModule a`)}
    ${host('b', `DjangoAuthSocket ${other.socket}\nDjangoSettingsModule a`)}
    ${host('c', `DjangoAuthSocket ${one.socket}\nDjangoSettingsModule c`)}
    ${host('d', `DjangoAuthSocket ${one.socket}\nDjangoSettingsModule a`)}`,
    { processes: processes(MPM) },
  );
  t.teardown(async () => {
    await apache.stop();
    await one.remove();
    await other.remove();
  });
  const status = async (name: string) =>
    (await apache.get('/', { user: 'alice', password: 'x', headers: { host: name } })).status;
  for (let i = 0; i < 8; i++) t.equal(await status('a'), 200);
  t.equal(one.asked.length, 1);
  for (let i = 0; i < 8; i++) t.equal(await status('b'), 401, 'another socket with the same site');
  t.equal(other.asked.length, 8);
  t.equal(await status('c'), 200, 'another site of the same socket');
  t.equal(one.asked.length, 2);
  t.equal(await status('d'), 200, 'the same socket and site');
  t.equal(one.asked.length, 2, 'share a lease');
  other.behave(leasing(judge, otherEpoch));
  t.equal(await status('b'), 200);
  epoch.raise();
  t.equal(await status('b'), 200);
  t.equal(other.asked.length, 9, 'the epoch of one socket ends no lease of another');
});

t.test('a graceful restart begins anew', async (t) => {
  const { get, apache, figure } = await world(t);
  for (let i = 0; i < 5; i++) await get('/private');
  t.equal(await figure('LeaseHits'), '4');
  await apache.graceful();
  await waitFor(async () => (await figure('LeaseHits').catch(() => undefined)) === '0');
  t.equal(await figure('LeasesUsed'), '0');
  t.equal((await get('/private')).asked.length, 1);
  t.equal((await get('/private')).asked.length, 0);
});

t.test('children that are killed at any moment harm no other', async (t) => {
  const { apache, daemon, epoch } = await world(t, 'DjangoAuthLeases 8', { logLevel: 'crit' });
  daemon.behave(leasing(judge, epoch, ({ user }) => (user === 'alice' ? 5 : 0)));
  const until = performance.now() + 5_000;
  const seen = new Map<number, number>();
  const ask = async (user: string, password: string, right: number) => {
    while (performance.now() < until) {
      // A child that is killed closes its connections.
      const status = (await apache.get('/private/page.html', { user, password }).catch(() => undefined))?.status;
      if (status !== undefined) seen.set(status, (seen.get(status) ?? 0) + 1);
      if (status !== undefined && status !== right) t.fail(`${user}:${password} has ${status}`);
    }
  };
  const all = [
    ...[1, 2, 3].map(() => ask('alice', 'x', 200)),
    ...[1, 2].map((i) => ask('alice', `wrong ${i}`, 401)),
    ask('bob', 'x', 200),
  ];
  let killed = 0;
  while (performance.now() < until) {
    await sleep(60);
    const children = apache.children();
    const child = children[killed % children.length];
    if (!child) continue; // 0 would be this process and all its own
    process.kill(child, 'SIGKILL');
    killed++;
  }
  await Promise.all(all);
  t.ok(killed > 5 && (seen.get(200) ?? 0) > 20, `${killed} killed, ${seen.get(200)} granted, ${seen.get(401)} denied`);
  daemon.behave(leasing(judge, epoch));
  await waitFor(async () => {
    daemon.asked.length = 0;
    const answer = await apache.get('/private/page.html', { user: 'alice', password: 'x' }).catch(() => undefined);
    return answer?.status === 200 && daemon.asked.length === 0;
  });
  t.pass('and leases are used afterwards');
});

t.test('the memory of a child shows no password', { skip: process.getuid?.() !== 0 && 'needs root' }, async (t) => {
  const { apache, daemon } = await world(t, '', {
    processes:
      MPM === 'prefork'
        ? 'StartServers 1\nMinSpareServers 1\nMaxSpareServers 1\nMaxRequestWorkers 1'
        : 'ServerLimit 1\nStartServers 1\nThreadsPerChild 1\nMinSpareThreads 1\nMaxSpareThreads 1\nMaxRequestWorkers 1',
  });
  const password = randomBytes(12).toString('hex');
  USERS.secretive = {
    ...ALICE,
    username: 'secretive',
    password,
    email: `${randomBytes(8).toString('hex')}@example.com`,
  };
  const ask = async (user: string, secret: string, path = '/private/env.cgi') => {
    for (let i = 0; i < 5; i++) t.equal((await apache.get(path, { user, password: secret })).status, 200);
  };
  daemon.asked.length = 0;
  await ask('secretive', password);
  await ask('secretive', password, '/editors/env.cgi');
  t.equal(daemon.asked.length, 3, 'the others were on lease');
  // httpd's own memory of a request, which has its headers, is used again for the next ones.
  USERS.other = { ...ALICE, username: 'other', password: 'y'.repeat(password.length) };
  for (let i = 0; i < 10; i++) await ask('other', USERS.other.password as string);

  const [child] = apache.children() as [number];
  const table = regionsOf(child).filter(({ name, size }) => name.startsWith('/dev/zero') && size > 4096 * 768);
  t.equal(table.length, 1, 'the table');
  const memory = readRegion(child, table[0] as never);
  t.ok(memory.includes(USERS.secretive.email as string), 'an account is found there');
  t.notOk(memory.includes(password), 'a password is not');
  t.strictSame(findInMemory(child, Buffer.from(password)), [], 'nor is it anywhere else');
  const start = table[0]?.start.toString(16);
  const mapped = readFileSync(`/proc/${child}/smaps`, 'utf8').split(/^(?=[0-9a-f]+-)/m);
  const flags = /VmFlags: (.*)/.exec(mapped.find((one) => one.startsWith(`${start}-`)) ?? '')?.[1]?.split(' ');
  t.ok(flags?.includes('dd'), 'the table is in no core file');
});

t.test('mod_status shows the leases', async (t) => {
  const { get, apache } = await world(t, SERVER.version === '2.2' ? '' : 'ExtendedStatus On');
  for (let i = 0; i < 4; i++) await get('/private');
  const text = (await apache.get('/server-status?auto')).body;
  t.match(
    text,
    /^DjauthdApacheLeases: 4096\nDjauthdApacheLeasesUsed: 1\nDjauthdApacheLeaseHits: 3\nDjauthdApacheLeaseHitRatio: 0\.750$/m,
  );
  const page = (await apache.get('/server-status')).body;
  t.match(page, '<dt>ApacheLeases: 4096</dt>');
  t.match(page, '<dt>ApacheLeaseHitRatio: 0.750</dt>');
});
