import { execFile, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { connect } from '../../daemon/store/postgres/connect.ts';
import { postgres } from '../../daemon/store/postgres/database.ts';
import { SESSION_OPTIONS } from '../../daemon/store/postgres/session.ts';
import { settingsOf } from '../../daemon/store/postgres/url.ts';
import { certificates } from '../fixtures/certificates.ts';
import { startDaemon, waitFor } from '../fixtures/daemon.ts';
import { freePort } from '../fixtures/free-port.ts';
import { binDirectory } from '../fixtures/postgres.ts';
import { type PrivateServer, privateServer } from '../fixtures/private-server.ts';
import { createSiteOnPostgres } from '../fixtures/site.ts';

const BIN = binDirectory();
const USER = 'postgres';
const OPTIONS = { applicationName: 'test', statementTimeoutMs: 5000, startup: SESSION_OPTIONS, timeoutMs: 5000 };

// Neither side may find files or variables of whoever runs the tests.
const home = mkdtempSync(join(tmpdir(), 'djauthd-h-'));
t.teardown(() => rmSync(home, { recursive: true, force: true }));
process.env.HOME = home;
for (const name of Object.keys(process.env)) if (name.startsWith('PG')) delete process.env[name];

interface Cluster {
  readonly port: number;
  readonly server: PrivateServer;
  readonly data: string;
  psql(sql: string): Promise<string>;
  restart(): Promise<void>;
}

/** A cluster on 127.0.0.1 and ::1, and on a socket in its directory. */
async function startCluster(
  t: Test,
  options: { hba?: string; settings?: string[]; make?: (server: PrivateServer, data: string) => void } = {},
): Promise<Cluster> {
  const server = privateServer('pgc', 'postgres', 'SIGQUIT');
  t.teardown(async () => {
    await server.end('SIGINT');
    server.remove();
  });
  const data = join(server.directory, 'data');
  const port = await freePort();
  if (options.make) options.make(server, data);
  else server.run(join(BIN, 'initdb'), ['-D', data, '-U', USER, '-A', 'trust', '--no-sync', '--locale', 'C.UTF-8']);
  if (options.hba) writeFileSync(join(data, 'pg_hba.conf'), `local all all trust\n${options.hba}`);
  const psql = async (sql: string) =>
    (
      await promisify(execFile)('psql', [
        '-XAtq',
        '-h',
        server.directory,
        '-p',
        `${port}`,
        '-U',
        USER,
        '-c',
        sql,
        'postgres',
      ])
    ).stdout.trim();
  const start = () =>
    server.start(
      join(BIN, 'postgres'),
      [
        '-D',
        data,
        '-k',
        server.directory,
        '-p',
        `${port}`,
        '-F',
        '-c',
        'listen_addresses=127.0.0.1,::1',
        '-c',
        'shared_buffers=16MB',
      ].concat((options.settings ?? []).flatMap((setting) => ['-c', setting])),
      async () => {
        await psql('SELECT 1');
      },
    );
  await start();
  return {
    port,
    server,
    data,
    psql,
    async restart() {
      await server.end('SIGINT');
      await start();
    },
  };
}

/** What comes of a URL: whether TLS was used, or `failed`. */
async function outcome(url: string): Promise<string> {
  try {
    const client = await connect(settingsOf(url), OPTIONS);
    const { rows } = await client.query('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()');
    await client.end();
    return rows[0].ssl ? 'TLS' : 'plain';
  } catch {
    return 'failed';
  }
}

/** The same from psql. */
async function psqlOutcome(url: string): Promise<string> {
  try {
    const query = 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()';
    const { stdout } = await promisify(execFile)('psql', ['-XAtqw', '-c', query, url], { env: process.env });
    return stdout.trim() === 't' ? 'TLS' : 'plain';
  } catch {
    return 'failed';
  }
}

t.test('sslmode means what it means to psql', async (t) => {
  const { ca, otherCa, cert, key } = certificates(t);
  const hba = `host all eve all trust
host all postgres all trust
hostssl all tlsonly all trust
hostnossl all plainonly all trust
host all secret all scram-sha-256
`;
  let copies = 0;
  const withTls = await startCluster(t, {
    hba,
    make: (server, data) => {
      server.run(join(BIN, 'initdb'), ['-D', data, '-U', USER, '-A', 'trust', '--no-sync', '--locale', 'C.UTF-8']);
      const { uid, gid } = statSync(data);
      for (const [from, name] of [
        [cert, 'server.crt'],
        [key, 'server.key'],
      ] as const) {
        execFileSync('cp', [from, join(data, name)]);
        chownSync(join(data, name), uid, gid);
        chmodSync(join(data, name), 0o600);
        copies++;
      }
    },
    settings: ['ssl=on'],
  });
  t.equal(copies, 2);
  const without = await startCluster(t, { hba });
  for (const cluster of [withTls, without]) {
    for (const user of ['eve', 'tlsonly', 'plainonly']) await cluster.psql(`CREATE ROLE ${user} LOGIN`);
    await cluster.psql("CREATE ROLE secret LOGIN PASSWORD 'right'");
  }
  mkdirSync(join(home, '.postgresql'));
  const modes = [undefined, 'disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'];
  const seen = new Set<string>();
  const compare = async (url: string, extra = '') => {
    const [expected, said] = await Promise.all([psqlOutcome(url), outcome(url)]);
    seen.add(expected);
    t.equal(said, expected, `${url.replace(home, '~')}${extra}`);
  };
  for (const inHome of [undefined, ca, otherCa]) {
    if (inHome) execFileSync('cp', [inHome, join(home, '.postgresql/root.crt')]);
    for (const mode of modes) {
      for (const [cluster, user] of [
        [withTls, 'eve'],
        [withTls, 'tlsonly'],
        [withTls, 'plainonly'],
        [without, 'eve'],
      ] as const) {
        for (const host of user === 'eve' ? ['localhost', '127.0.0.1', '[::1]'] : ['localhost']) {
          for (const root of inHome ? [undefined] : [undefined, ca, otherCa]) {
            const parameters = new URLSearchParams({
              ...(mode && { sslmode: mode }),
              ...(root && { sslrootcert: root }),
            });
            await compare(`postgres://${user}@${host}:${cluster.port}/postgres?${parameters}`, ` ~: ${inHome}`);
          }
        }
      }
    }
  }
  rmSync(join(home, '.postgresql'), { recursive: true });
  // TLS is not used on a socket, whatever the mode.
  for (const mode of modes.filter((mode) => mode !== undefined)) {
    const socket = encodeURIComponent(withTls.server.directory);
    await compare(`postgres://eve@/postgres?host=${socket}&port=${withTls.port}&sslmode=${mode}`);
    await compare(`postgres://eve@${socket}:${withTls.port}/postgres?sslmode=${mode}`);
  }
  // hostaddr says where, host says whose certificate.
  const verified = `sslmode=verify-full&sslrootcert=${ca}`;
  await compare(`postgres://eve@localhost:${withTls.port}/postgres?hostaddr=127.0.0.1&${verified}`);
  await compare(`postgres://eve@elsewhere.example:${withTls.port}/postgres?hostaddr=127.0.0.1&${verified}`);
  await compare(`postgres://eve@/postgres?hostaddr=127.0.0.1&port=${withTls.port}&sslmode=require`);
  for (const mode of ['allow', 'prefer', 'require']) {
    await compare(`postgres://secret:right@localhost:${withTls.port}/postgres?sslmode=${mode}`);
    await compare(`postgres://secret:wrong@localhost:${withTls.port}/postgres?sslmode=${mode}`);
  }
  await compare(`postgres://eve@localhost:${withTls.port}/postgres?ssl=true`);
  for (const version of ['TLSv1.2', 'TLSv1.3']) {
    await compare(
      `postgres://eve@localhost:${withTls.port}/postgres?sslmode=require&ssl_max_protocol_version=${version}`,
    );
  }
  t.same([...seen].sort(), ['TLS', 'failed', 'plain']);
});

t.test('several hosts and target_session_attrs', async (t) => {
  const primary = await startCluster(t, {
    hba: 'host all all all trust\nlocal replication all trust\n',
    settings: ['wal_level=replica', 'max_wal_senders=4'],
  });
  await primary.psql('CREATE ROLE careful LOGIN; ALTER ROLE careful SET default_transaction_read_only = on');
  const standby = await startCluster(t, {
    make: (server, data) => {
      const from = ['-h', primary.server.directory, '-p', `${primary.port}`, '-U', USER];
      server.run(join(BIN, 'pg_basebackup'), [...from, '-D', data, '-R', '-c', 'fast']);
    },
    settings: ['hot_standby=on'],
  });
  const closed = await freePort();
  const at = (...ports: number[]) => ports.map((port) => `127.0.0.1:${port}`).join(',');
  /** The port of the server that was chosen, or `failed`. */
  const chosen = async (url: string, timeoutMs = 5000): Promise<string> => {
    try {
      const client = await connect(settingsOf(url), { ...OPTIONS, timeoutMs });
      const { rows } = await client.query(
        "SELECT current_setting('port') AS port, current_setting('transaction_read_only') AS ro",
      );
      await client.end();
      t.equal(rows[0].ro, 'on', 'the session is read-only, whatever it was chosen for');
      return rows[0].port;
    } catch {
      return 'failed';
    }
  };
  const chosenByPsql = async (url: string): Promise<string> => {
    try {
      const { stdout } = await promisify(execFile)('psql', ['-XAtqw', '-c', 'SHOW port', url]);
      return stdout.trim();
    } catch {
      return 'failed';
    }
  };
  const orders = [
    [primary.port, standby.port],
    [standby.port, primary.port],
    [closed, standby.port, primary.port],
    [primary.port],
    [standby.port],
  ];
  for (const order of orders) {
    for (const attrs of ['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby']) {
      for (const user of [USER, 'careful']) {
        const url = `postgres://${user}@${at(...order)}/postgres?target_session_attrs=${attrs}`;
        t.equal(await chosen(url), await chosenByPsql(url), url);
      }
    }
  }
  const sockets = `host=${primary.server.directory},${standby.server.directory}&port=${primary.port},${standby.port}`;
  for (const url of [
    `postgres://postgres@/postgres?${sockets}&target_session_attrs=standby`,
    `postgres://postgres@/postgres?${sockets}`,
    `postgres://postgres@[::1]:${closed},localhost:${standby.port}/postgres`,
    `postgres://postgres@127.0.0.1,localhost/postgres?port=${standby.port}`,
    `postgres://postgres@/postgres?host=localhost,${primary.server.directory}&port=${closed},${primary.port}`,
    `postgres://postgres@a,b/postgres?hostaddr=127.0.0.1,::1&port=${closed},${primary.port}`,
    `postgres://nobody@${at(primary.port, standby.port)}/postgres`, // what a server says to a role is final
  ]) {
    t.equal(await chosen(url), await chosenByPsql(url), url);
  }
  // Hosts that do not answer get their share of the time, no more.
  const deaf = net.createServer(() => {}).listen(0, '127.0.0.1');
  await once(deaf, 'listening');
  t.teardown(() => deaf.close());
  const { port } = deaf.address() as net.AddressInfo;
  const startedAt = performance.now();
  t.equal(await chosen(`postgres://postgres@${at(port, port, primary.port)}/postgres`, 3000), `${primary.port}`);
  t.ok(performance.now() - startedAt < 3000, 'within the timeout of all');
  const message = await connect(
    settingsOf(`postgres://postgres@${at(closed, standby.port)}/postgres?target_session_attrs=primary`),
    OPTIONS,
  ).catch(({ message }) => message);
  t.match(message, /^127\.0\.0\.1:\d+: connect ECONNREFUSED .*; 127\.0\.0\.1:\d+: server is in hot standby mode$/);

  // The daemon follows a failover with its next connection.
  await primary.psql('CREATE DATABASE site');
  const site = await createSiteOnPostgres(`postgres://postgres@127.0.0.1:${primary.port}/site`, [
    { username: 'alice', password: 'secret' },
  ]);
  await site.close();
  await primary.psql('SELECT pg_switch_wal()');
  const url = `postgres://postgres@${at(primary.port, standby.port)}/site?target_session_attrs=primary`;
  const daemon = await startDaemon({ config: `[sites.site]\ndatabase = "${url}"\n[cache]\naccount_ttl = 0` });
  t.teardown(() => daemon.stop());
  const client = await daemon.connect();
  t.equal((await client.check('alice', 'secret')).status, 0);
  await waitFor(
    async () => (await standby.psql('SELECT pg_last_wal_replay_lsn() = pg_last_wal_receive_lsn()')) === 't',
  );
  await primary.server.end('SIGQUIT');
  t.equal((await client.check('alice', 'secret')).status, 4, 'a standby is not asked in place of the primary');
  await standby.psql('SELECT pg_promote()');
  t.equal((await client.check('alice', 'secret')).status, 0, 'until it is the primary');
});

t.test('services and password files', async (t) => {
  const cluster = await startCluster(t, { hba: 'host all all all scram-sha-256\n' });
  await cluster.psql("CREATE ROLE reader LOGIN PASSWORD 'p:w'");
  const passfile = join(home, 'passes');
  const write = (file: string, text: string) => {
    writeFileSync(file, text);
    chmodSync(file, 0o600);
  };
  write(passfile, `# all\nlocalhost:${cluster.port}:postgres:reader:p\\:w\n`);
  write(
    join(home, '.pg_service.conf'),
    `[site]\nhost=localhost\nport=${cluster.port}\nuser=reader\ndbname=postgres\nsslmode=disable\npassfile=${passfile}\n[odd]\nsslmdoe=require\n`,
  );
  const compare = async (url: string, expected: string) => {
    t.equal(await psqlOutcome(url), expected, `psql: ${url}`);
    t.equal(await outcome(url), expected, url);
  };
  const place = `localhost:${cluster.port}/postgres`;
  await compare('postgres:///?service=site', 'plain');
  await compare('postgres://postgres@/?service=site', 'failed');
  await compare('postgres:///?service=odd', 'failed');
  await compare('postgres:///?service=none', 'failed');
  await compare(`postgres://reader@${place}?passfile=${passfile}`, 'plain');
  await compare(`postgres://reader:wrong@${place}?passfile=${passfile}`, 'failed');
  await compare(`postgres://reader@${place}`, 'failed');
  await compare(`postgres://reader:p%3Aw@${place}`, 'plain');
  await compare(`postgres://${place}?user=reader&password=p%3Aw`, 'plain');
  write(join(home, '.pgpass'), '*:*:*:*:p\\:w\n');
  await compare(`postgres://reader@${place}`, 'plain');
  chmodSync(join(home, '.pgpass'), 0o644);
  await compare(`postgres://reader@${place}`, 'failed');
  t.equal(postgres.problem(`postgres://reader@${place}`), undefined);
  chmodSync(passfile, 0o640);
  t.match(
    postgres.problem(`postgres://reader@${place}?passfile=${passfile}`),
    /passes: permissions must be 0600 or less/,
  );
  t.match(postgres.problem('postgres:///?service=none'), /no service "none" in .*\.pg_service\.conf or/);
  t.match(postgres.problem('postgres:///?service=odd'), /unknown parameter "sslmdoe"; did you mean "sslmode"/);
  const failure = connect(settingsOf(`postgres://reader@${place}`), OPTIONS);
  await t.rejects(failure, /asks for a password, but there is none: set password_file, or passfile/);
});

t.test('an answer that the driver does not know does not end the daemon', async (t) => {
  let answer: Buffer = Buffer.alloc(0);
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(answer));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as net.AddressInfo;
  const says = async (octets: Buffer) => {
    answer = octets;
    const url = `postgres://reader:secret@127.0.0.1:${port}/site?sslmode=disable`;
    return connect(settingsOf(url), OPTIONS).then(
      () => 'connected',
      ({ message }) => message,
    );
  };
  const authentication = (code: number) => Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, code]);
  t.match(
    await says(authentication(7)),
    /the server demands authentication by GSSAPI, which is not supported: let pg_hba\.conf/,
  );
  t.match(await says(authentication(9)), /authentication by SSPI, which is not supported/);
  t.match(await says(authentication(99)), /authentication by method 99, which is not supported/);
  for (const junk of [
    'HTTP/1.1 400 Bad Request\r\n\r\n',
    'SSH-2.0-x\r\n',
    '',
    'R\0\0\0\x04',
    'S\0\0\0\x05x',
    'E\0\0\0\x08ab',
  ]) {
    t.not(await says(Buffer.from(junk, 'latin1')), 'connected', JSON.stringify(junk));
  }
});
