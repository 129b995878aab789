import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { run } from '../fixtures/hooks.ts';
import { type Served, sample, serve } from '../fixtures/sample.ts';
import type { Person } from '../fixtures/site.ts';

const password = 'secret';
const USERS: Person[] = [
  { username: 'writer', password, groups: ['dev'], permissions: ['svn.commit'] },
  { username: 'reader', password, groups: ['dev'] },
  { username: 'outsider', password, permissions: ['svn.commit'] },
  { username: 'gone', password, groups: ['dev'], isActive: false },
];
const SUBVERSION = ['dav', 'dav_svn', 'authz_svn'];
const FILES = 40;

function prepare(srv: string): void {
  mkdirSync(join(srv, 'svn'));
  const repository = join(srv, 'svn/project');
  execFileSync('svnadmin', ['create', repository]);
  const files = mkdtempSync(join(tmpdir(), 'djauthd-f-'));
  mkdirSync(join(files, 'trunk'));
  mkdirSync(join(files, 'branches'));
  for (let i = 0; i < FILES; i++) writeFileSync(join(files, 'trunk', `file ${i}.txt`), `${i}\n`.repeat(100));
  execFileSync('svn', ['import', '-q', '-m', 'first', files, `file://${repository}`]);
  rmSync(files, { recursive: true });
  writeFileSync(join(srv, 'svn/access'), '[/]\n* =\n@dev = rw\n\n[/branches]\n* =\n@dev = r\n');
  writeFileSync(join(srv, 'svn/groups'), '[groups]\ndev = writer, reader\n');
}

function client(t: Test, { apache }: Served) {
  const home = mkdtempSync(join(tmpdir(), 'djauthd-h-'));
  t.teardown(() => rmSync(home, { recursive: true, force: true }));
  const svn = (user: string, ...words: string[]) =>
    run('svn', ['--non-interactive', '--no-auth-cache', '--username', user, '--password', password, ...words], {
      cwd: home,
      env: { HOME: home },
    });
  return { home, svn, url: `${apache.url}/svn/project` };
}

/** The digest of a working copy, without .svn. */
function digest(directory: string): string {
  const hash = createHash('sha256');
  const walk = (at: string): void => {
    for (const name of readdirSync(at).sort()) {
      if (name === '.svn') continue;
      const path = join(at, name);
      hash.update(name);
      if (statSync(path).isDirectory()) walk(path);
      else hash.update(readFileSync(path));
    }
  };
  walk(directory);
  return hash.digest('hex');
}

t.test('checkout, commit, lock, copy, merge', async (t) => {
  const served = await serve(t, 'subversion.conf', USERS, prepare, { load: SUBVERSION });
  const { svn, url, home } = client(t, served);
  const fine = async (user: string, ...words: string[]) => {
    const { code, out, err } = await svn(user, ...words);
    t.equal(code, 0, `${user}: svn ${words.join(' ')} ${err}`);
    return out;
  };
  const refused = async (saying: RegExp, user: string, ...words: string[]) => {
    const { code, err } = await svn(user, ...words);
    t.not(code, 0, `${user}: svn ${words.join(' ')}`);
    t.match(err, saying);
    return err;
  };

  await fine('writer', 'checkout', '-q', `${url}/trunk`, 'w');
  await fine('reader', 'checkout', '-q', `${url}/trunk`, 'r');
  t.equal(digest(join(home, 'w')), digest(join(home, 'r')));
  t.equal(readdirSync(join(home, 'w')).length, FILES + 1);

  writeFileSync(join(home, 'w/file 0.txt'), 'changed\n');
  t.match(await fine('writer', 'commit', '-m', 'change', 'w'), /Committed revision 2/);
  t.match(await fine('writer', 'log', '-r', '2', `${url}/trunk`), /\| writer \|/, 'the author is the account');
  writeFileSync(join(home, 'r/file 1.txt'), 'changed\n');
  const log = served.apache.accessLog().length;
  const told = await refused(/E175013|forbidden/i, 'reader', 'commit', '-m', 'change', 'r');
  t.notMatch(told, /Authentication failed|E215004/, 'the reader is not asked for another password');
  t.equal(
    served.apache
      .accessLog()
      .slice(log)
      .match(/reader "POST .* 403/g)?.length,
    1,
    'and does not try again',
  );
  t.notMatch(await fine('reader', 'log', `${url}/trunk`), /\| reader \|/);
  await refused(/E215004|Authentication failed/, 'gone', 'list', url);
  await refused(/forbidden|E175013|E170001/i, 'outsider', 'list', `${url}/trunk`);
  await refused(/E215004|Authentication failed/, 'writer', 'list', '--password', 'wrong', url);

  await fine('writer', 'lock', 'w/file 2.txt');
  await refused(/Not authorized to perform lock/, 'reader', 'lock', 'r/file 3.txt');
  await fine('writer', 'unlock', 'w/file 2.txt');

  await refused(/E175013|forbidden|E170001/i, 'writer', 'copy', '-m', 'branch', `${url}/trunk`, `${url}/branches/one`);
  await fine('writer', 'copy', '-m', 'branch', `${url}/trunk`, `${url}/trunk2`);
  await refused(/E175013|forbidden|E170001/i, 'reader', 'copy', '-m', 'x', `${url}/trunk`, `${url}/trunk3`);
  await fine('writer', 'checkout', '-q', `${url}/trunk2`, 'b');
  writeFileSync(join(home, 'b/file 5.txt'), 'on the branch\n');
  await fine('writer', 'commit', '-m', 'on the branch', 'b');
  await fine('writer', 'update', '-q', 'w');
  await fine('writer', 'merge', '-q', `${url}/trunk2`, 'w');
  t.equal(readFileSync(join(home, 'w/file 5.txt'), 'utf8'), 'on the branch\n');
  await fine('writer', 'commit', '-m', 'merge', 'w');
  await fine('reader', 'revert', '-q', '-R', 'r');
  await fine('reader', 'update', '-q', 'r');
  t.equal(readFileSync(join(home, 'r/file 5.txt'), 'utf8'), 'on the branch\n');

  await served.world.daemon.stop();
  const { code, err } = await svn('writer', 'list', url);
  t.not(code, 0);
  t.match(err, /Unexpected HTTP status 503|'Service Unavailable'|503 Service Unavailable/);
  t.notMatch(err, /E215004|Authentication failed/, 'a fault is not a wrong password');
});

for (const mpm of ['event', 'prefork'] as const) {
  t.test(`50 concurrent checkouts: ${mpm}`, async (t) => {
    const served = await serve(t, 'subversion.conf', USERS, prepare, {
      load: SUBVERSION,
      mpm,
      logLevel: 'warn',
      // What counts here is the number of questions; a loaded machine needs time for the checkouts.
      more: 'DjangoAuthTimeout 60s',
      processes: mpm === 'prefork' ? 'StartServers 20\nMaxRequestWorkers 60' : 'StartServers 2',
    });
    const { svn, url, home } = client(t, served);
    const before = await served.world.stats();
    const names = Array.from({ length: 50 }, (_, i) => `copy${i}`);
    const outcomes = await Promise.all(
      names.map((name, i) => svn(i % 2 ? 'writer' : 'reader', 'checkout', '-q', `${url}/trunk`, name)),
    );
    t.same(
      outcomes.filter(({ code }) => code !== 0),
      [],
      'all succeed',
    );
    execFileSync('svn', ['checkout', '-q', `file://${join(served.srv, 'svn/project/trunk')}`, join(home, 'own')]);
    const digests = new Set(['own', ...names].map((name) => digest(join(home, name))));
    t.equal(digests.size, 1, 'the files are those of the repository');
    const requests = served.apache
      .accessLog()
      .split('\n')
      .filter((line) => / (writer|reader) "/.test(line));
    // The next question tells how many grants on lease there were since the last one.
    t.equal((await served.apache.get('/svn/project/', { user: 'writer', password: 'wrong' })).status, 401);
    const after = await served.world.stats();
    const counted = (name: string) => (after[name] ?? 0) - (before[name] ?? 0);
    t.comment(`${counted('granted')} questions, ${counted('leased')} grants on lease, ${counted('hashes')} hashes`);
    t.equal(counted('granted') + counted('leased'), requests.length, 'each authenticated request is one or the other');
    t.ok(counted('leased') > counted('granted'), 'most are not asked about');
    t.ok(requests.length >= 50 * FILES, `${requests.length} requests`);
    t.ok(counted('hashes') <= 10, 'two passwords are hashed, not every request');
  });
}

t.test('mod_authz_svn overrides Require, as the documentation says', async (t) => {
  const text = sample('subversion.conf', '/srv').replace(/ *<If [\s\S]*<\/If>\n/, '');
  const lines = `
    <Limit GET PROPFIND OPTIONS REPORT>
      Require valid-user
    </Limit>
    <LimitExcept GET PROPFIND OPTIONS REPORT>
      Require django-permission svn.commit
    </LimitExcept>
  </Location>`;
  const own = text.replace('    Require valid-user\n', '').replace('</Location>', lines);
  const without = own.replace(/^ *AuthzSVN.*\n/gm, '');
  t.notMatch(without, /^ *AuthzSVN/m);
  for (const [config, passes] of [
    [without, false],
    [own, true],
  ] as const) {
    const served = await serve(t, config, USERS, prepare, { load: SUBVERSION });
    const { svn, url } = client(t, served);
    t.equal((await svn('reader', 'list', `${url}/trunk`)).code, 0);
    t.equal((await svn('writer', 'mkdir', '-m', 'x', `${url}/trunk/w`)).code, 0);
    const { code } = await svn('reader', 'mkdir', '-m', 'x', `${url}/trunk/r`);
    t.equal(code === 0, passes, passes ? 'with path rules, Require is not evaluated' : 'without path rules it is');
  }
});
