import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { HTDOCS, startApache } from '../fixtures/apache.ts';
import { type Asked, type Behaviour, denied, fakeDaemon, GRANTED } from '../fixtures/fake-daemon.ts';
import { MPM, SERVER } from '../fixtures/httpd.ts';

const BASIC = 'AuthType Basic\nAuthName x\nRequire valid-user';
const HANDLER = 'PythonAuthenHandler django.contrib.auth.handlers.modpython';

/** A directory for a directory index: five files and a subdirectory. */
const tree = (path: string): Record<string, string> =>
  Object.fromEntries([1, 2, 3, 4, 5, 'sub/6'].map((name) => [`${path}/f${name}.txt`, 'text']));

const superuser = ({ require }: Asked): Behaviour => (require.superuser ? denied('not-superuser') : GRANTED);

t.test('one question for each client request', async (t) => {
  const daemon = await fakeDaemon(superuser);
  const apache = await startApache(
    `DjangoAuthSocket ${daemon.socket}
    DavLockDB "${HTDOCS}/lock"
    DirectoryIndex a.html b.html c.html
    Options +Indexes
    IndexOptions FancyIndexing
    <Location "/provider">
      ${BASIC}
      AuthBasicProvider django
    </Location>
    <Location "/handler">
      ${BASIC}
      ${HANDLER}
    </Location>
    <Directory "${HTDOCS}/folder">
      ${BASIC}
      AuthBasicProvider django
    </Directory>
    <Location "/provider/fsub">
      DjangoRequireSuperuserStatus On
    </Location>
    <Location "/dav">
      Dav On
      ${BASIC}
      AuthBasicProvider django
    </Location>
    <Location "/document">
      ${BASIC}
      AuthBasicProvider django
      ErrorDocument 404 /document/f1.txt
      ErrorDocument 401 /document/f2.txt
    </Location>`,
    {
      load: ['dav', 'dav_fs', 'dav_lock'],
      files: Object.assign({}, ...['provider', 'handler', 'folder', 'dav', 'document'].map(tree)),
    },
  );
  t.teardown(async () => {
    await apache.stop();
    await daemon.remove();
  });
  const count = async (path: string, method = 'GET', headers: Record<string, string> = {}, user = 'alice') => {
    daemon.asked.length = 0;
    const response = await apache.get(path, { user, password: 'x', method, headers });
    return { ...response, questions: daemon.asked.length };
  };

  for (const path of ['/provider', '/handler', '/folder']) {
    t.match(await count(`${path}/f1.txt`), { status: 200, questions: 1 }, `a file in ${path}`);
    const index = await count(`${path}/`);
    t.match(index, { status: 200 }, `an index of ${path}`);
    t.match(index.body, 'f5.txt');
    // The subdirectory of /provider has another requirement: that is another question.
    t.equal(index.questions, path === '/provider' ? 2 : 1, `questions for the index of ${path}`);
    t.equal(index.body.includes('fsub'), path !== '/provider', 'a file that is denied is not listed');
  }
  t.match(await count('/provider/fsub/6.txt'), { status: 401, questions: 1 });
  t.match(await count('/dav/', 'PROPFIND', { depth: '1' }), { status: 207, questions: 1 }, 'PROPFIND, depth 1');
  t.match(await count('/document/none'), { status: 404, questions: 1 }, 'an error page');

  daemon.behave(() => denied());
  t.match(await count('/provider/'), { status: 401, questions: 1 }, 'a denial');
  daemon.behave(() => ({ status: 4, content: { reason: 'away' } }));
  t.match(await count('/provider/'), { status: 500, questions: 1 }, 'a fault');
  daemon.behave(({ require }) => (require.superuser ? { status: 4, content: { reason: 'away' } } : GRANTED));
  const half = await count('/provider/');
  t.match(half, { status: 200, questions: 2 }, 'a fault for an entry');
  t.notMatch(half.body, 'fsub', 'an entry with a fault is not listed');
  t.equal(apache.errorLog().split('no verdict').length - 1, 2, 'each fault is logged once');

  daemon.behave(superuser);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  daemon.asked.length = 0;
  for (const secret of ['one', 'one', 'two']) {
    const { status } = await apache.get('/provider/f1.txt', { user: 'alice', password: secret, agent });
    t.equal(status, 200);
  }
  agent.destroy();
  t.strictSame(
    daemon.asked.map(({ secret }) => secret),
    ['one', 'one', 'two'],
    'no verdict is kept from one request of a connection to the next',
  );
});

t.test('a directory index waits for a silent daemon once, not once per file', async (t) => {
  const daemon = await fakeDaemon(({ require }) => (require.superuser ? 'silence' : GRANTED));
  const apache = await startApache(
    `DjangoAuthSocket ${daemon.socket}
    DjangoAuthTimeout 400ms
    Options +Indexes
    <Location "/">
      ${BASIC}
      AuthBasicProvider django
    </Location>
    <LocationMatch "\\.txt$">
      DjangoRequireSuperuserStatus On
    </LocationMatch>`,
    { files: tree('files') },
  );
  t.teardown(async () => {
    await apache.stop();
    await daemon.remove();
  });
  const started = performance.now();
  const { status } = await apache.get('/files/', { user: 'alice', password: 'x' });
  t.equal(status, 200);
  t.ok(performance.now() - started < 800, 'one timeout, not five');
  t.equal(daemon.asked.length, 2);
});

t.test('connections are kept, replaced after a restart of the daemon, and closed on a graceful restart', async (t) => {
  const daemon = await fakeDaemon(() => GRANTED);
  const apache = await startApache(
    `DjangoAuthSocket ${daemon.socket}
    <Location "/">
      ${BASIC}
      AuthBasicProvider django
    </Location>`,
    {
      processes:
        MPM === 'prefork'
          ? 'StartServers 1'
          : 'StartServers 1\nServerLimit 2\nThreadsPerChild 25\nMaxRequestWorkers 50',
    },
  );
  t.teardown(async () => {
    await apache.stop();
    await daemon.remove();
  });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const ask = async () => (await apache.get('/', { user: 'alice', password: 'x', agent })).status;
  for (let i = 0; i < 20; i++) t.equal(await ask(), 200);
  t.equal(daemon.connections, 1, 'twenty requests, one connection');

  await daemon.stop();
  await daemon.start();
  t.equal(await ask(), 200, 'the daemon was restarted between two requests of a connection');
  t.equal(daemon.connections, 2);

  await daemon.stop();
  t.equal(await ask(), 503, 'it is unavailable');
  await daemon.start();
  t.equal(await ask(), 200, 'it is back');

  // A graceful restart may close the client's keep-alive connection at any moment.
  agent.destroy();
  await apache.graceful();
  const fresh = async () => (await apache.get('/', { user: 'alice', password: 'x' })).status;
  t.equal(await fresh(), 200, 'after a graceful restart');
  t.equal(await fresh(), 200);
});

/** A repository with two directories of twenty files each, writable by Apache's children. */
function repository(directory: string): string {
  const path = join(directory, 'repository');
  const tree = join(directory, 'tree');
  for (const folder of ['open', 'closed']) {
    mkdirSync(join(tree, folder), { recursive: true });
    for (let n = 0; n < 20; n++) writeFileSync(join(tree, folder, `f${n}.txt`), `${folder} ${n}\n`);
  }
  execFileSync('svnadmin', ['create', path]);
  execFileSync('svn', ['import', '-q', '-m', 'first', tree, `file://${path}`]);
  execFileSync('chmod', ['-R', 'a+rwX', path]);
  return path;
}

/** With mod_authz_svn loaded, httpd checks every subrequest again; 2.2 does so without it. */
const OTHERS = SERVER.subversion
  ? ['dav', 'dav_fs', 'dav_lock', 'dav_svn', 'authz_svn']
  : ['dav', 'dav_fs', 'dav_lock'];

t.test('one question for each HTTP request with mod_authz_svn loaded', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'djauthd-svn-'));
  chmodSync(directory, 0o755);
  const daemon = await fakeDaemon(() => GRANTED);
  const rules = join(directory, 'rules');
  writeFileSync(rules, '[/]\nalice = rw\n[/closed]\n* =\n');
  const svn = `<Location "/svn">
      DAV svn
      SVNPath "${SERVER.subversion ? repository(directory) : ''}"
      AuthzSVNAccessFile "${rules}"
      ${BASIC}
      AuthBasicProvider django
    </Location>`;
  const apache = await startApache(
    `DjangoAuthSocket ${daemon.socket}
    DavLockDB "${HTDOCS}/lock"
    DirectoryIndex a.html b.html c.html
    Options +Indexes
    <Directory "${HTDOCS}/folder">
      ${BASIC}
      AuthBasicProvider django
    </Directory>
    <Location "/dav">
      Dav On
      ${BASIC}
      AuthBasicProvider django
    </Location>
    ${SERVER.subversion ? svn : ''}`,
    { load: OTHERS, files: { ...tree('folder'), ...tree('dav') } },
  );
  t.teardown(async () => {
    await apache.stop();
    await daemon.remove();
    rmSync(directory, { recursive: true, force: true });
  });
  const count = async (path: string, method = 'GET', headers: Record<string, string> = {}) => {
    daemon.asked.length = 0;
    const { status } = await apache.get(path, { user: 'alice', password: 'x', method, headers });
    return { status, questions: daemon.asked.length };
  };
  t.strictSame(await count('/folder/'), { status: 200, questions: 1 }, 'an index');
  t.strictSame(await count('/dav/', 'PROPFIND', { depth: '0' }), { status: 207, questions: 1 });
  t.strictSame(await count('/dav/', 'PROPFIND', { depth: '1' }), { status: 207, questions: 1 });

  if (SERVER.subversion) {
    daemon.asked.length = 0;
    const login = ['--username', 'ALICE', '--password', 'x', '--no-auth-cache', '--non-interactive'];
    const copy = join(directory, 'copy');
    const environment = { ...process.env, LC_ALL: 'C.UTF-8', HOME: directory };
    // Not execFileSync: the daemon runs in this process.
    const { stdout } = await promisify(execFile)('svn', ['checkout', ...login, `${apache.url}/svn`, copy], {
      env: environment,
    });
    t.match(stdout, 'open/f19.txt', 'the rules match the username as the database spells it');
    t.notMatch(stdout, 'closed/', 'what the rules deny is not checked out');
    const answered = apache.accessLog().match(/^\S+ \S+ "\w+ \/svn[^"]*" (?!401)\d+/gm) ?? [];
    t.ok(answered.length > 3);
    t.equal(daemon.asked.length, answered.length, 'one question for each authenticated HTTP request');
  }
});
