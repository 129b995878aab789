import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import t from 'tap';
import { type Apache, startApache } from '../fixtures/apache.ts';
import { type RunningDaemon, startDaemon, waitFor } from '../fixtures/daemon.ts';
import { createSite, type Person, type Site } from '../fixtures/site.ts';

const BASIC = 'AuthType Basic\nAuthName "example.com"';
const PROVIDER = 'AuthBasicProvider django';
const HANDLER = 'PythonAuthenHandler django.contrib.auth.handlers.modpython';

const ACCOUNTS: Person[] = [
  { username: 'staff', password: 'pw-staff', isStaff: true },
  { username: 'plain', password: 'pw-plain' },
  { username: 'gone', password: 'pw-gone', isStaff: true, isSuperuser: true, isActive: false },
  { username: 'boss', password: 'pw-boss', isStaff: true, isSuperuser: true },
  { username: 'chief', password: 'pw-chief', isSuperuser: true },
  { username: 'voter', password: 'pw-voter', isStaff: true, permissions: ['polls.can_vote'] },
  { username: 'member', password: 'pw-member', isStaff: true, groups: ['voters'] },
  { username: 'unusable', encoded: '!', isStaff: true },
  { username: 'zoë', password: 'pä:ß ', isStaff: true },
];

const ANY = 'DjangoRequireStaffStatus Off\n';

/** What each section requires, and which users meet it. */
const SECTIONS: Record<string, { lines: string; granted: string[] }> = {
  '/staff': { lines: '', granted: ['staff', 'boss', 'voter', 'member', 'zoë'] },
  '/all': {
    lines: 'DjangoRequireStaffStatus Off',
    granted: ['staff', 'plain', 'boss', 'chief', 'voter', 'member', 'zoë'],
  },
  '/super': { lines: 'DjangoRequireSuperuserStatus On', granted: ['boss'] },
  '/super-only': { lines: 'DjangoRequireStaffStatus Off\nDjangoRequireSuperuserStatus On', granted: ['boss', 'chief'] },
  '/perm': { lines: 'DjangoPermissionName polls.can_vote', granted: ['boss', 'voter', 'member'] },
  '/r-staff': { lines: `${ANY}Require django-staff`, granted: ['staff', 'boss', 'voter', 'member', 'zoë'] },
  '/r-super': { lines: `${ANY}Require django-superuser`, granted: ['boss', 'chief'] },
  '/r-group': { lines: `${ANY}Require django-group nobodies voters`, granted: ['member'] },
  '/r-perm': { lines: `${ANY}Require django-permission polls.can_vote`, granted: ['boss', 'chief', 'voter', 'member'] },
  '/r-both': { lines: 'Require django-group voters\nRequire django-superuser', granted: ['boss', 'member'] },
  '/perm-none': { lines: 'DjangoPermissionName polls.no_such_thing', granted: ['boss'] },
};

const passwordOf = (username: string): string => ACCOUNTS.find((p) => p.username === username)?.password ?? '';

const section = (path: string, lines: string): string =>
  `<Location "${path}">\n${BASIC}\n${lines}\n${lines.includes('Require django') ? '' : 'Require valid-user'}\n</Location>\n`;

interface World {
  apache: Apache;
  daemon: RunningDaemon;
  site: Site;
  /** The daemon's configuration with these sites. */
  configuration(sites: string[]): string;
  end(): Promise<void>;
}

/** Two sites in one daemon: `mysite.settings` with all users, `other.settings` with one user of its own. */
async function world(config: string, sites = ['mysite.settings']): Promise<World> {
  const directory = mkdtempSync(join(tmpdir(), 'djauthd-v-'));
  chmodSync(directory, 0o755);
  const site = createSite(join(directory, 'mysite.sqlite3'), ACCOUNTS, { groups: { voters: ['polls.can_vote'] } });
  const other = createSite(join(directory, 'other.sqlite3'), [
    { username: 'staff', password: 'pw-other', isStaff: true },
  ]);
  const urls: Record<string, string> = { 'mysite.settings': site.url, 'other.settings': other.url };
  const toml = (names: string[]): string =>
    `[cache]\naccount_ttl = "0s"\n${names.map((name) => `[sites."${name}"]\ndatabase = "${urls[name]}"`).join('\n')}`;
  const daemon = await startDaemon({ directory, listen: 'mode = "0666"', config: toml(sites) });
  const apache = await startApache(`DjangoAuthSocket ${daemon.socket}\nDjangoAuthTimeout 60s\n${config}`, {
    files: Object.fromEntries(['/staff', '/old', '/mine', '/other'].map((path) => [`${path}/index.html`, 'inside'])),
  });
  return {
    apache,
    daemon,
    site,
    configuration: toml,
    async end() {
      await apache.stop();
      await daemon.stop();
      site.close();
      other.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

t.test('every user in every section, by the provider and by the handler', async (t) => {
  const { apache, daemon, end } = await world(
    Object.entries(SECTIONS)
      .flatMap(([path, { lines }]) => [
        section(`${path}/provider`, `${PROVIDER}\n${lines}`),
        section(`${path}/handler`, `${HANDLER}\n${lines.replace(/^Django/gm, 'PythonOption Django')}`),
      ])
      .join(''),
  );
  t.teardown(end);
  for (const [path, { granted }] of Object.entries(SECTIONS)) {
    for (const method of ['provider', 'handler']) {
      for (const { username } of ACCOUNTS) {
        const where = `${path}/${method}/`;
        const right = await apache.get(where, { user: username, password: passwordOf(username) });
        // 404: granted, but the file does not exist.
        t.equal(right.status, granted.includes(username) ? 404 : 401, `${username} at ${where}`);
        const wrong = await apache.get(where, { user: username, password: `${passwordOf(username)}x` });
        t.equal(wrong.status, 401, `${username} at ${where} with a wrong password`);
      }
      t.equal((await apache.get(`${path}/${method}/`, { user: 'nobody', password: 'pw-staff' })).status, 401);
    }
  }
  t.match(apache.errorLog(), /authentication denied: not-staff: .* site \(default\), user 'plain'/);
  t.match(apache.errorLog(), /denied: inactive: .* user 'gone'/);
  t.match(apache.errorLog(), /denied: no-permission: .* user 'voter'/);
  t.match(apache.errorLog(), /denied: unknown-user: client /);
  t.match(
    daemon.lines().find((line) => line.service === 'apache'),
    { address: '127.0.0.1' },
    'the daemon logs the service and the address',
  );
});

t.test('changes in the database take effect at once', async (t) => {
  const { apache, site, end } = await world(section('/', PROVIDER));
  t.teardown(end);
  const ask = async (password: string) => (await apache.get('/', { user: 'staff', password })).status;
  t.equal(await ask('pw-staff'), 200);
  site.setPassword('staff', 'a new one');
  t.equal(await ask('pw-staff'), 401, 'the old password');
  t.equal(await ask('a new one'), 200, 'the new password');
  site.update('staff', { isStaff: false });
  t.equal(await ask('a new one'), 401, 'no longer of the staff');
  site.update('staff', { isStaff: true, isActive: false });
  t.equal(await ask('a new one'), 401, 'no longer active');
  site.update('staff', { isActive: true });
  t.equal(await ask('a new one'), 200);
  site.remove('staff');
  t.equal(await ask('a new one'), 401, 'deleted');
});

t.test('two sites are two sites', async (t) => {
  const sites = ['mysite.settings', 'other.settings'];
  const { apache, daemon, configuration, end } = await world(
    section('/mine', `${PROVIDER}\nDjangoSettingsModule mysite.settings`) +
      section('/other', `${HANDLER}\nSetEnv DJANGO_SETTINGS_MODULE other.settings`) +
      section('/unknown', `${HANDLER}\nPythonOption DJANGO_SETTINGS_MODULE third.settings`) +
      section('/unnamed', PROVIDER) +
      section('/by-header', `${PROVIDER}\nSetEnvIf X-Site "(.+)" DJANGO_SETTINGS_MODULE=$1`),
    sites,
  );
  t.teardown(end);
  const ask = async (path: string, password: string) => (await apache.get(path, { user: 'staff', password })).status;
  t.equal(await ask('/mine/', 'pw-staff'), 200);
  t.equal(await ask('/mine/', 'pw-other'), 401);
  t.equal(await ask('/other/', 'pw-other'), 200);
  t.equal(await ask('/other/', 'pw-staff'), 401);
  for (const password of ['pw-staff', 'pw-other', 'wrong']) {
    t.equal(await ask('/unknown/', password), 500, 'an unknown site');
    t.equal(await ask('/unnamed/', password), 500, 'no site named, with two configured');
  }
  for (const site of ['mysite.settings', 'K\xf6che', 'x'.repeat(5_000), 'mysite.settings\xff']) {
    const headers = { 'x-site': site };
    const { status } = await apache.get('/by-header/', { user: 'staff', password: 'pw-staff', headers });
    t.equal(status, 500, `a site of the request's: ${site.slice(0, 20)}`);
  }
  t.equal(await ask('/mine/', 'pw-staff'), 200);
  t.match(apache.errorLog(), /site third\.settings: no verdict from djauthd/);

  daemon.configure(configuration(['mysite.settings']), 'mode = "0666"');
  const before = daemon.log().length;
  daemon.signal('SIGHUP');
  await waitFor(() => daemon.log().length > before);
  await waitFor(async () => (await ask('/other/', 'pw-other')) === 500);
  t.equal(await ask('/other/', 'pw-staff'), 500, 'the only remaining site is not used for another');
  t.equal(await ask('/mine/', 'pw-staff'), 200);
});

t.test('the daemon is killed and restarted', async (t) => {
  const first = await world(section('/staff', PROVIDER) + section('/old', HANDLER));
  t.teardown(first.end);
  const { apache, daemon, configuration } = first;
  const ask = async (path: string) => (await apache.get(path, { user: 'staff', password: 'pw-staff' })).status;
  t.equal(await ask('/staff/'), 200);
  t.equal(await ask('/old/'), 200);
  daemon.signal('SIGKILL');
  await daemon.exited;
  t.equal(await ask('/staff/'), 503);
  t.equal(await ask('/old/'), 503);
  t.equal((await apache.get('/staff/', { user: 'staff', password: 'wrong' })).status, 503, 'no denial either');
  const again = await startDaemon({
    directory: dirname(daemon.socket),
    listen: 'mode = "0666"',
    config: configuration(['mysite.settings']),
  });
  t.equal(await ask('/staff/'), 200);
  t.equal(await ask('/old/'), 200);
  await again.stop();
  t.equal(await ask('/staff/'), 503);
});
