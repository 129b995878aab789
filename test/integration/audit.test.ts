import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { PROGRAM } from '../fixtures/daemon.ts';
import { startMariaDb } from '../fixtures/mariadb.ts';
import { startPostgres } from '../fixtures/postgres.ts';
import { createSite, createSiteOnMariaDb, createSiteOnPostgres, encodePbkdf2, type Person } from '../fixtures/site.ts';

const DEAR = encodePbkdf2('x', { iterations: 1 }).replace('$1$', '$2000000000$');

const PEOPLE: Person[] = [
  { username: 'alice', password: 'secret' },
  { username: 'plain', encoded: 'hunter2' },
  { username: 'unusable' },
  { username: 'gone', encoded: 'hunter2', isActive: false },
  { username: 'md', encoded: 'md5$salt$00000000000000000000000000000000' },
  { username: 'bent', encoded: 'pbkdf2_sha256$many$salt$hash' },
  { username: 'own', encoded: 'ours$1$2' },
  { username: 'dear', encoded: DEAR },
  { username: 'a:b', password: 'secret' },
  { username: 'c:\u001b[31md', encoded: '!x' },
];

const EXPECTED = [
  '"plain" has a value that is not an encoded hash',
  '"unusable" has no usable password',
  '"md" has a hash of "md5", which the site does not accept',
  '"bent" has a malformed hash of "pbkdf2_sha256"',
  '"own" has a hash of the custom algorithm "ours": checks answer "error"',
  `"dear" has a hash that costs too much: checks answer "error" (the stored hash (pbkdf2_sha256$2000000000) would take longer than hash.max_time allows)`,
  '"a:b" has a colon in the username, which HTTP Basic cannot carry',
  '"c:\\u001b[31md" has a colon in the username, which HTTP Basic cannot carry, no usable password',
].map((line) => `s  ${line}`);

const directory = mkdtempSync(join(tmpdir(), 'djauthd-a-'));
t.teardown(() => rmSync(directory, { recursive: true, force: true }));

function audit(sites: string, ...args: string[]) {
  const file = join(directory, 'djauthd.toml');
  writeFileSync(file, `[listen]\nsocket = "${directory}/a.sock"\n${sites}`);
  return spawnSync(PROGRAM, ['audit', '--config', file, ...args], { encoding: 'utf8' });
}

const siteOf = (url: string, name = 's') =>
  `[sites.${name}]\ndatabase = "${url}"\nhashers = ["pbkdf2_sha256"]\nforeign_hashers = ["ours"]\n`;

t.test('SQLite', async (t) => {
  const site = createSite(join(directory, 'db.sqlite3'), PEOPLE);
  const good = createSite(join(directory, 'good.sqlite3'), PEOPLE.slice(0, 1));
  t.teardown(() => {
    site.close();
    good.close();
  });
  const { status, stdout, stderr } = audit(siteOf(site.url));
  t.equal(status, 1, stderr);
  t.same(stdout.trimEnd().split('\n').sort(), [...EXPECTED].sort());
  t.notMatch(stdout, /hunter2|\$many|0{32}/, 'nothing of what is stored');

  const json = audit(siteOf(site.url), '--json');
  t.equal(json.status, 1);
  const listed = JSON.parse(json.stdout) as { site: string; username: string; reasons: string[] }[];
  t.equal(listed.length, EXPECTED.length);
  t.same(
    listed.find(({ username }) => username === 'c:\u001b[31md'),
    {
      site: 's',
      username: 'c:\u001b[31md',
      reasons: ['a colon in the username, which HTTP Basic cannot carry', 'no usable password'],
    },
  );

  const none = audit(siteOf(good.url));
  t.match(none, { status: 0, stdout: '', stderr: '' });
  t.match(audit(siteOf(good.url), '--json'), { status: 0, stdout: '[]\n' });

  const both = siteOf(site.url) + siteOf(good.url, 'good');
  t.match(audit(both, '--site', 'good'), { status: 0, stdout: '' });
  const unknown = audit(both, '--site', 'goood');
  t.equal(unknown.status, 2);
  t.match(unknown.stderr, /no site "goood"; did you mean "good"\?; configured: s, good\n/);
  const gone = audit(siteOf('sqlite:///nowhere/db') + siteOf(good.url, 'good'));
  t.equal(gone.status, 1);
  t.match(gone.stderr, /^djauthd: site "s": the accounts cannot be read: /);
});

t.test('PostgreSQL and MariaDB', async (t) => {
  const postgres = await startPostgres();
  t.teardown(() => postgres.stop());
  const mariadb = await startMariaDb();
  t.teardown(() => mariadb.stop());
  await postgres.createDatabase('audit');
  const sites = [
    await createSiteOnPostgres(postgres.url('audit'), PEOPLE),
    await createSiteOnMariaDb(await mariadb.createDatabase('audit'), PEOPLE),
  ];
  for (const site of sites) {
    const { status, stdout, stderr } = audit(siteOf(site.url));
    await site.close();
    t.equal(status, 1, stderr);
    t.same(stdout.trimEnd().split('\n').sort(), [...EXPECTED].sort());
  }
});
