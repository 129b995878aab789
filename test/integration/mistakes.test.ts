import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { configtest, publicDirectory, startApache } from '../fixtures/apache.ts';
import { PROGRAM, startDaemon } from '../fixtures/daemon.ts';
import { startPostgres } from '../fixtures/postgres.ts';
import { createSite, type Person } from '../fixtures/site.ts';

/*
 * The mistakes that an administrator makes, each made here. What is said at the place where one looks first is one line, and
 * says what is wrong and what to do: `cause` and `cure` must both be in it.
 */
interface Mistake {
  readonly name: string;
  /** Where one looks first. */
  readonly where: string;
  readonly line: string | undefined;
  readonly cause: RegExp;
  readonly cure: RegExp;
}

const password = 'secret';
const PEOPLE: Person[] = [
  { username: 'alice', password, isStaff: true, groups: ['Developers'] },
  { username: 'bob', password },
  { username: 'oldie', encoded: 'md5$salt$67a1e09bb1f83f5007dc119c14d663aa', isStaff: true },
];

/** Runs the daemon's command as root or, without a hook of tap's in its environment, as nobody. */
async function djauthd(args: string[], asNobody = false) {
  const nobody = ['--reuid=nobody', '--regid=nogroup', '--clear-groups', 'env', '-u', 'NODE_OPTIONS', PROGRAM, ...args];
  const [program, words] = asNobody ? ['setpriv', nobody] : [PROGRAM, args];
  return promisify(execFile)(program, words, { encoding: 'utf8', timeout: 60_000 }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }) => ({ code: code as number, stdout: stdout as string, stderr: stderr as string }),
  );
}

/** The only line of a text that has this in it. */
function lineWith(text: string, part: string | RegExp): string | undefined {
  const lines = text.split('\n').filter((line) => (typeof part === 'string' ? line.includes(part) : part.test(line)));
  return lines.length === 1 ? lines[0] : lines.length === 0 ? undefined : `${lines.length} lines: ${lines.join(' | ')}`;
}

const made: Mistake[] = [];
const note = (name: string, where: string, line: string | undefined, cause: RegExp, cure: RegExp): void => {
  made.push({ name, where, line, cause, cure });
};

t.test('in the configuration', async (t) => {
  const directory = publicDirectory();
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, 'djauthd.toml');
  const database = join(directory, 'db.sqlite3');
  createSite(database, PEOPLE).close();
  chmodSync(database, 0o644);
  const listen = `[listen]\nsocket = "${directory}/auth.sock"\ncontrol = "${directory}/control.sock"\n`;
  const check = async (config: string, { asNobody = false, code = 2, args = [] as string[] } = {}) => {
    writeFileSync(file, listen + config);
    const ran = await djauthd(['check-config', '--config', file, ...args], asNobody);
    t.equal(ran.code, code, ran.stdout + ran.stderr);
    const lines = ran.stderr.trimEnd().split('\n');
    return lines.length === 1 ? lines[0] : ran.stderr;
  };
  const site = `[sites.mysite]\ndatabase = "sqlite://${database}"\n`;
  t.match(await check(site, { code: 0 }), /^$/, 'nothing is wrong');

  note(
    'key',
    'check-config',
    await check(site.replace('database', 'databse')),
    /unknown key "databse" in \[sites\.mysite\]/,
    /did you mean "database"\?/,
  );
  note(
    'section',
    'check-config',
    await check(`${site}[cahe]\nproofs = 10\n`),
    /unknown section \[cahe\]/,
    /did you mean \[cache\]\?/,
  );
  note(
    'quoting',
    'check-config',
    await check(site.replace('mysite', 'mysite.settings')),
    /\[sites\.mysite\.settings\]: a site name with a dot/,
    /must be quoted: \[sites\."mysite\.settings"\]/,
  );
  note(
    'value',
    'check-config',
    await check(`${site}[log]\nlevel = "inof"\n`),
    /log\.level: invalid value "inof"/,
    /did you mean "info"\?/,
  );
  note(
    'hashers',
    'check-config',
    await check(`${site}hashers = ["pbkdf2_sha265"]\n`),
    /hashers: invalid value \["pbkdf2_sha265"\]/,
    /did you mean "pbkdf2_sha256"\?/,
  );
  note(
    'path',
    'check-config',
    await check(site.replace('db.sqlite3', 'bd.sqlite3'), { code: 0 }),
    /site "mysite": cannot read .*bd\.sqlite3/,
    /no such file$/,
  );
  const empty = join(directory, 'empty.sqlite3');
  writeFileSync(empty, '');
  note(
    'path of an empty file',
    'check-config',
    await check(site.replace(database, empty), { code: 0 }),
    /empty\.sqlite3 is empty/,
    /manage\.py migrate/,
  );
  chmodSync(database, 0o600);
  note(
    'permission',
    'check-config',
    await check(site, { code: 0, asNobody: true, args: [] }).then((lines) => lineWith(lines ?? '', 'db.sqlite3')),
    /cannot read .*db\.sqlite3 as user nobody/,
    /permission denied$/,
  );
  chmodSync(database, 0o644);
  const key = join(directory, 'secret');
  writeFileSync(key, 'secret\n', { mode: 0o644 });
  chmodSync(key, 0o644);
  const postgres = `[sites.mysite]\ndatabase = "postgres://djauthd@db/mysite"\npassword_file = "${key}"\n`;
  note(
    'password file',
    'check-config',
    await check(postgres),
    /password_file: ".*": invalid mode 0644/,
    /accepted: 0600/,
  );
  const unit = join(directory, 'some.service');
  writeFileSync(
    unit,
    `[Service]\nUser=nobody\nProtectHome=yes\nSockets=djauthd.socket\nExecStart=${PROGRAM} serve --config ${file}\n`,
  );
  note(
    'ProtectHome',
    'check-config',
    await check('[sites.mysite]\ndatabase = "sqlite:///home/mysite/db.sqlite3"\n', {
      code: 0,
      args: ['--unit', unit],
    }).then((lines) => lineWith(lines ?? '', 'ProtectHome')),
    /ProtectHome=yes of some\.service hides .*\/home\/mysite\/db\.sqlite3/,
    /BindReadOnlyPaths=\/home\/mysite/,
  );
  mkdirSync(join(directory, 'sites.d'));
  writeFileSync(join(directory, 'sites.d/one.toml'), site);
  note(
    'a site twice',
    'check-config',
    await check(site),
    /\[sites\."mysite"\]: the site is in .* too/,
    /accepted: one of the two/,
  );
});

t.test('between Apache, the daemon and the database', async (t) => {
  const directory = publicDirectory();
  const site = createSite(join(directory, 'db.sqlite3'), PEOPLE, { groups: { Developers: ['svn.commit'] } });
  const postgres = await startPostgres({ tcp: true });
  const lost = (await postgres.createDatabase('lost')).replace(/^postgres:\/\/[^@]*@/, 'postgres://nobody@');
  const listen = 'group = "www-data"';
  const config = `[throttle]\nenabled = false\n
    [sites."mysite.settings"]\ndatabase = "${site.url}"\n
    [sites.down]\ndatabase = "postgres://u@127.0.0.1:1/d"\ntimeout = "2s"\n
    [sites.role]\ndatabase = "${lost}"\n
    [sites.table]\ndatabase = "${await postgres.createDatabase('empty')}"\n`;
  const daemon = await startDaemon({ directory, listen, config });
  mkdirSync(join(directory, 'closed'), { mode: 0o755 });
  const closed = await startDaemon({ config, listen: 'mode = "0600"', directory: join(directory, 'closed') });
  const door = (path: string, lines: string) =>
    `<Location "${path}">\nAuthType Basic\nAuthName x\nAuthBasicProvider django\nRequire valid-user\n${lines}\n</Location>`;
  const host = (name: string, socket: string, doors: string) =>
    `<VirtualHost *>\nServerName ${name}\nDjangoAuthSocket ${socket}\n${doors}\n</VirtualHost>\n`;
  const named = 'DjangoSettingsModule mysite.settings';
  const open = `${named}\nDjangoRequireStaffStatus Off`;
  const apache = await startApache(
    [
      host(
        'here',
        daemon.socket,
        [
          door('/name', 'DjangoSettingsModule mysite.setings'),
          door('/two', ''),
          door('/staff', named),
          door('/hash', named),
          door('/down', 'DjangoSettingsModule down'),
          door('/role', 'DjangoSettingsModule role'),
          door('/table', 'DjangoSettingsModule table'),
          door('/permission', `${open}\nDjangoPermissionName svn.comit`),
          door('/group', open).replace('Require valid-user', 'Require django-group "developers"'),
        ].join('\n'),
      ),
      host('closed', closed.socket, door('/', named)),
      host('away', join(directory, 'away.sock'), door('/', named)),
    ].join(''),
  );
  t.teardown(async () => {
    await apache.stop();
    await daemon.stop();
    await closed.stop();
    await postgres.stop();
    site.close();
    rmSync(directory, { recursive: true, force: true });
  });
  /** The line of Apache's error log about a request. */
  const logged = async (path: string, status: number, user = 'alice', name = 'here') => {
    const before = apache.errorLog().length;
    const response = await apache.get(path, { user, password, headers: { host: name } });
    t.equal(response.status, status, path);
    return lineWith(apache.errorLog().slice(before), /authn?z?(entication|orization) (failed|denied): /)?.replace(
      /^.*(?=auth\w+ (failed|denied))/,
      '',
    );
  };
  const explained = async (part: string, ...args: string[]) => {
    const { stdout } = await djauthd(['explain', '--control', daemon.control, '--site', 'mysite.settings', ...args]);
    return lineWith(stdout, part)?.trim();
  };
  const log = "Apache's error log";
  note(
    'group of the socket',
    log,
    await logged('/', 500, 'alice', 'closed'),
    /cannot connect to .*auth\.sock: Permission denied/,
    /listen\.group or SocketGroup=/,
  );
  note(
    'daemon down',
    log,
    await logged('/', 503, 'alice', 'away'),
    /cannot connect to .*away\.sock: No such file or directory/,
    /djauthd is not running, or its listen\.socket is another one/,
  );
  note(
    'site name',
    log,
    await logged('/name', 500),
    /site "mysite\.setings" is not configured/,
    /did you mean "mysite\.settings"\?/,
  );
  note(
    'two sites',
    log,
    await logged('/two', 500),
    /no site was named and 4 are configured/,
    /name one, in Apache by DjangoSettingsModule, of a command by --site/,
  );
  note(
    'staff default',
    log,
    await logged('/staff', 401, 'bob'),
    /not-staff: .*the password is right/,
    /DjangoRequireStaffStatus On \(the default\) requires is_staff/,
  );
  note(
    'hashers of an account',
    log,
    await logged('/hash', 401, 'oldie'),
    /unverifiable-password/,
    /hash policy for the site does not accept/,
  );
  const audit = await djauthd(['audit', '--config', daemon.configFile, '--site', 'mysite.settings']);
  note(
    'hashers of an account',
    'djauthd audit',
    lineWith(audit.stdout, 'oldie'),
    /"oldie" has a hash of "md5"/,
    /which the site does not accept/,
  );
  note(
    'database down',
    log,
    await logged('/down', 500),
    /postgres d on 127\.0\.0\.1: .*ECONNREFUSED/,
    /127\.0\.0\.1:1/,
  );
  note('role of the database', log, await logged('/role', 500), /role "nobody" does not exist/, /postgres lost on/);
  note('table', log, await logged('/table', 500), /relation "auth_user" does not exist/, /postgres empty on/);
  note(
    'permission that does not exist',
    log,
    await logged('/permission', 401),
    /no-permission: .*the password is right/,
    /DjangoPermissionName requires the permission svn\.comit/,
  );
  note(
    'permission that does not exist',
    'djauthd explain',
    await explained('svn.comit', 'alice', '--permission', 'svn.comit'),
    /the site has no permission "svn\.comit"/,
    /did you mean "svn\.commit"\?/,
  );
  note(
    'group that does not exist',
    log,
    await logged('/group', 401),
    /no-group \(Require django-group\)/,
    /user 'alice'/,
  );
  note(
    'group that does not exist',
    'djauthd explain',
    await explained('developers', 'alice', '--group', 'developers'),
    /the site has no group "developers"/,
    /did you mean "Developers"\?/,
  );
  const hints = daemon.lines().filter(({ hint }) => hint !== undefined);
  t.equal(hints.length, 1, 'one of several denials within a minute has the hint');
  note('why a denial', "the daemon's log", hints[0]?.hint, /djauthd explain USER says why/, /djauthd audit/);

  const { stderr: misspelt } = await configtest(door('/x', 'DjangoRequireStafStatus Off'));
  note(
    'directive',
    'apachectl configtest',
    lineWith(misspelt, 'DjangoRequireStaf'),
    /Invalid command 'DjangoRequireStafStatus'/,
    /perhaps misspelled/,
  );
  const { stderr: value } = await configtest(door('/x', 'DjangoRequireStaffStatus maybe'));
  note(
    'value of a directive',
    'apachectl configtest',
    lineWith(value, 'maybe'),
    /DjangoRequireStaffStatus/,
    /On or Off/i,
  );
  const { stderr: group } = await configtest(door('/x', 'Require django-permission "Can commit"'));
  note(
    "a permission's title",
    'apachectl configtest',
    lineWith(group, 'Can commit'),
    /invalid permission/,
    /accepted: app_label\.codename, such as polls\.can_vote/,
  );
});

t.test('one line that says what is wrong and what to do', async (t) => {
  for (const { name, where, line, cause, cure } of made) {
    t.comment(`${name} | ${where} | ${line}`);
    t.match(line ?? '', cause, `${name}: cause`);
    t.match(line ?? '', cure, `${name}: cure`);
    t.notMatch(line ?? '', /\n/, `${name}: one line`);
    t.notMatch(line ?? '', / at .*\.js:\d+/, `${name}: no stack`);
  }
  t.ok(made.length >= 25, `${made.length} mistakes`);
});
