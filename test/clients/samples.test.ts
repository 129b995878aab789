import { readdirSync, rmSync } from 'node:fs';
import https from 'node:https';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Apache, configtest, MODULE, publicDirectory, startApache } from '../fixtures/apache.ts';
import { certificates } from '../fixtures/certificates.ts';
import { connect } from '../fixtures/client.ts';
import { startDaemon } from '../fixtures/daemon.ts';
import { freePort } from '../fixtures/free-port.ts';
import { sample } from '../fixtures/sample.ts';
import { createSite, type Person } from '../fixtures/site.ts';

const password = 'secret';

/** Samples that the tests of their clients serve. */
const ELSEWHERE = ['static-files.conf', 'subversion.conf', 'webdav.conf', 'git.conf', 'fail2ban'];

/** Serves a sample, with a daemon that has these sites. */
async function serve(t: Test, name: string, sites: Record<string, Person[]>, files: Record<string, string>) {
  const directory = publicDirectory();
  const databases = Object.entries(sites).map(([site, users], at) => {
    const made = createSite(join(directory, `${at}.sqlite3`), users, {
      groups: { Authors: [], Reviewers: [], admins: [] },
    });
    t.teardown(() => made.close());
    return `[sites."${site}"]\ndatabase = "${made.url}"`;
  });
  const daemon = await startDaemon({ directory, listen: 'group = "www-data"', config: databases.join('\n') });
  const apache = await startApache(`DjangoAuthSocket "${daemon.socket}"\n${sample(name, directory)}`, { files });
  t.teardown(async () => {
    await apache.stop();
    await daemon.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  return apache;
}

const asks =
  (apache: Apache) =>
  async (path: string, user: string, word = password) =>
    (await apache.get(path, { user, password: word })).status;

t.test('several sites', async (t) => {
  const shop = [
    { username: 'alice', password, isStaff: true },
    { username: 'sam', password },
  ];
  const wiki = [
    { username: 'alice', password: 'other', isStaff: true },
    { username: 'wilma', password, isStaff: true, groups: ['Authors'] },
  ];
  const files = { 'shop/x.txt': 'x', 'wiki/x.txt': 'x', 'both/x.txt': 'x' };
  const ask = asks(await serve(t, 'several-sites.conf', { 'shop.settings': shop, 'wiki.settings': wiki }, files));
  t.equal(await ask('/shop/x.txt', 'alice'), 200);
  t.equal(await ask('/shop/x.txt', 'sam'), 401, 'not staff');
  t.equal(await ask('/shop/x.txt', 'wilma'), 401, 'a user of the other site');
  t.equal(await ask('/wiki/x.txt', 'wilma'), 200);
  t.equal(await ask('/wiki/x.txt', 'alice'), 401, "the other site's password");
  t.equal(await ask('/wiki/x.txt', 'alice', 'other'), 401, 'not in the group');
  t.equal(await ask('/both/x.txt', 'alice'), 200);
  t.equal(await ask('/both/x.txt', 'wilma'), 200, 'known to the second site only');
  t.equal(await ask('/both/x.txt', 'alice', 'other'), 401, 'known to the first site, not tried at the second');
});

t.test('from mod_python', async (t) => {
  const users = [
    { username: 'staff', password, isStaff: true },
    { username: 'voter', password, permissions: ['polls.can_vote'] },
  ];
  const files = { 'example/x.txt': 'x', 'example/votes/x.txt': 'x' };
  const ask = asks(await serve(t, 'from-mod_python.conf', { 'mysite.settings': users }, files));
  t.equal(await ask('/example/x.txt', 'staff'), 200);
  t.equal(await ask('/example/x.txt', 'staff', 'wrong'), 401);
  t.equal(await ask('/example/x.txt', 'voter'), 401);
  t.equal(await ask('/example/votes/x.txt', 'voter'), 200);
  t.equal(await ask('/example/votes/x.txt', 'staff'), 401);
});

t.test('from mod_wsgi', async (t) => {
  const users = [
    { username: 'anna', password, groups: ['admins'] },
    { username: 'bert', password },
    { username: 'gone', password, isActive: false },
  ];
  const files = { 'secret/x.txt': 'x', 'secret/admins/x.txt': 'x' };
  const ask = asks(await serve(t, 'from-mod_wsgi.conf', { 'mysite.settings': users }, files));
  t.equal(await ask('/secret/x.txt', 'bert'), 200);
  t.equal(await ask('/secret/x.txt', 'gone'), 401);
  t.equal(await ask('/secret/admins/x.txt', 'anna'), 200);
  t.equal(await ask('/secret/admins/x.txt', 'bert'), 401);
});

t.test('the files that a2enmod enables', async (t) => {
  const directory = publicDirectory();
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const daemon = await startDaemon({ directory, config: '[sites.site]\ndatabase = "sqlite:///nowhere"' });
  t.teardown(() => daemon.stop());
  (await connect(daemon.socket)).close();
  const load = sample('authnz_django.load', directory).replace(/\/usr\/lib\S*mod_authnz_django\.so/, MODULE);
  const config = sample('authnz_django.conf', directory).replaceAll('/run/djauthd/auth.sock', daemon.socket);
  const { code, stderr } = await configtest(`${load}\n${config}`, { without: ['django'] });
  t.match(stderr, /Syntax OK/);
  t.notMatch(stderr, /warn|authnz_django/i);
  t.equal(code, 0);
});

t.test('a virtual host with TLS: nothing is asked for a password without', async (t) => {
  const directory = publicDirectory();
  const site = createSite(join(directory, 'db.sqlite3'), [{ username: 'alice', password }]);
  const config = `[sites."mysite.settings"]\ndatabase = "${site.url}"`;
  const daemon = await startDaemon({ directory, listen: 'group = "www-data"', config });
  const { cert, key } = certificates(t);
  const [port, plain] = [await freePort(), await freePort()];
  const text = sample('tls.conf', directory)
    .replace('*:443', `*:${port}`)
    .replace('*:80', `*:${plain}`)
    .replace(/"[^"]*fullchain.pem"/, cert)
    .replace(/"[^"]*privkey.pem"/, key)
    .replace('"/var/www/html"', '@HTDOCS@');
  const apache = await startApache(`Listen 127.0.0.1:${plain}\nDjangoAuthSocket "${daemon.socket}"\n${text}`, {
    port,
    load: ['socache_shmcb', 'ssl'],
    files: { 'reports/x.txt': 'inside' },
  });
  t.teardown(async () => {
    await apache.stop();
    await daemon.stop();
    site.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const get = (auth?: string) =>
    new Promise<number | undefined>((resolve, reject) => {
      const headers = { host: 'files.example.com' };
      const options = { host: '127.0.0.1', port, path: '/reports/x.txt', rejectUnauthorized: false, headers };
      https
        .get({ ...options, ...(auth === undefined ? {} : { auth }) }, ({ statusCode }) => resolve(statusCode))
        .on('error', reject);
    });
  t.same([await get(), await get('alice:wrong'), await get(`alice:${password}`)], [401, 401, 200]);
  const response = await fetch(`http://127.0.0.1:${plain}/reports/x.txt`, { redirect: 'manual' });
  t.equal(response.status, 301);
  t.equal(response.headers.get('location'), 'https://files.example.com/reports/x.txt');
  t.equal(response.headers.get('www-authenticate'), null);
});

t.test('every sample has a test', async (t) => {
  const here = [
    'authnz_django.conf',
    'authnz_django.load',
    'several-sites.conf',
    'from-mod_python.conf',
    'from-mod_wsgi.conf',
    'tls.conf',
  ];
  const all = readdirSync(join(import.meta.dirname, '../../client-c/conf'));
  t.same(all.sort(), [...here, ...ELSEWHERE].sort());
});
