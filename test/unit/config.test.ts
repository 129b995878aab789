import { readFileSync } from 'node:fs';
import t from 'tap';
import { parseConfig } from '../../daemon/config/config.ts';
import { parseDuration, parseSize } from '../../daemon/config/units.ts';

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

t.test('a mistake is one sentence with file, key, value and what is accepted', async (t) => {
  const accepted = 'is not accepted; accepted:';
  const table: [string, RegExp | string][] = [
    ['', 'listen: is missing; needed: a table'],
    ['x =', /line 1: not TOML/],
    [
      LEAST.replace('"/run/a.sock"', '"a.sock"'),
      `listen.socket: "a.sock" ${accepted} an absolute path of at most 107 octets`,
    ],
    [LEAST.replace('/run/a.sock', `/${'x'.repeat(107)}`), /listen\.socket: .* at most 107 octets/],
    [`${LEAST}[cache]\naccount_ttl = "soon"`, `cache.account_ttl: "soon" ${accepted} a number of seconds, or`],
    [`${LEAST}[cache]\nacount_ttl = 1`, 'cache.acount_ttl: is no key that is known here'],
    [`${LEAST}[cahe]\n`, 'cahe: is no key that is known here'],
    [
      LEAST.replace('socket =', 'mode = "0999"\nsocket ='),
      `listen.mode: "0999" ${accepted} an octal text such as "0660"`,
    ],
    [LEAST.replace('socket =', 'mode = 660\nsocket ='), `listen.mode: 660 ${accepted} an octal text such as "0660"`],
    [`${LEAST}[hash]\nqueue = 0`, `hash.queue: 0 ${accepted} a whole number from 1 to 1000000`],
    [`${LEAST}[log]\nlevel = "loud"`, `log.level: "loud" ${accepted} one of "fatal", "error"`],
    [LEAST.replace('sqlite:///srv/', 'sqlite://srv/'), /sites\."mysite\.settings"\.database: .* absolute path/],
    [LEAST.replace('sqlite:///srv/db.sqlite3', 'oracle://h/d'), /none that is spoken here/],
    ['[listen]\nsocket = "/a"\n[sites]\n', `sites: {} ${accepted} one table [sites."NAME"] at least`],
    [
      LEAST.replace('socket =', 'control = "/run/a.sock"\nsocket ='),
      'listen.control: is the same path as listen.socket',
    ],
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
    t.match(message, /is not accepted/, url);
    t.notMatch(message, /ter2/, url);
  }
  for (const source of [
    LEAST.replace('"sqlite:///srv/db.sqlite3"', '["postgres://h/d?password=hunter2"]'),
    '[listen]\nsocket = "/a"\n[sites]\nx = "postgres://u:hunter2@h/d"\n',
    '[listen]\nsocket = "/a"\nsites = ["postgres://u:hunter2@h/d"]\n',
    LEAST.replace('"sqlite:///srv/db.sqlite3"', '"postgres://u:hunter2@h/d'),
  ]) {
    t.not(complaint(source), '', source);
    t.notMatch(complaint(source), /ter2/, source);
  }
});

t.test('every key stands in the README', async (t) => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const { sites, ...rest } = parseConfig(LEAST, 'f');
  const tables = { ...rest, 'sites.NAME': { ...sites['mysite.settings'], hashers: [] } };
  for (const [table, keys] of Object.entries(tables)) {
    for (const key of [...Object.keys(keys), ...(table === 'listen' ? ['group', 'control'] : [])]) {
      t.ok(readme.includes(`\`${table}.${key}\``), `${table}.${key}`);
    }
  }
});
