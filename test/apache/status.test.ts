import { spawnSync } from 'node:child_process';
import { chmodSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { encodeFrame } from '../../protocol/codec.ts';
import type { Reply } from '../../protocol/reply.ts';
import { publicDirectory, startApache } from '../fixtures/apache.ts';
import { type Behaviour, denied, fakeDaemon, GRANTED, unknownUser } from '../fixtures/fake-daemon.ts';
import { MPM, MPMS, SERVER } from '../fixtures/httpd.ts';

const PROVIDER = 'AuthBasicProvider django';
const HANDLER = 'PythonAuthenHandler django.contrib.auth.handlers.modpython';

const section = (path: string, lines: string): string =>
  `<Location "${path}">\nAuthType Basic\nAuthName "${path}"\nRequire valid-user\n${lines}\n</Location>\n`;

const busy = (reason: string, retry_after: number): Reply => ({ status: 3, content: { reason, retry_after } });
const failing = (status: 4 | 5, reason = 'the database is away'): Reply => ({ status, content: { reason } });

/** What the daemon does, and the status. `off`: with AuthBasicAuthoritative Off and no other provider. */
const OUTCOMES: Record<string, { does: Behaviour; status: number; off: number; retryAfter?: string; logged: RegExp }> =
  {
    granted: { does: GRANTED, status: 200, off: 200, logged: /^/ },
    denied: {
      does: denied(),
      status: 401,
      off: 401,
      logged: /authentication denied: wrong-password: .* user 'denied'/,
    },
    inactive: { does: denied('inactive'), status: 401, off: 401, logged: /denied: inactive: .* user 'inactive'/ },
    unknown: {
      does: unknownUser,
      status: 401,
      off: SERVER.unknownUserStatus,
      logged: /denied: unknown-user: client 127/,
    },
    full: {
      does: busy('queue-full', 7),
      status: 503,
      off: 503,
      retryAfter: '7',
      logged: /djauthd is busy: queue-full/,
    },
    throttled: { does: busy('throttled', 60), status: 429, off: 429, retryAfter: '60', logged: /is busy: throttled/ },
    fault: {
      does: failing(4),
      status: 500,
      off: 500,
      logged: /authentication failed: client 127.*, site .*: no verdict from djauthd at .*: the database is away/,
    },
    'bad-request': { does: failing(5, 'it is bad'), status: 500, off: 500, logged: /no verdict .*: .*it is bad/ },
    // Its id may be that of another question: a fault in either case.
    'unknown-status': { does: encodeFrame([1, 1, 6, {}]), status: 500, off: 500, logged: /no verdict/ },
    // The daemon did not answer: it may answer a repeated request.
    closed: { does: 'close', status: 503, off: 503, retryAfter: '5', logged: /no verdict.*closed the connection/ },
    silent: { does: 'silence', status: 503, off: 503, retryAfter: '5', logged: /no verdict.*timed out after/ },
    garbage: { does: Buffer.from('HTTP/1.1 200 OK\r\n\r\n'), status: 500, off: 500, logged: /no verdict/ },
  };

t.test('the status of each verdict and each fault', async (t) => {
  const daemon = await fakeDaemon(({ user }) => OUTCOMES[user]?.does ?? denied());
  const apache = await startApache(
    `DjangoAuthSocket ${daemon.socket}
    DjangoAuthTimeout 300ms
    ${section('/provider', PROVIDER)}
    ${section('/handler', HANDLER)}
    ${section('/off', `${PROVIDER}\nAuthBasicAuthoritative Off`)}
    ${section('/old', `${HANDLER}\nAuthUserFile /dev/null\nAuthBasicAuthoritative Off`)}
    ${section('/document', `${PROVIDER}\nErrorDocument 500 /sorry.html\nErrorDocument 401 /login.html`)}`,
    {
      logLevel: 'debug',
      files: Object.fromEntries(
        ['provider/', 'handler/', 'off/', 'old/', 'document/', 'sorry.html', 'login.html'].map((path) => [
          path.endsWith('/') ? `${path}index.html` : path,
          `this is ${path}`,
        ]),
      ),
    },
  );
  t.teardown(async () => {
    await apache.stop();
    await daemon.remove();
  });

  for (const [user, { does, status, off, retryAfter, logged }] of Object.entries(OUTCOMES)) {
    for (const path of ['/provider/', '/handler/', '/old/', '/off/']) {
      daemon.asked.length = 0;
      const before = apache.errorLog().length;
      const response = await apache.get(path, { user, password: 'secret' });
      const expected = path === '/off/' ? off : status;
      t.equal(response.status, expected, `${user} at ${path}`);
      t.equal(response.headers['retry-after'], retryAfter, `${user} at ${path}: Retry-After`);
      t.equal(response.headers['www-authenticate'] !== undefined, expected === 401, `${user} at ${path}: challenge`);
      t.equal(response.body.includes('this is'), expected === 200, `${user} at ${path}: body`);
      t.match(apache.errorLog().slice(before), logged, `${user} at ${path}: log`);
      // A closed connection may have been stale, or the daemon may be restarting: it is retried twice.
      const limit = does === 'close' ? 3 : 1;
      t.ok(daemon.asked.length >= 1 && daemon.asked.length <= limit, `${user} at ${path}: asked once`);
      t.equal(daemon.asked[0]?.secret, 'secret');
    }
  }

  for (const path of ['/provider/', '/handler/', '/off/', '/old/']) {
    const before = daemon.asked.length;
    const response = await apache.get(path);
    t.equal(response.status, 401, `no credentials at ${path}`);
    t.equal(response.headers['www-authenticate'], `Basic realm="${path.slice(0, -1)}"`);
    const bearer = await apache.get(path, { headers: { authorization: 'Bearer granted' } });
    t.equal(bearer.status, 401, `another authentication scheme at ${path}`);
    t.equal(daemon.asked.length, before, 'the daemon is not asked');
  }

  const page = await apache.get('/provider/', { user: 'full' });
  t.match(page.body, '<h1>Service Unavailable</h1>', 'the page shows the status that is sent');
  t.equal(page.message, 'Service Unavailable');
  const many = await apache.get('/provider/', { user: 'throttled' });
  t.match(many.body, '<h1>Too Many Requests</h1>');
  const document = await apache.get('/document/', { user: 'full' });
  t.match(document, { status: 503, body: 'this is sorry.html', headers: { 'retry-after': '7' } }, 'ErrorDocument 500');
  t.equal((await apache.get('/document/', { user: 'fault' })).status, 500);
  const throttled = await apache.get('/document/', { user: 'throttled' });
  t.match(throttled, { status: 429, message: 'Too Many Requests', headers: { 'retry-after': '60' } });
  const login = await apache.get('/document/', { user: 'denied' });
  t.match(
    login,
    { status: 401, body: 'this is login.html', headers: { 'www-authenticate': /^Basic / } },
    'ErrorDocument 401',
  );
  t.match(apache.accessLog(), /full "GET \/provider\/ HTTP\/1.1" 503/, 'the access log has the status that is sent');
});

t.test('an unreachable daemon', async (t) => {
  const directory = publicDirectory();
  const refused = join(directory, 'refused.sock');
  // A process that is killed leaves a socket without a listener.
  const listen = `require('net').createServer().listen('${refused}', () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', listen]);
  chmodSync(refused, 0o666);
  const daemon = await fakeDaemon(() => GRANTED);
  chmodSync(daemon.socket, 0);
  const host = (name: string, socket: string): string => `<VirtualHost *>
      ServerName ${name}.test
      DjangoAuthSocket ${socket}
      ${section('/', PROVIDER)}
      ${section('/handler', HANDLER)}
      ${section('/off', `${PROVIDER}\nAuthBasicAuthoritative Off`)}
      ${section('/chain', 'AuthBasicProvider django file\nAuthUserFile /dev/null')}
    </VirtualHost>\n`;
  const sockets = {
    missing: [join(directory, 'missing.sock'), 503, /No such file or directory/],
    refused: [refused, 503, /refused/],
    // Waiting does not help: the administrator must act.
    forbidden: [daemon.socket, 500, /[Pp]ermission denied/],
    folder: [join(directory, 'no', 'such', 'folder'), 503, /No such file or directory/],
  } as const;
  const apache = await startApache(
    `DjangoAuthTimeout 1s\n${Object.entries(sockets)
      .map(([name, [path]]) => host(name, path))
      .join('')}`,
    { files: Object.fromEntries(['handler', 'off', 'chain'].map((path) => [`${path}/index.html`, 'inside'])) },
  );
  t.teardown(async () => {
    await apache.stop();
    await daemon.remove();
    rmSync(directory, { recursive: true });
  });

  for (const [name, [socket, status, reason]] of Object.entries(sockets)) {
    for (const path of ['/', '/handler/', '/off/', '/chain/']) {
      const before = apache.errorLog().length;
      const started = performance.now();
      const response = await apache.get(path, { user: 'alice', password: 'x', headers: { host: `${name}.test` } });
      t.equal(response.status, status, `${name} socket at ${path}`);
      t.equal(
        response.headers['retry-after'],
        status === 503 ? '5' : undefined,
        `${name} socket at ${path}: Retry-After`,
      );
      t.ok(performance.now() - started < 900, 'without waiting');
      const log = apache.errorLog().slice(before);
      t.match(log, SERVER.logged('error'));
      t.match(log, socket, 'the log names the socket');
      t.match(log, reason, 'and states the reason');
    }
  }
});

t.test('an invalid reply is a fault', async (t) => {
  const { vectors } = JSON.parse(readFileSync('protocol/vectors/nonsense.json', 'utf8')) as {
    vectors: { name: string; hex: string }[];
  };
  t.ok(vectors.length > 20);
  const replies = new Map<string, Behaviour>(vectors.map(({ name, hex }) => [name, Buffer.from(hex, 'hex')]));
  const ids: number[] = [];
  const daemon = await fakeDaemon(({ id, user }) => {
    ids.push(id);
    return replies.get(user) ?? GRANTED;
  });
  const mpm = MPMS.includes('prefork') ? 'prefork' : MPM;
  // The vectors answer request 1: a child that serves one connection sends request 1 each time.
  const apache = await startApache(
    `DjangoAuthSocket ${daemon.socket}
    DjangoAuthTimeout 300ms
    ${section('/', PROVIDER)}
    ${section('/handler', HANDLER)}`,
    {
      mpm,
      processes: `StartServers 4\nMaxConnectionsPerChild 1\n${
        mpm === 'prefork' ? 'MinSpareServers 4' : 'ThreadsPerChild 1\nMinSpareThreads 4\nMaxRequestWorkers 8'
      }`,
      files: { 'handler/index.html': 'inside' },
    },
  );
  t.teardown(async () => {
    await apache.stop();
    await daemon.remove();
  });

  for (const path of ['/', '/handler/']) {
    for (const { name } of vectors) {
      let response = await apache.get(path, { user: name, password: 'x' });
      // A child of 2.2's worker sometimes accepts a second connection.
      for (let tries = 0; ids.at(-1) !== 1 && tries < 50; tries++) {
        response = await apache.get(path, { user: name, password: 'x' });
      }
      t.equal(ids.at(-1), 1, `${name} at ${path} answers request 1`);
      t.equal(response.status, 500, `${name} at ${path}`);
    }
    t.equal((await apache.get(path, { user: 'alice' })).status, 200, 'a valid reply is accepted');
  }
});
