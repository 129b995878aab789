import { execFile, execFileSync } from 'node:child_process';
import { constants, generateKeyPairSync, privateDecrypt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { connect } from '../../daemon/store/mysql/connect.ts';
import { settingsOf } from '../../daemon/store/mysql/url.ts';
import { certificates } from '../fixtures/certificates.ts';
import { startDaemon } from '../fixtures/daemon.ts';
import { freePort } from '../fixtures/free-port.ts';
import { privateServer } from '../fixtures/private-server.ts';

const PASSWORD = 'pä55 word';

/** Where MariaDB is installed. */
const BASE = process.env.MARIADB_BASEDIR ?? '/usr';

/** What comes of a URL: whether TLS was used, or the error. */
async function outcome(url: string): Promise<string> {
  try {
    const client = await connect(settingsOf(url), { connectTimeout: 5000 });
    const [rows] = await client.promise().query("SHOW STATUS LIKE 'Ssl_cipher'");
    client.destroy();
    return (rows as { Value: string }[])[0]?.Value ? 'TLS' : 'plain';
  } catch (error) {
    return (error as Error).message;
  }
}

/** A MariaDB server on 127.0.0.1 and a socket, with one account for each kind of password. */
async function startServer(t: Test, options: string[] = []) {
  const server = privateServer('myc', 'mysql', 'SIGKILL');
  t.teardown(async () => {
    await server.end('SIGTERM');
    server.remove();
  });
  const data = join(server.directory, 'data');
  const socket = join(server.directory, 'sock');
  const port = await freePort();
  const run = async (sql: string) => {
    const flags = [
      '--no-defaults',
      '--skip-ssl', // since 11.4 the client refuses a server without TLS
      '--default-character-set=utf8mb4',
      '-S',
      socket,
      '-u',
      'root',
      '-N',
      '-B',
      '-e',
      sql,
    ];
    return (await promisify(execFile)('mariadb', flags)).stdout.trim();
  };
  const settings = ['--no-defaults', `--datadir=${data}`, `--basedir=${BASE}`];
  const make = ['--auth-root-authentication-method=normal', '--skip-test-db'];
  server.run(join(BASE, 'bin/mariadb-install-db'), [...settings, ...make]);
  const small = ['--innodb-buffer-pool-size=32M', '--innodb-log-file-size=8M', `--tmpdir=${server.directory}`];
  const place = [`--socket=${socket}`, `--port=${port}`, '--bind-address=127.0.0.1'];
  await server.start(
    join(BASE, 'sbin/mariadbd'),
    [
      ...settings,
      ...small,
      ...place,
      `--plugin-dir=${BASE}/lib/mysql/plugin`,
      '--plugin-load-add=auth_ed25519',
      ...options,
    ],
    async () => {
      await run('SELECT 1');
    },
  );
  const version = await run('SELECT version()');
  await run(`CREATE DATABASE site;
    CREATE USER native@'%' IDENTIFIED BY '${PASSWORD}';
    CREATE USER ed@'%' IDENTIFIED VIA ed25519 USING PASSWORD('${PASSWORD}');
    CREATE USER thirtytwo@'%' IDENTIFIED VIA ed25519 USING PASSWORD('${'x'.repeat(32)}');
    CREATE USER tlsonly@'%' IDENTIFIED BY '${PASSWORD}' REQUIRE SSL;
    CREATE USER withcert@'%' IDENTIFIED BY '${PASSWORD}' REQUIRE X509;
    CREATE USER system@'%' IDENTIFIED VIA unix_socket;
    GRANT SELECT ON site.* TO native@'%', ed@'%', thirtytwo@'%', tlsonly@'%', withcert@'%'`);
  const url = (user: string, rest = '', password = PASSWORD, host = '127.0.0.1') =>
    `mysql://${user}:${encodeURIComponent(password)}@${host}:${port}/site${rest}`;
  const local = (user: string) =>
    `mysql://${user}:${encodeURIComponent(PASSWORD)}@/site?socket=${encodeURIComponent(socket)}`;
  return { url, local, run, version };
}

t.test('MariaDB: TLS and passwords', async (t) => {
  const { ca, otherCa, cert, key, clientCert, clientKey, directory } = certificates(t);
  execFileSync('chmod', ['-R', 'a+rX', directory]);
  const server = await startServer(t, [`--ssl-ca=${ca}`, `--ssl-cert=${cert}`, `--ssl-key=${key}`]);
  const { url, local } = server;
  t.comment(server.version);
  const rows: [string, string | RegExp][] = [
    [url('native'), 'TLS'], // the default
    [url('native', '?ssl-mode=disabled'), 'plain'],
    [url('native', '?ssl-mode=PREFERRED'), 'TLS'],
    [url('native', '?ssl-mode=required'), 'TLS'],
    [url('native', '?ssl-mode=verify_ca'), /^TLS: (self-signed|unable to)/],
    [url('native', `?ssl-mode=verify_ca&ssl-ca=${ca}`), 'TLS'],
    [url('native', `?ssl-ca=${ca}`), 'TLS'],
    [url('native', `?ssl-ca=${otherCa}`), /^TLS: (self-signed|unable to)/],
    [url('native', `?ssl-mode=required&ssl-ca=${otherCa}`), 'TLS'],
    [url('native', `?ssl-mode=verify_identity&ssl-ca=${ca}`, PASSWORD, 'localhost'), 'TLS'],
    [url('native', `?ssl-mode=verify_identity&ssl-ca=${ca}`, PASSWORD, 'ip6-localhost.invalid'), /ENOTFOUND|EAI_AGAIN/],
    [url('tlsonly'), 'TLS'],
    [url('tlsonly', '?ssl-mode=disabled'), /Access denied/],
    [url('withcert'), /Access denied/],
    [url('withcert', `?ssl-cert=${clientCert}&ssl-key=${clientKey}`), 'TLS'],
    [url('ed'), 'TLS'],
    [url('ed', '?ssl-mode=disabled'), 'plain'],
    [url('ed', '', 'wrong'), /Access denied/],
    [url('thirtytwo', '', 'x'.repeat(32)), 'TLS'],
    [local('ed'), 'plain'],
    [local('native'), 'plain'],
    [local('system'), /Access denied.*an account that uses unix_socket is only for the system user/],
  ];
  for (const [each, expected] of rows) {
    const said = await outcome(each);
    if (typeof expected === 'string') t.equal(said, expected, each);
    else t.match(said, expected, each);
    t.notMatch(said, /pä55|p%C3|x{32}/, 'no password in a message');
  }
  t.equal(await server.run("SELECT count(*) FROM information_schema.processlist WHERE user = 'native'"), '0');

  // An account for the daemon that has a password of ed25519.
  await server.run(
    `CREATE TABLE site.people (id INT, name VARCHAR(30), hash VARCHAR(128)); INSERT INTO site.people VALUES (1, 'alice', 'pbkdf2_sha256$1$salt$x')`,
  );
  const schema =
    '[sites.site.schema.user]\ntable = "people"\nid = "id"\nusername = "name"\npassword = "hash"\nactive = false';
  const daemon = await startDaemon({ config: `[sites.site]\ndatabase = "${url('ed')}"\n${schema}` }).catch(() =>
    startDaemon({ config: `[sites.site]\ndatabase = "${url('ed')}"\n${schema.replace('\nactive = false', '')}` }),
  );
  t.teardown(() => daemon.stop());
  t.equal((await (await daemon.connect()).check('nobody', 'x')).status, 2, 'the daemon reads as that account');
});

t.test('MariaDB without TLS', async (t) => {
  const { url } = await startServer(t, ['--skip-ssl']);
  for (const [each, expected] of [
    [url('native'), 'plain'],
    [url('ed'), 'plain'],
    [url('native', '?ssl-mode=preferred'), 'plain'],
    [url('native', '?ssl-mode=required'), 'the server does not support TLS, which ssl-mode requires'],
    [url('native', '?ssl-mode=verify_ca'), 'the server does not support TLS, which ssl-mode requires'],
  ] as const) {
    t.equal(await outcome(each), expected, each);
  }
});

/** What a fake server does once it has the client's first answer. */
interface Script {
  /** The plugin that it asks for. */
  readonly plugin: string;
  /** Packets that it sends in turn, the next one or more after each packet of the client. */
  readonly packets: readonly (Buffer | Buffer[])[];
  readonly tls?: { key: Buffer; cert: Buffer };
}

const SCRAMBLE = Buffer.from('abcdefghijklmnopqrst');
const OK = Buffer.from([0, 0, 0, 2, 0, 0, 0]);
const CLIENT_SSL = 0x800;

/** A server that says hello as MySQL 8 does and records all that it is sent, TLS taken off. */
async function fakeServer(t: Test, { plugin, packets, tls: secure }: Script, path?: string) {
  const received: Buffer[] = [];
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    const capabilities = 0x00ffa20f | 0x080000 | (secure ? CLIENT_SSL : 0);
    const low = Buffer.alloc(2);
    low.writeUInt16LE(capabilities & 0xffff);
    const high = Buffer.alloc(2);
    high.writeUInt16LE(capabilities >>> 16);
    const hello = Buffer.concat([
      ...[Buffer.from('\x0a8.4.0\0', 'latin1'), Buffer.from([1, 0, 0, 0]), SCRAMBLE.subarray(0, 8), Buffer.from([0])],
      ...[low, Buffer.from([45, 2, 0]), high, Buffer.from([21]), Buffer.alloc(10)],
      ...[SCRAMBLE.subarray(8), Buffer.from([0]), Buffer.from(`${plugin}\0`)],
    ]);
    const send = (stream: net.Socket, body: Buffer, sequence: number) => {
      const head = Buffer.alloc(4);
      head.writeUIntLE(body.length, 0, 3);
      head[3] = sequence;
      stream.write(Buffer.concat([head, body]));
    };
    send(socket, hello, 0);
    let next = 0;
    const serve = (stream: net.Socket) => {
      let pending = Buffer.alloc(0);
      stream.on('error', () => {});
      stream.on('data', (chunk) => {
        pending = Buffer.concat([pending, chunk]);
        while (pending.length >= 4 && pending.length >= 4 + pending.readUIntLE(0, 3)) {
          const length = pending.readUIntLE(0, 3);
          const sequence = pending[3] as number;
          const body = pending.subarray(4, 4 + length);
          pending = pending.subarray(4 + length);
          if (secure && stream === socket) {
            socket.removeAllListeners('data');
            socket.pause();
            socket.unshift(pending);
            serve(new tls.TLSSocket(socket, { isServer: true, ...secure }));
            return;
          }
          received.push(body);
          const batch = packets[next++] ?? [];
          for (const [index, packet] of [batch].flat().entries()) send(stream, packet, sequence + 1 + index);
        }
      });
    };
    serve(socket);
  });
  server.listen(path ? { path } : { port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  t.teardown(() => server.close());
  return { port: (server.address() as net.AddressInfo).port, received };
}

/** The outcome of logging in, and what was sent after the client's first answer. */
async function logIn(t: Test, script: Script, options: { query?: string; socket?: boolean } = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'djauthd-f-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const path = options.socket ? join(directory, 'sock') : undefined;
  const { port, received } = await fakeServer(t, script, path);
  const place = path ? `/d?socket=${path}` : `127.0.0.1:${port}/d?${options.query ?? ''}`;
  let said = 'in';
  try {
    const client = await connect(settingsOf(`mysql://u:${encodeURIComponent(PASSWORD)}@${place}`), {
      connectTimeout: 5000,
    });
    client.destroy();
  } catch (error) {
    said = (error as Error).message;
  }
  t.notMatch(said, /TODO|pä55/);
  return { said, sent: received.slice(1) };
}

t.test('caching_sha2_password and sha256_password', async (t) => {
  const more = (octet: number) => Buffer.from([1, octet]);
  const switchTo = (plugin: string, data: Buffer = SCRAMBLE) =>
    Buffer.concat([Buffer.from([0xfe]), Buffer.from(`${plugin}\0`), data, Buffer.from([0])]);
  const { key, cert } = certificates(t);
  const secure = { key: readFileSync(key), cert: readFileSync(cert) };
  const clear = Buffer.from(`${PASSWORD}\0`);
  const plugin = 'caching_sha2_password';
  const hello = switchTo(plugin); // as the driver begins with another plugin
  const full = [hello, more(4), OK]; // the server does not know the password yet

  t.equal(
    (await logIn(t, { plugin, packets: [hello, [more(3), OK]] })).said,
    'in',
    'one that the server knows takes no key',
  );
  const plain = await logIn(t, { plugin, packets: full });
  t.match(plain.said, /authentication plugin caching_sha2_password .* requires TLS or the server's key: .*ssl-mode/);
  t.same(
    plain.sent.map(({ length }) => length),
    [32],
    'a digest was sent, but no key was requested',
  );
  const withTls = await logIn(t, { plugin, packets: full, tls: secure });
  t.same([withTls.said, withTls.sent.slice(1)], ['in', [clear]], 'within TLS');
  const local = await logIn(t, { plugin, packets: full }, { socket: true });
  t.same([local.said, local.sent.slice(1)], ['in', [clear]], 'on a socket');

  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const file = join(mkdtempSync(join(tmpdir(), 'djauthd-k-')), 'key.pem');
  writeFileSync(file, pair.publicKey.export({ type: 'spki', format: 'pem' }));
  const withKey = await logIn(t, { plugin, packets: full }, { query: `server-public-key-path=${file}` });
  t.equal(withKey.said, 'in');
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  const masked = privateDecrypt({ key: pair.privateKey, padding }, withKey.sent[1] as Buffer);
  t.equal(masked.map((octet, index) => octet ^ (SCRAMBLE[index % 20] as number)).toString(), `${PASSWORD}\0`);

  const sha256 = await logIn(t, { plugin: 'mysql_native_password', packets: [switchTo('sha256_password'), OK] });
  t.match(sha256.said, /authentication plugin sha256_password .* requires TLS/);
  t.same(sha256.sent, []);
  const switched = await logIn(t, {
    plugin: 'mysql_native_password',
    packets: [switchTo('sha256_password'), OK],
    tls: secure,
  });
  t.same([switched.said, switched.sent], ['in', [clear]]);
});

t.test('plugins that are not supported are named', async (t) => {
  const { key, cert } = certificates(t);
  const secure = { key: readFileSync(key), cert: readFileSync(cert) };
  for (const [plugin, reason] of [
    [
      'mysql_clear_password',
      /^authentication plugin mysql_clear_password is not supported \(it sends the password as plain text, for PAM or LDAP\); give the account/,
    ],
    ['dialog', /plugin dialog is not supported \(it sends the password as plain text, for PAM\)/],
    ['auth_gssapi_client', /plugin auth_gssapi_client is not supported \(it needs Kerberos\)/],
    ['mysql_old_password', /plugin mysql_old_password is not supported \(its hashes/],
    ['parsec', /plugin parsec is not supported; give the account a password of the plugin/],
    ['never_heard_of', /plugin never_heard_of is not supported; give the account/],
    ['__proto__', /plugin __proto__ is not supported/],
    ['\u001b[31m', /plugin of an unknown name is not supported/],
  ] as const) {
    const request = Buffer.concat([Buffer.from([0xfe]), Buffer.from(`${plugin}\0`), SCRAMBLE, Buffer.from([0])]);
    for (const tlsOptions of [undefined, secure]) {
      const script = {
        plugin: 'mysql_native_password',
        packets: [request, OK],
        ...(tlsOptions && { tls: tlsOptions }),
      };
      const { said, sent } = await logIn(t, script);
      t.match(said, reason);
      t.same(sent, [], 'and nothing was sent');
    }
    // A server can name a plugin in its greeting, too.
    const greeting = await logIn(t, { plugin, packets: [request, OK], tls: secure });
    t.match(greeting.said, reason);
    t.same(greeting.sent, []);
  }
});
