import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { configtest, MODULE, publicDirectory, startApache } from '../fixtures/apache.ts';
import { book, type Entry, fakeDaemon } from '../fixtures/fake-daemon.ts';
import { moved } from '../fixtures/sample.ts';

const ROOT = join(import.meta.dirname, '../..');
const PAGES = ['README.md', ...readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`)].filter((name) =>
  name.endsWith('.md'),
);

interface Block {
  page: string;
  heading: string;
  text: string;
}

/** The ```apache blocks of a page, each with the heading above it. */
function blocks(page: string): Block[] {
  const found: Block[] = [];
  let heading = '';
  for (const [, title, text] of readFileSync(join(ROOT, page), 'utf8').matchAll(
    /^#+ (.*)$|^ *```apache\n([\s\S]*?)^ *```/gm,
  )) {
    if (title !== undefined) heading = title;
    else found.push({ page, heading, text: text ?? '' });
  }
  return found;
}

/** What the blocks need in addition to the usual modules. */
const LOAD = [
  ...['dav', 'dav_fs', 'dav_lock', 'dav_svn', 'authz_svn', 'cgi', 'include', 'rewrite', 'proxy', 'proxy_http'],
  ...['socache_shmcb', 'ssl'],
];

/** The block with the module under test and with /srv in another place. */
const placed = (text: string, srv: string): string =>
  moved(text.replace(/^ *LoadModule authnz_django_module .*$/m, ''), srv);

/** A directory in the place of /srv, with what the blocks name. */
function createSrv(): string {
  const srv = publicDirectory();
  for (const name of ['files/drafts', 'dav', 'dav-locks', 'svn', 'tls'])
    mkdirSync(join(srv, name), { recursive: true });
  for (const name of ['files/page.txt', 'files/drafts/page.txt', 'dav/page.txt']) writeFileSync(join(srv, name), name);
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=127.0.0.1'],
      ...['-keyout', join(srv, 'tls/server.key'), '-out', join(srv, 'tls/server.crt')],
    ],
    { stdio: 'pipe' },
  );
  execFileSync('cp', [join(srv, 'tls/server.crt'), join(srv, 'tls/ca.crt')]);
  execFileSync('chown', ['-R', 'www-data:', srv]);
  return srv;
}

t.test('httpd accepts every block of configuration', async (t) => {
  const srv = createSrv();
  t.teardown(() => rmSync(srv, { recursive: true, force: true }));
  const all = PAGES.flatMap(blocks);
  t.ok(all.length >= 15, `${all.length} blocks`);
  for (const { page, heading, text } of all) {
    const own = text.includes('LoadModule authnz_django_module');
    const load = own ? `LoadModule authnz_django_module "${MODULE}"\n` : '';
    const options = { load: LOAD, ...(own ? { without: ['django'] } : {}) };
    let { code, stderr } = await configtest(load + placed(text, srv), options);
    // A block may be a part of a section.
    if (code !== 0) ({ code, stderr } = await configtest(`<Location "/">\n${placed(text, srv)}</Location>`, options));
    t.equal(code, 0, `${page}, ${heading}: ${stderr}`);
    t.notMatch(stderr, /unknown|invalid/i, `${page}, ${heading}`);
  }
});

const USERS: Record<string, Entry> = {
  staff: { staff: true },
  plain: { email: 'plain@example.com', groups: ['a,b'] },
  boss: { superuser: true },
  viewer: { staff: true, permissions: ['reports.view_report'] },
  developer: { groups: ['Developers'] },
  editor: { groups: ['Editors'] },
  member: { groups: ['team'] },
  voter: { staff: true, permissions: ['polls.can_vote'] },
  poster: { permissions: ['board.post'] },
  banned: { permissions: ['board.post'], groups: ['Banned'] },
  writer: { permissions: ['files.change_file'] },
  admin: {},
  committer: { permissions: ['svn.commit'] },
};

/** Each page of docs/apache.md: who is granted, by path. The password is the username. */
const GRANTED: Record<string, string[]> = {
  '/reports/x.txt': ['viewer'],
  '/svn/x.txt': ['developer', 'boss'],
  '/wiki/team/x.txt': ['editor', 'member'],
  '/board/x.txt': ['poster', 'boss'],
  '/files/page.txt': Object.keys(USERS),
  '/files/drafts/page.txt': ['voter'],
  '/dav/page.txt': Object.keys(USERS),
  '/shop/x.txt': ['staff', 'viewer', 'voter'],
  '/example/x.txt': Object.keys(USERS),
  '/repos/x.txt': ['boss', 'committer'],
  '/secret/x.txt': Object.keys(USERS),
  '/mixed/x.txt': ['editor', 'admin'],
};

t.test('the blocks of docs/apache.md do what the page says', async (t) => {
  const srv = createSrv();
  const asked: http.IncomingHttpHeaders[] = [];
  const backend = http.createServer((request, response) => {
    asked.push(request.headers);
    response.end('proxied');
  });
  await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve));
  const daemon = await fakeDaemon(book(USERS));
  // Client certificates need TLS and Subversion a repository: http.test.ts and svn.test.ts serve those.
  const served = blocks('docs/apache.md').filter(({ text }) => !/^SSL|DAV svn/m.test(text));
  const config = served
    .map(({ text }) => placed(text, srv))
    .join('\n')
    .replace('127.0.0.1:8000', `127.0.0.1:${(backend.address() as AddressInfo).port}`);
  const paths = Object.keys(GRANTED).filter((path) => path.endsWith('x.txt'));
  const apache = await startApache(`DjangoAuthSocket ${daemon.socket}\n${config}`, {
    load: LOAD,
    files: Object.fromEntries(paths.map((path) => [path, 'inside'])),
  });
  t.teardown(async () => {
    await apache.stop();
    await daemon.remove();
    backend.close();
    rmSync(srv, { recursive: true, force: true });
  });

  for (const [path, granted] of Object.entries(GRANTED)) {
    for (const user of Object.keys(USERS)) {
      const { status } = await apache.get(path, { user, password: user });
      t.equal(status, granted.includes(user) ? 200 : 401, `${user} at ${path}`);
    }
    const { status } = await apache.get(path, { user: granted[0] ?? '', password: 'wrong' });
    t.equal(status, 401, `a wrong password at ${path}`);
  }

  t.equal((await apache.get('/app/', { user: 'plain', password: 'plain' })).body, 'proxied');
  t.match(asked[0], { 'x-email': 'plain@example.com', 'x-groups': 'a%2Cb' });
  const put = async (user: string) =>
    (await apache.get(`/dav/${user}.txt`, { user, password: user, method: 'PUT', body: 'x' })).status;
  t.equal(await put('plain'), 401, 'WebDAV: reading is not writing');
  t.equal(await put('writer'), 201);
  t.equal((await apache.get('/django-status')).status, 403, 'the status page is not for this address');

  daemon.asked.length = 0;
  await apache.get('/example/x.txt', { user: 'plain', password: 'plain' });
  t.match(daemon.asked, [{ site: 'mysite.settings' }], 'the site of SetEnv');
  await daemon.stop();
  for (const path of Object.keys(GRANTED)) {
    t.equal((await apache.get(path, { user: 'boss', password: 'boss' })).status, 503, `no daemon at ${path}`);
  }
});
