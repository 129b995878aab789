import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { PROGRAM } from '../fixtures/daemon.ts';
import { startMariaDb } from '../fixtures/mariadb.ts';
import { startPostgres } from '../fixtures/postgres.ts';
import { createSite, createSiteOnPostgres, encodePbkdf2 } from '../fixtures/site.ts';

/** A hash that costs little. */
const ARGON2 = `argon2$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$${Buffer.alloc(32).toString('base64').replace(/=+$/, '')}`;

interface Outcome {
  status: number | null;
  text: string;
  /** The output of --json. */
  // biome-ignore lint/suspicious/noExplicitAny: reports of every kind
  report(): any;
}

/** A configuration in a private directory, and the doctor for it. */
function startDoctor(t: Test) {
  const directory = mkdtempSync(join(tmpdir(), 'djauthd-d-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, 'djauthd.toml');
  const examine = (sites: string, listen = '', ...args: string[]): Outcome => {
    writeFileSync(file, `[listen]\nsocket = "${directory}/a.sock"\n${listen}\n${sites}`);
    const { status, stdout, stderr } = spawnSync(PROGRAM, ['doctor', '--config', file, ...args], {
      encoding: 'utf8',
    });
    const report = () => {
      const json = spawnSync(PROGRAM, ['doctor', '--config', file, '--json', ...args], {
        encoding: 'utf8',
      });
      t.equal(json.status, status, 'the same exit status in both forms');
      return JSON.parse(json.stdout);
    };
    return { status, text: stdout + stderr, report };
  };
  return { directory, file, examine };
}

t.test('SQLite: accounts, and hashes that cannot be verified', async (t) => {
  const { directory, examine } = startDoctor(t);
  const site = createSite(join(directory, 'db.sqlite3'), [
    { username: 'alice', password: 'secret' },
    { username: 'bob', password: 'secret' },
    { username: 'unusable', encoded: '!x' },
    { username: 'plain', encoded: 'my own password' },
    { username: 'bent', encoded: 'pbkdf2_sha256$many$salt$hash' },
    { username: 'md', encoded: 'md5$salt$00000000000000000000000000000000' },
    { username: 'own', encoded: 'ours$1$2' },
    { username: 'mystery', encoded: 'mystery$1$2' },
    { username: 'dear', encoded: encodePbkdf2('x', { iterations: 1 }).replace('$1$', '$2000000000$') },
    ...Array.from({ length: 7 }, (_, at) => ({ username: `fail${at}\u001b[31m`, encoded: 'hunter2' })),
  ]);
  t.teardown(() => site.close());
  const { status, text, ...outcome } = examine(
    `[sites.s]\ndatabase = "${site.url}"\nhashers = ["pbkdf2_sha256"]\nforeign_hashers = ["ours"]\n`,
  );
  const report = outcome.report();
  t.equal(status, 0, text);
  t.match(
    text,
    /\n {2}database {3}sqlite .*db\.sqlite3\n {2}accounts {3}16: 2 pbkdf2_sha256\$1000, 1 without a usable/,
  );
  t.match(text, /\n {2}cold check +[\d.]+ ms of a core, [\d,.]+ a second with \S+ workers?\n/);
  for (const line of [
    /8 accounts have a value that is not an encoded hash: "plain", "fail0.*"fail3.*" and 3 more\n/,
    /one account has a malformed hash of "pbkdf2_sha256": "bent"\n/,
    /one account has a hash of "md5", which the site does not accept: "md"\n/,
    /one account has a hash of the custom algorithm "ours": checks answer "error": "own"\n/,
    /one account has a hash of the unknown algorithm "mystery": "mystery"\n/,
    /one account has a hash that costs too much: .*pbkdf2_sha256\$2000000000.*: "dear"\n/,
  ]) {
    t.match(text, line);
  }
  t.match(text, /\n +hashers = \["pbkdf2_sha256", "md5"\]\n/, 'the line that lets them in');
  t.match(text, /\ngood, 6 warnings\n$/);
  t.notMatch(text + JSON.stringify(report), /hunter2|my own|many|salt|0{32}/, 'no hash and no password');
  t.notOk(text.includes('\u001b'), 'and no terminal escape');
  t.match(report, {
    problems: 0,
    warnings: 6,
    findings: [],
    sites: [
      {
        name: 's',
        reached: true,
        census: { accounts: 16, unusable: 1, costs: { pbkdf2_sha256$1000: 2 } },
        coldCost: { ms: Number, perSecond: Number, workers: Number },
        findings: [{ level: 'warning', message: String, remedy: [] }],
      },
    ],
  });

  t.test('the measured cost follows the iterations', async (t) => {
    for (const name of ['alice', 'bob']) site.setPassword(name, 'x', 300_000);
    const dear = examine(`[sites.s]\ndatabase = "${site.url}"\nhashers = ["pbkdf2_sha256"]\n`).report().sites[0]
      .coldCost;
    t.ok(dear.ms > 3 * report.sites[0].coldCost.ms, `${dear.ms} ms, ${report.sites[0].coldCost.ms} ms`);
    t.ok(Math.abs(dear.perSecond * dear.ms - 1000 * dear.workers) < 1);
  });
});

t.test('SQLite: tables, names and files', async (t) => {
  const { directory, file, examine } = startDoctor(t);
  const path = join(directory, 'db.sqlite3');
  const site = createSite(path, [{ username: 'alice', password: 'secret' }]);
  t.teardown(() => site.close());
  const config = `[sites.s]\ndatabase = "${site.url}"\n`;
  t.match(examine(config).text, /\ngood\n$/);

  chmodSync(path, 0o666);
  const open = examine(config);
  t.equal(open.status, 1);
  t.match(open.text, new RegExp(`problem +${path} is world-writable\n +chmod o-w ${path}\n`));
  chmodSync(path, 0o644);

  const listen = examine(config, 'mode = "0666"');
  t.equal(listen.status, 0);
  t.match(listen.text, /warning +listen\.mode allows every user of this machine to ask/);
  chmodSync(directory, 0o777);
  t.match(examine(config).text, /is world-writable: any user can replace the daemon's socket/);
  chmodSync(directory, 0o1777);
  t.match(examine(config).text, /is world-writable: any user can create the socket while the daemon is not running/);
  chmodSync(directory, 0o700);
  chmodSync(file, 0o666);
  t.match(examine(config).text, /problem +\S*djauthd\.toml is world-writable/);
  chmodSync(file, 0o644);
  const secret = examine('[sites.s]\ndatabase = "postgres://u:pass1234@127.0.0.1:1/db"\n');
  t.match(secret.text, /warning +\S*djauthd\.toml is world-readable and contains a password/);
  t.equal(secret.status, 1);
  t.match(secret.text, /problem +cannot connect to the database: .*ECONNREFUSED/);
  t.notMatch(secret.text, /pass1234/);

  site.database.exec('ALTER TABLE auth_user DROP COLUMN is_staff; DROP TABLE auth_user_groups');
  const lacking = examine(config);
  t.equal(lacking.status, 1);
  t.match(lacking.text, /problem +column auth_user\.is_staff does not exist\n/);
  t.match(lacking.text, /problem +table auth_user_groups does not exist\n/);
  t.match(lacking.text, /\nnot good, 2 problems\n$/);
  t.match(lacking.report().sites[0], { reached: true, census: undefined });

  const nobody = createSite(join(directory, 'nobody.sqlite3'), []);
  t.teardown(() => nobody.close());
  const none = () => examine(`[sites.s]\ndatabase = "${nobody.url}"\nhashers = ["argon2"]\n`);
  t.match(none(), { status: 1, text: /problem +nobody can log in: the table has no accounts\n/ });
  nobody.add({ username: 'inactive', encoded: ARGON2, isActive: false });
  nobody.add({ username: 'other', password: 'secret' });
  t.match(none(), {
    status: 1,
    text: /problem +nobody can log in: of 2 accounts none is active and has a hash that can be verified\n/,
  });
  nobody.update('inactive', { isActive: true });
  t.match(none(), { status: 0, text: /\ngood, one warning\n$/ });

  const other = createSite(join(directory, 'folded.sqlite3'), []);
  t.teardown(() => other.close());
  other.database.exec(`
    PRAGMA foreign_keys = OFF;
    CREATE TABLE people (id integer primary key, name varchar(9) COLLATE NOCASE, password text);
    INSERT INTO people (name, password) VALUES ('ann', '!'), ('Ann', '!'), ('bert', '!')`);
  const folded = examine(
    `[sites.s]\ndatabase = "${other.url}"\n[sites.s.schema.user]\ntable = "people"\nid = "id"\nusername = "name"\npassword = "password"\nactive = false\n`,
  );
  t.equal(folded.status, 1);
  t.match(folded.text, /one username belongs to several accounts \(comparisons of people\.name ignore case\)/);
  t.match(folded.text, /warning +no index on people\.name/);
  other.database.exec('CREATE INDEX by_name ON people (name)');
  const again = readFileSync(file, 'utf8').replace(/^\[listen\]\n.*\n/, '');
  t.notMatch(examine(again).text, /no index/);
  t.notMatch(examine(again).text, /is not used/);
  other.database.exec('ALTER TABLE people ADD COLUMN is_active bool; ALTER TABLE people ADD COLUMN is_staff bool');
  const unused = examine(again);
  t.match(unused.text, /warning +column people\.is_active is not used: every user is active\n +active = "is_active"\n/);
  t.match(
    unused.text,
    /warning +column people\.is_staff is not used: requiring staff is a fault\n +staff = "is_staff"\n/,
  );
  t.notMatch(examine(again.replace('active = false', 'active = "is_active"\nstaff = "is_staff"')).text, /is not used/);
  t.notMatch(unused.text, /the site uses/);
  other.database.exec('CREATE TABLE otp_totp_totpdevice (id integer primary key)');
  t.match(
    examine(again).text,
    /warning +the site uses django-otp \(table otp_totp_totpdevice\): .* the password alone lets a user in/,
  );

  const missing = spawnSync(PROGRAM, ['doctor', '--config', join(directory, 'none.toml')], {
    encoding: 'utf8',
  });
  t.equal(missing.status, 2);
  const both = examine(`${config}[sites.gone]\ndatabase = "sqlite:///nowhere/db"\n`);
  t.equal(both.status, 1);
  t.equal(both.report().sites.length, 2, 'a failing site does not hide another');
  t.equal(both.report().sites[1].reached, false);
});

t.test("the daemon's user, its unit and the web server", async (t) => {
  const { directory, file, examine } = startDoctor(t);
  const site = createSite(join(directory, 'db.sqlite3'), [{ username: 'alice', password: 'secret' }]);
  t.teardown(() => site.close());
  // Of another user than root, and in a directory that PrivateTmp= does not hide.
  chmodSync(directory, 0o755);
  const unit = join(directory, 'some.service');
  const examineUnit = (settings: string, sites: string, listen = '') => {
    writeFileSync(unit, `[Unit]\nUser=root\n[Service]\nUser=nobody\nGroup=nogroup\n${settings}\n`);
    return examine(sites, listen, '--unit', unit);
  };
  const config = `[sites.s]\ndatabase = "${site.url}"\n`;
  const good = examineUnit('', config, 'mode = "0666"');
  t.equal(good.status, 0, good.text);
  t.match(good.text, /\n {2}daemon +as nobody, in group nogroup \(.*some\.service\)\n/);
  t.match(good.report(), { process: { user: 'nobody', groups: ['nogroup'], unit } });

  // A password file of root alone, as `import --write` once made it.
  const secret = join(directory, 'pw');
  writeFileSync(secret, 'hunter2\n', { mode: 0o600 });
  const server = `[sites.p]\ndatabase = "postgres://u@127.0.0.1:1/db"\npassword_file = "${secret}"\n`;
  const unreadable = new RegExp(
    `problem +nobody cannot read ${secret}: permission denied; it is the password_file of site "p"\n +chown root:nogroup ${secret}\n +chmod 0640 ${secret}\n`,
  );
  t.match(examineUnit('', server), { status: 1, text: unreadable });
  chownSync(secret, 0, 65534);
  chmodSync(secret, 0o640);
  t.notMatch(examineUnit('', server).text, /cannot read/);
  chownSync(secret, 0, 1);
  t.match(examineUnit('', server).text, /cannot read/);
  t.notMatch(examineUnit('SupplementaryGroups=daemon', server).text, /cannot read/, 'a supplementary group');
  chmodSync(file, 0o600);
  t.match(examineUnit('', config).text, /problem +nobody cannot read \S*djauthd\.toml: permission denied\n/);
  chmodSync(file, 0o644);

  // The database's file and the directories above it.
  chmodSync(site.path, 0o600);
  t.match(examineUnit('', config), {
    status: 1,
    text: /problem +nobody cannot read .*db\.sqlite3: permission denied\n/,
  });
  chmodSync(site.path, 0o644);
  chmodSync(directory, 0o750);
  t.match(
    examineUnit('', config).text,
    new RegExp(`problem +nobody cannot read .*db\\.sqlite3: permission denied at directory ${directory}\n`),
  );
  chmodSync(directory, 0o755);

  // What the unit keeps from the daemon.
  const hidden = examineUnit('PrivateTmp=yes', config);
  t.equal(hidden.status, 1);
  t.match(hidden.text, /problem +PrivateTmp=yes of some\.service hides the database \S+db\.sqlite3 from the daemon\n/);
  t.match(hidden.text, `             BindReadOnlyPaths=${directory}\n`);
  t.notMatch(examineUnit(`PrivateTmp=yes\nBindReadOnlyPaths=${directory}`, config).text, /hides/);
  t.notMatch(examineUnit('PrivateTmp=yes\nPrivateTmp=no', config).text, /hides/);
  t.match(examineUnit(`InaccessiblePaths=-/nowhere ${directory}`, config).text, /InaccessiblePaths=.* hides/);
  const home = '[sites.s]\ndatabase = "sqlite:///home/mysite/db"\n';
  t.match(
    examineUnit('ProtectHome=yes', home).text,
    /ProtectHome=yes of some\.service hides the database \/home\/mysite/,
  );
  t.notMatch(examineUnit('ProtectHome=read-only', home).text, /hides/);
  mkdirSync(`${unit}.d`);
  writeFileSync(join(`${unit}.d`, '10-home.conf'), '[Service]\nProtectHome=tmpfs\nBindReadOnlyPaths=/home/mysite\n');
  t.notMatch(examineUnit('ProtectHome=yes', home).text, /hides/, 'a drop-in counts');
  const blocked = /problem +IPAddressDeny= of some\.service keeps the daemon from connecting to (\S+)\n/;
  const deny = 'IPAddressDeny=any\nIPAddressAllow=localhost';
  t.notMatch(examineUnit(deny, server).text, blocked);
  t.notMatch(examineUnit('IPAddressDeny=192.0.3.0/24', server.replace('127.0.0.1', '127.0.0.2')).text, blocked);
  t.match(examineUnit(deny, server.replace('127.0.0.1', '255.255.255.255')).text, blocked);
  t.notMatch(
    examineUnit(`${deny}\nIPAddressAllow=255.255.255.0/24`, server.replace('127.0.0.1', '255.255.255.255')).text,
    blocked,
  );

  // Who may open the socket: Apache's user.
  const socketUnit = join(directory, 'some.socket');
  const withSocket = (settings: string) => {
    writeFileSync(socketUnit, `[Socket]\nListenStream=${directory}/a.sock\n${settings}\n`);
    return examineUnit('Sockets=some.socket', config).text;
  };
  const closed =
    /(problem|warning) +www-data, the web server's user, may not open \S+a\.sock \(group (\S+), mode (\d+)\)\n/;
  t.notMatch(withSocket('SocketGroup=www-data\nSocketMode=0660'), closed);
  t.match(withSocket('SocketGroup=daemon\nSocketMode=0660').match(closed)?.slice(1), ['warning', 'daemon', '0660']);
  t.match(withSocket('SocketGroup=nogroup\nSocketMode=0660').match(closed)?.slice(1), ['problem', 'nogroup', '0660']);
  t.notMatch(withSocket('SocketGroup=nogroup'), closed, "systemd's default is 0666");
  t.match(
    examineUnit('', config, 'group = "www-data"').text,
    /problem +nobody is not in group www-data: the daemon cannot set listen\.group\n/,
  );
  const group = examineUnit('SupplementaryGroups=www-data', config, 'group = "www-data"');
  t.equal(group.status, 0, group.text);
  t.match(group.text, /\ngood\n/);

  t.test('doctor of another user than root', async (t) => {
    const as = (user: string) =>
      spawnSync(
        'setpriv',
        [`--reuid=${user}`, '--regid=nogroup', '--clear-groups', PROGRAM, 'doctor', '--config', file, '--unit', unit],
        {
          encoding: 'utf8',
        },
      ).stdout;
    t.match(
      as('daemon'),
      /warning +examined as daemon, but some\.service runs the daemon as nobody: run doctor as root\n/,
    );
    t.notMatch(as('nobody'), /examined as/);
  });
  const missing = spawnSync(PROGRAM, ['doctor', '--config', file, '--unit', 'no-such'], {
    encoding: 'utf8',
  });
  t.match(missing, { status: 1, stderr: 'djauthd: unit no-such not found\n' });
  writeFileSync(unit, '[Service]\nUser=no-such\n');
  t.match(examine(config, '', '--unit', unit).text, /problem +no such user no-such, which some\.service names\n/);
});

t.test('PostgreSQL: grants', async (t) => {
  const { directory, examine } = startDoctor(t);
  const postgres = await startPostgres();
  t.teardown(() => postgres.stop());
  const url = await postgres.createDatabase('site');
  const site = await createSiteOnPostgres(url, [
    { username: 'alice', password: 'secret', groups: ['g'], permissions: ['a.b'] },
    { username: 'Alice', password: 'secret' },
  ]);
  t.teardown(() => site.close());
  await postgres.execute('site', 'CREATE ROLE "dj reader" LOGIN');
  const config = `[sites.s]\ndatabase = "${url.replace('postgres@', 'dj%20reader@')}"\n`;

  const without = examine(config);
  t.equal(without.status, 1, without.text);
  t.match(without.text, /problem +permission denied: dj reader may not read auth_user, auth_user_groups/);
  const remedy: string[] = without.report().sites[0].findings[0].remedy;
  t.match(remedy, [/^GRANT SELECT ON auth_user, auth_user_groups, .* TO "dj reader";$/]);
  for (const line of remedy) {
    t.ok(without.text.includes(`\n             ${line}\n`), 'on a line of its own');
    await postgres.execute('site', line);
  }
  const granted = examine(config);
  t.equal(granted.status, 0, granted.text);
  t.match(granted.text, /\n {2}database {3}postgres site on .* as dj reader\n {2}accounts {3}2: 2 pbkdf2/);
  t.match(granted.text, /\ngood\n$/, 'usernames that differ in case are different ones');
  const ignoring = () => examine(`${config}username_match = "iexact"\n`).text;
  t.match(
    ignoring(),
    /problem +one username belongs to several accounts \(comparisons of auth_user\.username ignore case\)/,
  );
  const [, index = ''] = /warning +no index on auth_user\.username: .*\n +(CREATE INDEX .*;)\n/.exec(ignoring()) ?? [];
  await postgres.execute('site', index);
  t.notMatch(ignoring(), /no index/, 'the statement that it prints');

  await postgres.execute('site', 'GRANT UPDATE ON auth_user TO "dj reader"');
  t.match(examine(config).text, /warning +dj reader may change auth_user; the daemon only reads/);
  await postgres.execute(
    'site',
    'REVOKE UPDATE ON auth_user FROM "dj reader"; REVOKE SELECT ON auth_user FROM "dj reader"',
  );
  const columns = 'id, username, password, is_active, is_staff, is_superuser, email, first_name, last_name';
  await postgres.execute('site', `GRANT SELECT (${columns}) ON auth_user TO "dj reader"`);
  t.match(examine(config).text, /\ngood\n$/, 'columns are enough');
  await postgres.execute('site', 'REVOKE SELECT (email) ON auth_user FROM "dj reader"');
  t.match(examine(config).report().sites[0].findings[0].remedy, ['GRANT SELECT ON auth_user TO "dj reader";']);
  await postgres.execute('site', 'GRANT SELECT ON auth_user TO "dj reader"');

  await postgres.execute('site', 'CREATE SCHEMA hidden; ALTER TABLE auth_group SET SCHEMA hidden');
  const elsewhere = examine(config);
  t.match(elsewhere.text, /table auth_group is in schema hidden, which is not on the search path/);
  t.match(elsewhere.text, /\n +GRANT USAGE ON SCHEMA hidden TO "dj reader";\n/);
  await postgres.execute('site', 'GRANT USAGE ON SCHEMA hidden TO "dj reader"');
  const path = config.replace(/"\n$/, `&options=${encodeURIComponent('-c search_path=public,hidden')}"\n`);
  t.match(examine(path).text, /\ngood\n$/);

  await postgres.execute('site', 'ALTER TABLE auth_user ENABLE ROW LEVEL SECURITY');
  t.match(examine(path).text, /problem +row-level security hides rows of auth_user from dj reader/);
  await postgres.execute('site', 'ALTER TABLE auth_user DISABLE ROW LEVEL SECURITY');
  await postgres.execute(
    'site',
    `CREATE COLLATION folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
     ALTER TABLE auth_user DROP CONSTRAINT auth_user_username_key; DROP INDEX auth_user_username_6821ab7c_like;
     ALTER TABLE auth_user ALTER COLUMN username TYPE varchar(150) COLLATE folded`,
  );
  const folded = examine(path);
  t.equal(folded.status, 1);
  t.match(folded.text, /one username belongs to several accounts \(comparisons of auth_user\.username ignore case\)/);
  await postgres.execute('site', 'DROP TABLE auth_permission CASCADE');
  t.match(examine(path).text, /problem +table auth_permission does not exist/);
  mkdirSync(join(directory, 'empty'));
  const down = examine(`[sites.s]\ndatabase = "postgres://x@/site?host=${directory}/empty"\n`);
  t.equal(down.status, 1);
  t.match(down.text, /problem +cannot connect to the database: .*ENOENT/);
});

t.test('MariaDB: grants and collations', async (t) => {
  const { examine } = startDoctor(t);
  const mariadb = await startMariaDb();
  t.teardown(() => mariadb.stop());
  const url = await mariadb.createDatabase('my_site');
  const tables = [
    `auth_user (id int primary key, username varchar(150) unique, password varchar(128), is_active bool, is_staff bool,
      is_superuser bool, email text, first_name text, last_name text)`,
    'auth_group (id int primary key, name varchar(150))',
    'auth_permission (id int primary key, codename varchar(100), content_type_id int)',
    'django_content_type (id int primary key, app_label varchar(100))',
    'auth_user_groups (user_id int, group_id int)',
    'auth_user_user_permissions (user_id int, permission_id int)',
    'auth_group_permissions (group_id int, permission_id int)',
  ];
  for (const table of tables) await mariadb.execute('my_site', `CREATE TABLE ${table}`);
  const encoded = encodePbkdf2('x', { iterations: 1000 });
  await mariadb.execute(
    'my_site',
    `INSERT INTO auth_user VALUES (1, 'alice', '${encoded}', 1, 0, 0, '', '', '');
     CREATE USER reader@localhost; GRANT USAGE ON my_site.* TO reader@localhost; CREATE DATABASE mysite;
     CREATE TABLE mysite.x (i int); GRANT SELECT ON mysite.x TO reader@localhost;
     GRANT SELECT ON my_site.auth_group TO reader@localhost`,
  );
  const config = `[sites.s]\ndatabase = "${url.replace('root@', 'reader@')}"\n`;
  const without = examine(config);
  t.equal(without.status, 1, without.text);
  t.match(
    without.text,
    /problem +permission denied: reader@localhost may not read auth_user, auth_user_groups, auth_group_permissions/,
  );
  const remedy: string[] = without.report().sites[0].findings[0].remedy;
  t.equal(remedy.length, 6);
  t.equal(remedy[0], "GRANT SELECT ON `my_site`.`auth_user` TO 'reader'@'localhost';");
  for (const line of remedy) await mariadb.execute('my_site', line);
  const granted = examine(config);
  t.equal(granted.status, 0, granted.text);
  t.match(granted.text, /as reader@localhost\n {2}accounts {3}1: 1 pbkdf2_sha256\$1000\n/);
  t.match(granted.text, /\ngood\n$/);

  await mariadb.execute('my_site', 'GRANT UPDATE ON my_site.auth_group TO reader@localhost');
  t.match(examine(config).text, /warning +reader@localhost may change auth_group; the daemon only reads/);
  await mariadb.execute('my_site', 'GRANT ALL ON `my\\_site`.* TO reader@localhost');
  t.match(examine(config).text, /warning +reader@localhost may change all tables that the daemon reads/);
  await mariadb.execute(
    'my_site',
    'REVOKE ALL ON `my\\_site`.* FROM reader@localhost; GRANT ALL ON mysite.* TO reader@localhost',
  );
  t.match(
    examine(config).text,
    /reader@localhost may change auth_group;/,
    'a grant on another database does not count',
  );

  await mariadb.execute(
    'my_site',
    `ALTER TABLE auth_user DROP INDEX username; INSERT INTO auth_user VALUES (2, 'ALICE', '!', 1, 0, 0, '', '', '')`,
  );
  const shared = examine(config);
  t.equal(shared.status, 1);
  t.match(shared.text, /one username belongs to several accounts \(comparisons of auth_user\.username ignore case\)/);
  t.match(shared.text, /warning +no index on auth_user\.username/);
  await mariadb.execute('my_site', 'ALTER TABLE auth_user DROP COLUMN is_staff');
  t.match(examine(config).text, /problem +column auth_user\.is_staff does not exist/);
});
