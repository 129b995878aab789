import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { mysql } from '../../daemon/store/mysql/database.ts';
import { settingsOf as mysqlSettingsOf } from '../../daemon/store/mysql/url.ts';
import { postgres } from '../../daemon/store/postgres/database.ts';
import { PARAMETER_NAMES } from '../../daemon/store/postgres/parameters.ts';
import { settingsOf } from '../../daemon/store/postgres/url.ts';
import { sqlite } from '../../daemon/store/sqlite/database.ts';
import { pathOf } from '../../daemon/store/sqlite/url.ts';
import { formatQuery, parseQuery } from '../../daemon/store/url-query.ts';

for (const name of Object.keys(process.env)) if (name.startsWith('PG')) delete process.env[name];

t.test('unknown, unsupported and repeated parameters are errors', async (t) => {
  for (const [url, problem] of [
    ['postgres://u@h/d?sslmdoe=verify-full', 'unknown parameter "sslmdoe"; did you mean "sslmode"?'],
    [
      'postgres://u@h/d?sslmode=verify-ful',
      /parameter sslmode: unknown value; did you mean "verify-full"\?; accepted: disable, allow,/,
    ],
    ['postgres://u@h/d?sslmode=Require', /unknown value; did you mean "require"/],
    ['postgres://u@h/d?sslmode=no-verify', /parameter sslmode: unknown value; accepted: disable,/],
    [
      'postgres://u@h/d?target-session-attrs=primary',
      'unknown parameter "target-session-attrs"; did you mean "target_session_attrs"?',
    ],
    ['postgres://u@h/d?target_session_attrs=master', /target_session_attrs: unknown value; accepted: any, read-write/],
    ['postgres://u@h/d?sslmode=require&sslmode=disable', 'parameter sslmode is given twice'],
    ['postgres://u@h/d?host=other', 'parameter host is given twice'],
    ['postgres://u:p@h/d?password=q', 'parameter password is given twice'],
    ['postgres://u@h:1/d?port=2', 'parameter port is given twice'],
    ['postgres://u@h/d?sslmode', 'parameter sslmode has no value; write sslmode=VALUE'],
    ['postgres://u@h/d?sslmode=', /sslmode: unknown value/],
    ['postgres://u@h/d?=x', /unknown parameter/],
    ['postgres://u@h/d?options=%zz', 'parameter options: invalid percent-encoding; write % as %25'],
    ['postgres://u@h/d?options=%00', 'parameter options: a NUL character is not accepted'],
    ['postgres://u@h/d?require_auth=scram-sha-256', /require_auth is not supported: the daemon cannot enforce it/],
    ['postgres://u@h/d?channel_binding=require', /channel_binding: unknown value; accepted: disable, prefer/],
    ['postgres://u@h/d?gssencmode=require', /gssencmode: unknown value/],
    ['postgres://u@h/d?client_encoding=LATIN1', /client_encoding: unknown value/],
    ['postgres://u@h/d?ssl_min_protocol_version=TLSv2', /did you mean "TLSv1"|accepted: TLSv1,/],
    ['postgres://u@h/d?prepare=no', /prepare: unknown value/],
    ['postgres://u@h/d?sslrootcert=system&sslmode=require', /sslmode=require is too weak for sslrootcert=system/],
    ['postgres://u@h/d?sslnegotiation=direct', /sslmode=prefer is too weak for sslnegotiation=direct/],
    ['postgres://u@h/d?sslrootcert=/nowhere/ca', /sslrootcert: ENOENT.*\/nowhere\/ca/],
    ['postgres://u@h/d?sslmode=verify-ca', /sslmode=verify-ca needs root certificates: set sslrootcert/],
    ['postgres://u@h/d?passfile=/nowhere/pass', /passfile \/nowhere\/pass: ENOENT/],
    ['postgres://u@h/d?connect_timeout=5s', /connect_timeout is a number of seconds/],
    ['postgres://a,b:1,c/d?port=1', 'parameter port is given twice'],
    ['postgres://a,b,c/d?port=1,2', 'port must have one entry, or as many as host'],
    ['postgres://a,b/d?hostaddr=192.0.2.1', 'hostaddr must have as many entries as host'],
    ['postgres://h:0/d', /invalid port; accepted: 1 to 65535/],
    ['postgres://h:65536/d', /invalid port/],
    ['postgres://::1/d', /an IPv6 address is written in brackets/],
    ['postgres://u@/d?host=@abstract', /abstract/],
    ['postgres://u:p@ss@h/d', /it is not of the form/],
    ['postgres://u:p/ss@h/d', /write @ : \/ \? # and % inside a part as %40/],
    ['postgres://u@h/d#x', /it is not of the form/],
    ['mysql://u@h/d?ssl-mdoe=required', /unknown parameter "ssl-mdoe"; did you mean "ssl.mode"/],
    ['mysql://u@h/d?ssl-mode=require', /did you mean "required"\?; accepted: /i],
    ['mysql://u@h/d?ssl-mode=required&ssl_mode=disabled', /is given twice/],
    ['sqlite:///db?mode=ro', 'unknown parameter "mode"; accepted: none'],
    ['sqlite:///db#x', /absolute path after sqlite:\/\//],
    ['sqlite:///db%zz', 'the path: invalid percent-encoding; write % as %25'],
    ['sqlite://db', /absolute path after/],
    ['sqlite:db', /absolute path after/],
  ] as const) {
    const kind = [postgres, mysql, sqlite].find(({ schemes }) => schemes.includes(url.split(':')[0] as string));
    const said = kind?.problem(url);
    if (typeof problem === 'string') t.equal(said, problem, url);
    else t.match(said, problem, url);
  }
});

t.test('no part of a password is repeated', async (t) => {
  for (const url of [
    'postgres://u:hun?ter2=x@h/d',
    'postgres://u:hun&ter2@h/d?x=1',
    'postgres://h/d?password=hun&ter2=1',
    'postgres://h/d?sslpassword=hun&ter2=1',
    'postgres://u:hunter2',
    'postgres://u:hunter2@h:x/d',
    'postgres://u:hunter%2@h/d',
    'mysql://u:hun?ter2=x@h/d',
    'mysql://u:hunter2@h:99999/d',
  ]) {
    const kind = url.startsWith('mysql') ? mysql : postgres;
    t.not(kind.problem(url), undefined, url);
    t.notMatch(kind.problem(url), /ter2|ter%2/, url);
  }
});

t.test('PostgreSQL URLs', async (t) => {
  const me = userInfo().username;
  const read = (url: string) => {
    const { hosts, database, user, password } = settingsOf(url);
    return {
      hosts: hosts.map(({ name, address, port }) => `${name}|${address}|${port}`).join(' '),
      database,
      user,
      password,
    };
  };
  const socket = '/var/run/postgresql';
  const none = { user: me, database: me, password: undefined };
  t.same(read('postgresql://'), { ...none, hosts: `${socket}|${socket}|5432` });
  t.same(read('postgres:///d'), { ...none, hosts: `${socket}|${socket}|5432`, database: 'd' });
  t.same(read('postgres://u:p@h:1/d'), { hosts: 'h|h|1', database: 'd', user: 'u', password: 'p' });
  t.same(read('postgres://u%40x:%3A%2F@%2Frun%2Fpg:6/a%20b%3F'), {
    ...{ hosts: '/run/pg|/run/pg|6', database: 'a b?', user: 'u@x', password: ':/' },
  });
  t.same(read('postgres://u@a,[::1]:2,c:3/d').hosts, 'a|a|5432 ::1|::1|2 c|c|3');
  t.same(read('postgres://u@[fe80::1%25eth0]/d').hosts, 'fe80::1%eth0|fe80::1%eth0|5432');
  t.same(read('postgres://u@/d?host=/a,b&port=1,2').hosts, '/a|/a|1 b|b|2');
  t.same(read('postgres://u@/d?host=a,b&port=7').hosts, 'a|a|7 b|b|7');
  t.same(read('postgres://u@a,b/d?hostaddr=192.0.2.1,192.0.2.2').hosts, 'a|192.0.2.1|5432 b|192.0.2.2|5432');
  t.same(read('postgres:///d?hostaddr=192.0.2.1').hosts, '192.0.2.1|192.0.2.1|5432');
  t.same(read('postgres://u@:77/d').hosts, `${socket}|${socket}|77`);
  t.same(read('postgres:///?dbname=d&user=u&password=a+b'), {
    ...none,
    hosts: `${socket}|${socket}|5432`,
    database: 'd',
    user: 'u',
    password: 'a+b',
  });
  t.equal(settingsOf('postgres://u@h/d?options=-c%20a%3Db').options, '-c a=b');
  t.equal(settingsOf('postgres://u@h/d?sslmode=require&ssl=true').tls.mode, 'require');
  t.equal(settingsOf('postgres://u@h/d').tls.mode, 'prefer', "libpq's default");
  t.equal(settingsOf('postgres://u@h/d?sslrootcert=system').tls.mode, 'verify-full');
  t.equal(
    settingsOf('postgres://u@h/d?uselibpqcompat=true&sslmode=verify-ca').tls.mode,
    'verify-ca',
    'as written by earlier imports',
  );
  t.same(settingsOf('postgres://u@h/d').passfile, { path: join(homedir(), '.pgpass'), required: false });
  process.env.PGSSLMODE = 'verify-full';
  process.env.PGHOST = 'a,b';
  process.env.PGREQUIREPEER = 'x';
  t.equal(settingsOf('postgres:///d').tls.mode, 'verify-full', 'the environment holds defaults, as for libpq');
  t.equal(settingsOf('postgres:///d?sslmode=disable').tls.mode, 'disable');
  t.equal(settingsOf('postgres:///d').hosts.length, 2);
  for (const name of ['PGSSLMODE', 'PGHOST', 'PGREQUIREPEER']) delete process.env[name];
});

t.test('MySQL URLs', async (t) => {
  for (const url of [
    'mysql://user:pw@host:3306/db',
    'mysql://user@/db?socket=/run/mysqld/mysqld.sock',
    'mariadb://localhost/db',
    'mysql:///db',
    'mysql://user:p%40%2F%3A@[::1]:3307/d%20b?charset=latin1',
    'mysql://user@host/db?ssl_mode=verify_identity&ssl_ca=/etc/passwd',
    'mysql://user@host/db?ssl-mode=REQUIRED&ssl-cert=/etc/passwd&ssl-key=/etc/passwd',
  ]) {
    t.equal(mysql.problem(url), undefined, url);
  }
  for (const [url, problem] of [
    ['mysql://user@host', /is not of the form/],
    ['mysql://user@host/', /is not of the form/],
    ['mysql://user:p@w@host/db', /is not of the form/],
    ['mysql://user:p/w@host/db', /is not of the form/],
    ['mysql://user@host:70000/db', /invalid port/],
    ['mysql://user@host/db?socket=relative', /parameter socket: the path is not absolute/],
    ['mysql://user@host/db?charset=utf8;drop', /parameter charset: invalid value/],
    ['mysql://user@host/db?nonsense=1', /unknown parameter "nonsense"; accepted: socket, charset, /],
    ['mysql://user@host/db?ssl_mode=maybe', /parameter ssl-mode: unknown value; accepted: disabled, preferred, /],
    ['mysql://us%er@host/db', /the user: invalid percent-encoding/],
    ['mysql://user@host/db?ssl-ca=/nowhere/ca', /parameter ssl-ca: ENOENT/],
    ['mysql://user@192.0.2.1/db?ssl_mode=verify_identity', /requires a host name, not an address/],
    ['mysql://user@[::1]/db?ssl_mode=verify_identity', /requires a host name, not an address/],
  ] as const) {
    t.match(mysql.problem(url), problem, url);
    t.notMatch(mysql.problem(url), /p@w|p\/w/, 'the password is not repeated');
  }
  const mode = (rest: string) => mysqlSettingsOf(`mysql://u@${rest}`).ssl?.mode;
  t.equal(mode('h/d'), 'preferred', "MySQL's default");
  t.equal(mode('localhost/d'), undefined, 'a socket needs no TLS');
  t.equal(mode('localhost/d?ssl-mode=preferred'), undefined);
  t.equal(mode('localhost:3306/d'), 'preferred', 'with a port it is no socket');
  t.equal(mode('h/d?ssl-mode=DISABLED'), undefined);
  t.equal(mode('h/d?ssl-ca=/ca'), 'verify_ca');
  t.equal(mode('h/d?ssl-cert=/c&ssl-key=/k'), 'required');
});

t.test('any text survives a URL', async () => {
  const text = fc.string({ unit: 'binary', minLength: 1 }).filter((each) => !each.includes('\0'));
  const encoded = encodeURIComponent;
  fc.assert(
    fc.property(text, text, text, (user, password, database) => {
      const read = settingsOf(`postgres://${encoded(user)}:${encoded(password)}@h/${encoded(database)}`);
      return read.user === user && read.password === password && read.database === database;
    }),
  );
  fc.assert(
    fc.property(text, (value) => {
      const query = formatQuery({ options: value, host: undefined });
      return parseQuery(query.slice(1), PARAMETER_NAMES).options === value;
    }),
  );
  fc.assert(fc.property(text, (path) => pathOf(`sqlite:///${encoded(path)}`) === `/${path}`));
  fc.assert(
    fc.property(fc.string(), (rest) => {
      for (const kind of [postgres, mysql, sqlite]) kind.problem(`${kind.schemes[0]}://${rest}`); // a sentence, no exception
      return true;
    }),
  );
});
