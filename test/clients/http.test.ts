import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { publicDirectory, startApache } from '../fixtures/apache.ts';
import { type Ran, run } from '../fixtures/hooks.ts';
import { serve } from '../fixtures/sample.ts';
import type { Person } from '../fixtures/site.ts';
import { createWorld } from '../fixtures/world.ts';

const password = 'secret';
const USERS: Person[] = [
  { username: 'alice', password, isStaff: true, groups: ['dev'], permissions: ['polls.can_vote'] },
  { username: 'bob', password },
  { username: 'staff', password, isStaff: true },
  { username: 'voter', password, permissions: ['polls.can_vote'] },
];
const CONTENT = Array.from({ length: 1000 }, (_, i) => `line ${i}`).join('\n');

t.test('static files', async (t) => {
  const { apache } = await serve(t, 'static-files.conf', USERS, (srv) => {
    mkdirSync(join(srv, 'files/drafts'), { recursive: true });
    writeFileSync(join(srv, 'files/page.txt'), CONTENT);
    writeFileSync(join(srv, 'files/drafts/new.txt'), 'draft');
  });
  const get = (path: string, user: string, headers = {}, method = 'GET') =>
    apache.get(path, { user, password, headers, method });
  const whole = await get('/files/page.txt', 'bob');
  t.same([whole.status, whole.body], [200, CONTENT]);
  const part = await get('/files/page.txt', 'bob', { range: 'bytes=10-19' });
  t.same([part.status, part.body], [206, CONTENT.slice(10, 20)]);
  const modified = { 'if-modified-since': whole.headers['last-modified'] ?? '' };
  t.equal((await get('/files/page.txt', 'bob', modified)).status, 304);
  t.equal((await get('/files/page.txt', 'bob', { 'if-none-match': whole.headers.etag })).status, 304);
  const head = await get('/files/page.txt', 'bob', {}, 'HEAD');
  t.same([head.status, head.body, head.headers['content-length']], [200, '', String(CONTENT.length)]);
  for (const headers of [{}, { range: 'bytes=10-19' }, modified] as Record<string, string>[]) {
    const refused = await apache.get('/files/page.txt', { user: 'bob', password: 'wrong', headers });
    t.equal(refused.status, 401);
    t.notMatch(refused.body, /line/);
  }
  t.equal((await get('/files/drafts/new.txt', 'alice')).body, 'draft');
  for (const name of ['bob', 'staff', 'voter']) t.equal((await get('/files/drafts/new.txt', name)).status, 401, name);
});

/** A certificate authority, a server certificate, and a client certificate for each name. */
function certificates(t: Test, ...names: string[]): string {
  const directory = mkdtempSync(join(tmpdir(), 'djauthd-k-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const openssl = (...words: string[]) => execFileSync('openssl', words, { cwd: directory, stdio: 'pipe' });
  const key = (name: string) => [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-keyout',
    `${name}.key`,
  ];
  openssl('req', '-x509', ...key('ca'), '-out', 'ca.crt', '-days', '2', '-subj', '/CN=ca');
  for (const name of ['127.0.0.1', ...names]) {
    openssl('req', ...key(name), '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    const extensions = join(directory, 'extensions');
    writeFileSync(extensions, name === '127.0.0.1' ? 'subjectAltName=IP:127.0.0.1\n' : 'extendedKeyUsage=clientAuth\n');
    const signed = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', extensions];
    openssl('x509', '-req', '-in', `${name}.csr`, ...signed, '-out', `${name}.crt`);
  }
  return directory;
}

t.test('HTTP/2, and client certificates', async (t) => {
  const keys = certificates(t, 'alice', 'bob', 'nobody');
  const directory = publicDirectory();
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const world = await createWorld(t, USERS, { daemon: { directory, listen: 'group = "www-data"' } });
  const apache = await startApache(
    `DjangoAuthSocket "${world.daemon.socket}"
     Protocols h2 http/1.1
     SSLEngine on
     SSLCertificateFile "${keys}/127.0.0.1.crt"
     SSLCertificateKeyFile "${keys}/127.0.0.1.key"
     SSLCACertificateFile "${keys}/ca.crt"
     SSLVerifyClient optional
     SSLUserName SSL_CLIENT_S_DN_CN
     <Location "/password/">
       AuthType Basic
       AuthName x
       AuthBasicProvider django
       DjangoRequireStaffStatus Off
       Require valid-user
     </Location>
     <Location "/certificate/">
       AuthType None
       Require django-group dev
     </Location>`,
    {
      load: ['socache_shmcb', 'ssl', 'http2'],
      files: { 'password/page.txt': 'by password', 'certificate/page.txt': 'by certificate' },
    },
  );
  t.teardown(() => apache.stop());
  const curl = (path: string, ...words: string[]): Promise<Ran> => {
    const url = `https://127.0.0.1:${apache.port}${path}`;
    return run('curl', ['-sS', '--cacert', join(keys, 'ca.crt'), '-w', ' %{http_version} %{http_code}', ...words, url]);
  };
  const by = (name: string) => ['--http1.1', '--cert', join(keys, `${name}.crt`), '--key', join(keys, `${name}.key`)];

  t.equal((await curl('/password/page.txt', '--http2', '-u', `bob:${password}`)).out, 'by password 2 200');
  t.match((await curl('/password/page.txt', '--http2', '-u', 'bob:wrong')).out, / 2 401$/);
  const many = Array.from({ length: 30 }, () => `https://127.0.0.1:${apache.port}/password/page.txt`);
  const parallel = await run('curl', [
    ...['-sS', '--cacert', join(keys, 'ca.crt'), '--http2', '--parallel', '-u', `alice:${password}`],
    ...many,
  ]);
  t.equal(parallel.out, 'by password'.repeat(30), '30 streams of one connection');

  t.equal((await curl('/certificate/page.txt', ...by('alice'))).out, 'by certificate 1.1 200');
  t.match((await curl('/certificate/page.txt', ...by('bob'))).out, / 40[13]$/, 'not in the group');
  t.match((await curl('/certificate/page.txt', ...by('nobody'))).out, / 40[13]$/, 'unknown to Django');
  t.notMatch((await curl('/certificate/page.txt', '--http1.1')).out, /by certificate/, 'no certificate');
  world.site.update('alice', { isActive: false });
  await new Promise((resolve) => setTimeout(resolve, 1200));
  t.match(
    (await curl('/certificate/page.txt', ...by('alice'))).out,
    / 40[13]$/,
    'a valid certificate of a deactivated account',
  );
  await world.daemon.stop();
  t.match((await curl('/certificate/page.txt', ...by('alice'))).out, / 503$/, 'a fault is a fault');
  t.match(apache.accessLog(), / alice "GET \/certificate\/page\.txt/);
});
