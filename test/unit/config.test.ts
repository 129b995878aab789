import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { parseConfig, readConfig } from '../../daemon/config/config.ts';
import { ConfigError } from '../../daemon/config/config-error.ts';
import { parseDuration, parseSize } from '../../daemon/config/units.ts';
import { closest } from '../../daemon/text/suggest.ts';

const LEAST = '[listen]\nsocket = "/run/a.sock"\n[sites."mysite.settings"]\ndatabase = "sqlite:///srv/db.sqlite3"\n';

function complaint(source: string): string {
  try {
    parseConfig(source, '/etc/djauthd.toml');
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

t.test('the least configuration has defaults for all else', async (t) => {
  const config = parseConfig(LEAST, 'f');
  t.equal(config.listen.mode, 0o660);
  t.equal(config.listen.control, undefined);
  t.equal(config.cache.account_ttl, 1000);
  const { hashers } = config.sites['mysite.settings'] ?? {};
  t.same(hashers, ['pbkdf2_sha256', 'pbkdf2_sha1', 'argon2', 'bcrypt_sha256', 'scrypt'], 'as the latest Django');
  t.same(Object.keys(config.sites), ['mysite.settings']);
});

t.test('durations and sizes', async (t) => {
  const durations = {
    '500ms': 500,
    '5s': 5000,
    '1.5s': 1500,
    '10m': 600_000,
    '1h': 3_600_000,
    '1d': 86_400_000,
    '7': 7000,
  };
  for (const [text, ms] of Object.entries(durations)) t.equal(parseDuration(text), ms, text);
  t.equal(parseDuration(0), 0);
  t.equal(parseDuration(2.5), 2500);
  for (const wrong of ['', 's', '-1s', '5 parsecs', '1e3', '5S', -1, Number.NaN, null, [], {}, true]) {
    t.equal(parseDuration(wrong), undefined, String(wrong));
  }
  t.equal(parseSize('1MiB'), 1024 ** 2);
  t.equal(parseSize(100), 100);
  t.equal(parseSize('1MB'), undefined);
});

/** A user model without a word on whether it has is_active. */
const USER_MODEL = '[sites."mysite.settings".schema.user]\ntable = "t"\nid = "i"\nusername = "u"\npassword = "p"\n';

t.test('a flag is a column, or false for none', (t) => {
  const user = (flags: string) =>
    parseConfig(`${LEAST}${USER_MODEL}${flags}`, 'f').sites['mysite.settings']?.schema.user;
  t.match(user('active = "on"\nstaff = "s"'), { active: 'on', staff: 's', superuser: undefined, match: 'exact' });
  t.match(user('active = false\nstaff = false\nsuperuser = false'), {
    active: undefined,
    staff: undefined,
    superuser: undefined,
  });
  t.end();
});

t.test('a mistake is one line with file, key, value and what is accepted', async (t) => {
  const invalid = (value: string, accepted: string) => `invalid value ${value}; accepted: ${accepted}`;
  const table: [string, RegExp | string][] = [
    ['', 'missing section [listen]'],
    ['x =', /line 1: invalid TOML/],
    [
      LEAST.replace('"/run/a.sock"', '"a.sock"'),
      `listen.socket: ${invalid('"a.sock"', 'an absolute path of at most')}`,
    ],
    [LEAST.replace('/run/a.sock', `/${'x'.repeat(107)}`), /listen\.socket: .* at most 107 octets/],
    [
      `${LEAST}${USER_MODEL}`,
      'missing key "active" in [sites."mysite.settings".schema.user]; accepted: the name of a column, or false if',
    ],
    [`${LEAST}${USER_MODEL}active = true`, `schema.user.active: ${invalid('true', 'the name of a column, or false')}`],
    [
      `${LEAST}${USER_MODEL}active = false\nstaff = ""`,
      `schema.user.staff: ${invalid('""', 'the name of a column, or false')}`,
    ],
    [LEAST.replace('socket = "/run/a.sock"', ''), 'missing key "socket" in [listen]; accepted: an absolute path'],
    [`${LEAST}[cache]\naccount_ttl = "soon"`, `cache.account_ttl: ${invalid('"soon"', 'a number of seconds, or')}`],
    [LEAST.replace('socket =', 'mode = "0999"\nsocket ='), `listen.mode: ${invalid('"0999"', 'an octal mode')}`],
    [LEAST.replace('socket =', 'mode = 660\nsocket ='), `listen.mode: ${invalid('660', 'an octal mode')}`],
    [
      `${LEAST}hashers = "django-7.9"`,
      /hashers: invalid value "django-7\.9"; accepted: a Django release from "django-1\.4"/,
    ],
    [`${LEAST}hashers = []`, /hashers: invalid value \[\]; accepted: .* a list, not empty, of: "pbkdf2_sha256"/],
    [`${LEAST}[hash]\nqueue = 0`, `hash.queue: ${invalid('0', 'a whole number from 1 to 1000000')}`],
    [`${LEAST}[hash]\nworkers = 1.5`, `hash.workers: ${invalid('1.5', 'a whole number from 0 to 1024')}`],
    [`${LEAST}[log]\nlevel = "loud"`, `log.level: ${invalid('"loud"', 'one of "fatal", "error"')}`],
    [
      `${LEAST}hashers = ["md6"]`,
      /hashers: invalid value \["md6"\]; accepted: a Django release .* or a list, not empty, of: "pbkdf2_sha256"/,
    ],
    [LEAST.replace('sqlite:///srv/', 'sqlite://srv/'), /sites\."mysite\.settings"\.database: .* absolute path/],
    [LEAST.replace('sqlite:///srv/db.sqlite3', 'oracle://h/d'), /accepted: a URL such as .*unknown kind of database/],
    ['[listen]\nsocket = "/a"\n[sites]\n', `sites: ${invalid('{}', 'at least one section [sites."NAME"]')}`],
    ['listen = 3\n', `listen: ${invalid('3', 'a table')}`],
    [LEAST.replace('socket =', 'control = "/run/a.sock"\nsocket ='), 'listen.control: the same path as listen.socket'],
    [`${LEAST}password_file = "/etc/p"\n`, /password_file: a SQLite database has no password/],
  ];
  for (const [source, expected] of table) {
    const message = complaint(source);
    t.ok(
      message.split('\n').every((line) => line.startsWith('/etc/djauthd.toml: ')),
      `names the file: ${message}`,
    );
    t.ok(typeof expected === 'string' ? message.includes(expected) : expected.test(message), `${expected}: ${message}`);
  }
  const several = complaint('[listen]\nsocket = 1\nmode = 2\n[sites.x]\ndatabase = 3\n');
  t.equal(several.split('\n').length, 3, 'all mistakes at once');
});

t.test('an unknown key is named with its section and what was probably meant', async (t) => {
  const site = '[sites."mysite.settings"]\ndatabase';
  const table: [string, string][] = [
    [`${LEAST}[cache]\nacount_ttl = 1`, 'unknown key "acount_ttl" in [cache]; did you mean "account_ttl"?'],
    [
      LEAST.replace(site, '[sites.mysite]\ndatabase = "sqlite:///srv/x"\ndatabse'),
      'unknown key "databse" in [sites.mysite]; did you mean "database"?',
    ],
    [`${LEAST}[cahe]\n`, 'unknown section [cahe]; did you mean [cache]?'],
    [`${LEAST}[hash]\nproof_ttl = 1`, 'unknown key "proof_ttl" in [hash]; it belongs in [cache]'],
    [`timeout = 1\n${LEAST}`, 'unknown key "timeout" at the top of the file; it belongs in [sites."NAME"]'],
    [`${LEAST}[log]\nxyzzy = 1`, 'unknown key "xyzzy" in [log]'],
    [
      LEAST.replace(site, '[sites.x.shema.user]\ntable = "t"\n[sites.x]\ndatabase'),
      'unknown section [sites.x.shema]; did you mean [sites.x.schema]?',
    ],
    [
      `${LEAST}[sites.x]\ndatabase = "sqlite:///x"\n[sites.x.cache]\nproofs = 1`,
      'unknown section [sites.x.cache]; did you mean [cache]?',
    ],
    [
      `${LEAST}[sites."mysite.settings".schema.user]\ntable = "t"\nid = "i"\nusername = "u"\npassword = "p"\nactive = false\nstafff = "s"`,
      'unknown key "stafff" in [sites."mysite.settings".schema.user]; did you mean "staff"?',
    ],
  ];
  for (const [source, expected] of table) t.equal(complaint(source), `/etc/djauthd.toml: ${expected}`);
});

t.test('a site name with a dot that is not quoted: the message says how to write it', async (t) => {
  const quote = (written: string, name: string) =>
    `/etc/djauthd.toml: [sites.${written}]: a site name with a dot must be quoted: [sites."${name}"]`;
  const unquoted = LEAST.replace('sites."mysite.settings"', 'sites.mysite.settings');
  t.equal(complaint(unquoted), quote('mysite.settings', 'mysite.settings'));
  t.equal(complaint(unquoted.replace('database', 'databse')), quote('mysite.settings', 'mysite.settings'));
  t.equal(
    complaint(`${unquoted}[sites.a.b.settings]\ndatabase = "sqlite:///x"`),
    [quote('mysite.settings', 'mysite.settings'), quote('a.b.settings', 'a.b.settings')].join('\n'),
  );
  t.equal(
    complaint(`${unquoted}[sites.mysite]\ndatabase = "sqlite:///x"\ntimeuot = 1`),
    [
      quote('mysite.settings', 'mysite.settings'),
      '/etc/djauthd.toml: unknown key "timeuot" in [sites.mysite]; did you mean "timeout"?',
    ].join('\n'),
    'other mistakes are reported too',
  );
});

t.test('the closest known word', async (t) => {
  const known = ['database', 'timeout', 'connections', 'sslmode'];
  for (const [word, expected] of [
    ['databse', 'database'],
    ['dataabse', 'database'],
    ['Database', 'database'],
    ['sslmdoe', 'sslmode'],
    ['time', undefined],
    ['x', undefined],
    ['', undefined],
  ] as const) {
    t.equal(closest(word, known), expected, word);
  }
  t.equal(closest('ab', ['ba', 'ac']), 'ba', 'two letters that changed places count once');
});

t.test('a password in a URL is not repeated', async (t) => {
  for (const url of [
    'postgres://u:hunter2@h:99999/db',
    'postgres://u:hunter2@h/db?port=x',
    'mystery://u:hun@ter2@h/d',
    'postgres://us@er:hunter2@h:99999/db',
    'postgres://u:hunter2',
    'postgres://h:99999/db?password=hunter2',
    'mysql://u:hunter2@h/',
    'u:hunter2@h/d',
    'dbname=d password=hunter2',
    'sqlite://u?hunter2',
  ]) {
    const message = complaint(LEAST.replace('sqlite:///srv/db.sqlite3', url));
    t.match(message, /invalid value/, url);
    t.notMatch(message, /ter2/, url);
  }
  for (const source of [
    LEAST.replace('"sqlite:///srv/db.sqlite3"', '["postgres://h/d?password=hunter2"]'),
    '[listen]\nsocket = "/a"\n[sites]\nx = "postgres://u:hunter2@h/d"\n',
    '[listen]\nsocket = "/a"\nsites = ["postgres://u:hunter2@h/d"]\n',
    LEAST.replace('"sqlite:///srv/db.sqlite3"', '"postgres://u:hunter2@h/d'),
    LEAST.replace('sqlite:///srv/db.sqlite3"', 'postgres://h/d"\npassword_file = "hunter2"'),
    `${LEAST}"postgres://u:hunter2@h/d" = 1`,
    `${LEAST}[cache]\naccounts = "postgres://u:hunter2@h/d"`,
    '[listen]\nsocket = "/a"\n[sites."postgres://u:hunter2@h/d"]\ntimeout = "x"',
  ]) {
    t.not(complaint(source), '', source);
    t.notMatch(complaint(source), /ter2/, source);
  }
});

t.test('sites in files of their own', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'djauthd-s-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, 'djauthd.toml');
  const sites = join(directory, 'sites.d');
  const write = (name: string, source: string) => writeFileSync(join(sites, name), source);
  writeFileSync(file, '[listen]\nsocket = "/run/s"\n');
  const complaintOf = () => {
    try {
      return Object.keys(readConfig(file).sites).join();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return error.message.replaceAll(`${directory}/`, '');
    }
  };
  t.equal(complaintOf(), 'djauthd.toml: missing section [sites]', 'no directory');
  mkdirSync(sites);
  t.equal(complaintOf(), 'djauthd.toml: missing section [sites]', 'an empty one');

  write('b.toml', '[sites."b.c"]\ndatabase = "sqlite:///b"\ntimeout = "3s"\n');
  t.equal(complaintOf(), 'b.c', 'without a site in the configuration itself');
  write('a.toml', '[sites.a]\ndatabase = "sqlite:///a"\n[sites.a2]\ndatabase = "sqlite:///a"\n');
  t.equal(complaintOf(), 'a,a2,b.c', 'in the order of names');
  t.equal(readConfig(file).sites['b.c']?.timeout, 3_000);
  for (const other of ['c.toml~', '.c.toml.swp', '.d.toml', 'e.toml.dpkg-new', 'README']) write(other, 'not = [TOML');
  t.equal(complaintOf(), 'a,a2,b.c', 'what editors and packages leave behind is not read');
  writeFileSync(file, '[listen]\nsocket = "/run/s"\n[sites.main]\ndatabase = "sqlite:///m"\n');
  t.equal(complaintOf(), 'main,a,a2,b.c', 'beside those of the configuration');

  const broken = (source: string, expected: string) => {
    write('x.toml', source);
    t.equal(complaintOf(), expected, source);
  };
  broken('[sites.x]\ndatabse = "x"\n', 'sites.d/x.toml: unknown key "databse" in [sites.x]; did you mean "database"?');
  broken(
    '[sites.b.c]\ndatabase = "sqlite:///x"\n',
    'sites.d/x.toml: [sites.b.c]: a site name with a dot must be quoted: [sites."b.c"]',
  );
  broken(
    '[cache]\n',
    [
      'sites.d/x.toml: "cache": accepted in this directory: [sites."NAME"] only',
      'sites.d/x.toml: missing section [sites."NAME"]',
    ].join('\n'),
  );
  broken('', 'sites.d/x.toml: missing section [sites."NAME"]');
  rmSync(join(sites, 'x.toml'));
  const main = readFileSync(file, 'utf8');
  writeFileSync(file, 'sites = 3\n[listen]\nsocket = "/run/s"\n');
  t.match(complaintOf(), /^djauthd\.toml: sites: invalid value 3; accepted: /, 'not hidden by the other files');
  writeFileSync(file, main);
  broken('[sites.x\n', 'sites.d/x.toml: line 1: invalid TOML: illegal character in key');
  broken(
    '[sites.main]\ndatabase = "sqlite:///m"\n',
    `sites.d/x.toml: [sites."main"]: the site is in djauthd.toml too; accepted: one of the two`,
  );
  broken(
    '[sites.a]\ndatabase = "sqlite:///m"\n',
    `sites.d/x.toml: [sites."a"]: the site is in sites.d/a.toml too; accepted: one of the two`,
  );
  broken(
    '[sites.x]\ndatabase = "sqlite:///x"\npassword_file = "/p"\n',
    'sites.d/x.toml: sites.x.password_file: a SQLite database has no password',
  );
  broken(
    '[sites.x]\ndatabase = "postgres://h/x"\npassword_file = "/nowhere/p"\n',
    `sites.d/x.toml: sites.x.password_file: "/nowhere/p": ENOENT: no such file or directory, stat '/nowhere/p'`,
  );
  const pipe = join(sites, 'pipe');
  execFileSync('mkfifo', ['-m', '600', pipe]);
  broken(
    `[sites.x]\ndatabase = "postgres://h/x"\npassword_file = "${pipe}"\n`,
    'sites.d/x.toml: sites.x.password_file: "sites.d/pipe": not a file',
  );
  rmSync(join(sites, 'x.toml'));
  mkdirSync(join(sites, 'x.toml'));
  t.match(complaintOf(), /^sites\.d\/x\.toml: cannot be read: EISDIR/);
  rmSync(sites, { recursive: true });
  writeFileSync(sites, '');
  t.match(complaintOf(), /^sites\.d: cannot be read: ENOTDIR/);
});
