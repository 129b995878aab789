import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { withPassword } from '../../daemon/config/password-file.ts';
import type { IntrospectedDatabase } from '../../daemon/import/introspection.ts';
import { mysqlUrl } from '../../daemon/import/mysql-url.ts';
import { postgresUrl } from '../../daemon/import/postgres-url.ts';
import { sqliteUrl } from '../../daemon/import/sqlite-url.ts';
import { settingsOf } from '../../daemon/store/postgres/url.ts';

const DATABASE: IntrospectedDatabase = {
  alias: 'default',
  write_alias: 'default',
  read_aliases: ['default'],
  routers: [],
  elsewhere: [],
  vendor: 'postgresql',
  engine: '',
  parameters: {},
  role: null,
  directory: '/srv/site',
  user: 'www',
  home: '/nowhere',
  environment: {},
};

t.test('URLs of PostgreSQL', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'djauthd-u-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  writeFileSync(
    join(directory, 'services'),
    '# all\n[other]\nhost=/x\n[crew]\nhost=/run/pg\nport=5433\ndbname=crew\nuser=mate\n',
  );
  writeFileSync(join(directory, 'pass'), '# of us\nlocalhost:*:*:mate:no\n*:5433:crew:mate:a\\:b\\\\c\n*:*:*:*:last\n');
  const of = async (parameters: object, rest: Partial<IntrospectedDatabase> = {}) => {
    const { url, password } = await postgresUrl({ ...DATABASE, parameters: { ...parameters }, ...rest });
    return password === undefined ? url : [url, password];
  };
  t.equal(await of({}), 'postgres://www@/www?host=/var/run/postgresql', "libpq's own defaults");
  t.equal(await of({ dbname: 'a b', user: 'x@y', host: '/run/pg dir' }), 'postgres://x%40y@/a%20b?host=/run/pg%20dir');
  t.equal(
    await of({ dbname: 'd', host: 'h', port: 5433, sslmode: 'disable' }),
    'postgres://www@h:5433/d?sslmode=disable',
  );
  t.equal(
    await of({ database: 'd', host: '::1', sslmode: 'disable' }),
    'postgres://www@[::1]/d?sslmode=disable',
    'psycopg2',
  );
  t.equal(
    await of({ dbname: 'd', host: 'h', sslmode: 'verify-full', sslrootcert: '/ca', sslcert: '/c', sslkey: '/k' }),
    'postgres://www@h/d?sslmode=verify-full&sslrootcert=/ca&sslcert=/c&sslkey=/k',
  );
  t.equal(
    await of({ dbname: 'd', host: '/s', options: '-c search_path=a,b' }, { role: 'a role' }),
    'postgres://www@/d?host=/s&options=-c%20search_path%3Da%2Cb%20-c%20role%3Da%5C%20role',
  );
  // Read back by the driver, with a password inserted.
  for (const odd of [
    { dbname: 'a@b/c %;=?#', user: 'x:y@z' },
    { dbname: 'd', user: 'é', host: 'h', port: 1, sslmode: 'disable' },
  ]) {
    const { url } = await postgresUrl({ ...DATABASE, parameters: odd });
    const { database, user, password } = settingsOf(withPassword(url, "p@/:?#%'é"));
    t.same({ database, user, password }, { database: odd.dbname, user: odd.user, password: "p@/:?#%'é" });
  }
  const environment = {
    PGSERVICEFILE: join(directory, 'services'),
    PGPASSFILE: join(directory, 'pass'),
    PGHOST: '/env',
  };
  t.same(await of({ service: 'crew' }, { environment }), ['postgres://mate@/crew?host=/run/pg&port=5433', 'a:b\\c']);
  t.same(await of({ service: 'crew', user: 'me' }, { environment }), [
    'postgres://me@/crew?host=/run/pg&port=5433',
    'last',
  ]);
  t.same(await of({ password: 'p', dbname: 'd' }, { environment }), ['postgres://www@/d?host=/env', 'p']);
  await t.rejects(of({ service: 'none' }, { environment }), /no service "none" in/);
  t.equal(
    await of({ dbname: 'd', host: 'a,::1,c', port: '1,5432,3', target_session_attrs: 'primary', hostaddr: '' }),
    'postgres://www@a:1,[::1],c:3/d?target_session_attrs=primary',
  );
  t.equal(await of({ dbname: 'd', host: '/s,b', port: '1,2' }), 'postgres://www@/d?host=/s%2Cb&port=1%2C2');
  t.equal(
    await of({ dbname: 'd', hostaddr: '192.0.2.1', sslcrl: '/crl' }),
    'postgres://www@/d?hostaddr=192.0.2.1&sslcrl=/crl',
  );
  await t.rejects(of({ host: 'a', channel_binding: 'require' }), /channel_binding=require is not supported/);
  await t.rejects(of({ host: 'a', require_auth: 'scram-sha-256' }), /require_auth=scram-sha-256 is not supported/);
  await t.rejects(of({ host: 'a', sslmode: 'verify-ca' }), /requires sslrootcert/);
});

t.test('URLs of MySQL and SQLite', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'djauthd-u-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  writeFileSync(
    join(directory, 'my.cnf'),
    '[mysqld]\nuser=no\n[client]\nuser = site\npassword = "p#w"\nhost=db\nport=3307\ndatabase=crew\nssl-ca=/ca\n',
  );
  const of = (parameters: object) => {
    const { url, password } = mysqlUrl({ ...DATABASE, parameters: { ...parameters }, directory });
    return password === undefined ? url : [url, password];
  };
  t.same(of({ user: 'u', passwd: 'p', db: 'd', host: 'h', port: 3307 }), ['mysql://u@h:3307/d', 'p']);
  t.equal(
    of({ user: 'u', database: 'd', unix_socket: '/s k', charset: 'utf8mb4' }),
    'mysql://u@localhost/d?socket=/s%20k',
  );
  t.equal(of({ database: 'd', host: 'localhost', port: 3306 }), 'mysql://www@localhost/d', 'localhost is the socket');
  t.equal(of({ database: 'd', host: 'h', charset: 'latin1' }), 'mysql://www@h/d?charset=latin1');
  t.equal(of({ database: 'd', host: 'h', ssl: { ca: '/ca' } }), 'mysql://www@h/d?ssl_mode=verify_ca&ssl_ca=/ca');
  t.equal(of({ database: 'd', host: 'h', ssl_mode: 'REQUIRED' }), 'mysql://www@h/d?ssl_mode=required');
  t.equal(of({ database: 'd', host: 'h', ssl_mode: 'DISABLED' }), 'mysql://www@h/d?ssl_mode=disabled');
  t.same(of({ read_default_file: 'my.cnf' }), ['mysql://site@db:3307/crew?ssl_mode=verify_ca&ssl_ca=/ca', 'p#w']);
  t.same(
    of({ read_default_file: 'my.cnf', db: 'other', user: 'x' })[0],
    'mysql://x@db:3307/other?ssl_mode=verify_ca&ssl_ca=/ca',
  );
  t.throws(() => of({ user: 'u' }), /has no NAME/);
  t.throws(() => of({ read_default_file: '/nowhere', db: 'd' }), /cannot read \/nowhere, the read_default_file/);

  const sqlite = (database: string) => sqliteUrl({ ...DATABASE, parameters: { database } });
  t.equal(sqlite('/a b/%#?.db').url, 'sqlite:///a%20b/%25%23%3F.db');
  t.equal(sqlite('db.sqlite3').url, 'sqlite:///srv/site/db.sqlite3');
  t.match(sqlite('db.sqlite3').notes, [{ text: /relative to \/srv\/site/ }]);
  t.equal(sqlite('file:///a%20b.db?mode=ro').url, 'sqlite:///a%20b.db');
  t.equal(sqlite('file:../x.db').url, 'sqlite:///srv/x.db');
  for (const memory of ['', ':memory:', 'file::memory:', 'file:x?mode=memory&cache=shared']) {
    t.throws(() => sqlite(memory), /in-memory/, memory);
  }
});
