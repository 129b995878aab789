import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { SdNotifier } from '../../daemon/service/sd-notify.ts';
import { takeDescriptors } from '../../daemon/service/socket-activation.ts';
import { connect } from '../fixtures/client.ts';
import { PROGRAM, waitFor } from '../fixtures/daemon.ts';
import { freePort } from '../fixtures/free-port.ts';
import { createSite } from '../fixtures/site.ts';
import { supervise } from '../fixtures/supervisor.ts';

t.test('notifications of systemd', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'djauthd-n-'));
  const site = createSite(join(directory, 'db.sqlite3'), [{ username: 'alice', password: 'secret' }]);
  const supervisor = await supervise(`[sites.site]\ndatabase = "${site.url}"\n[log]\nlevel = "warn"`);
  t.teardown(async () => {
    await supervisor.stop();
    site.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const told = (word: string) => supervisor.told().filter((line) => line.startsWith(word));

  t.match(told('STATUS=')[0], /^STATUS=0\.0 checks\/s, 0 cached proofs, \d+ connections$/);
  t.same(told('READY='), ['READY=1']);

  const from = supervisor.told().length;
  const before = process.hrtime.bigint() / 1000n;
  process.kill(supervisor.pid(), 'SIGHUP');
  await waitFor(() => told('READY=').length === 2, 30_000);
  const after = process.hrtime.bigint() / 1000n;
  const reload = supervisor
    .told()
    .slice(from)
    .filter((line) => /^(RELOADING|MONOTONIC_USEC|READY)/.test(line));
  t.match(reload, ['RELOADING=1', /^MONOTONIC_USEC=\d+$/, 'READY=1'], 'in this order');
  const at = BigInt((reload[1] as string).slice('MONOTONIC_USEC='.length));
  t.ok(at > before && at < after, 'the clock is CLOCK_MONOTONIC');

  // An unusable configuration: the current one is kept, and the service stays up.
  const good = readFileSync(supervisor.configFile);
  writeFileSync(supervisor.configFile, 'nonsense');
  process.kill(supervisor.pid(), 'SIGHUP');
  await waitFor(() => told('READY=').length === 3, 30_000);
  t.equal(told('RELOADING=').length, 2);
  t.match(supervisor.log(), /keeping the current configuration/);
  writeFileSync(supervisor.configFile, good);

  const alive = () => told('WATCHDOG=1').length;
  const first = alive();
  await waitFor(() => alive() >= first + 3, 30_000);
  t.pass('the heartbeat continues');
  process.kill(supervisor.pid(), 'SIGSTOP');
  // Heartbeats that were sent before.
  await sleep(300);
  const stopped = alive();
  await sleep(1200);
  t.equal(alive(), stopped, 'a stopped daemon sends no heartbeat');
  process.kill(supervisor.pid(), 'SIGCONT');
  await waitFor(() => alive() > stopped, 30_000);

  t.same(told('STOPPING='), []);
  await supervisor.restart('SIGTERM');
  t.same(told('STOPPING='), ['STOPPING=1']);
  t.ok(supervisor.told().indexOf('STOPPING=1') < supervisor.told().lastIndexOf('READY=1'));
});

/** A daemon with sockets of systemd-socket-activate, which starts it at the first connection. */
function activate(t: Test, names: string, ...addresses: string[]) {
  const directory = mkdtempSync(join(tmpdir(), 'djauthd-a-'));
  const site = createSite(join(directory, 'db.sqlite3'), [{ username: 'alice', password: 'secret' }]);
  const config = join(directory, 'djauthd.toml');
  writeFileSync(
    config,
    `[listen]\nsocket = "${directory}/auth.sock"\ncontrol = "${directory}/control.sock"\n[sites.site]\ndatabase = "${site.url}"\n`,
  );
  const listens = addresses.flatMap((address) => ['-l', address.replace('DIRECTORY', directory)]);
  const command = [...listens, `--fdname=${names}`, PROGRAM, 'serve', '--config', config];
  const child: ChildProcess = spawn('systemd-socket-activate', command, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
  t.teardown(async () => {
    child.kill('SIGKILL');
    await closed;
    site.close();
    rmSync(directory, { recursive: true, force: true });
  });
  return { directory, child, closed, said: () => said };
}

t.test('socket activation', async (t) => {
  const { directory, child, closed, said } = activate(
    t,
    'auth:control',
    'DIRECTORY/auth.sock',
    'DIRECTORY/control.sock',
  );
  const [auth, control] = [join(directory, 'auth.sock'), join(directory, 'control.sock')];
  await waitFor(() => existsSync(control), 30_000);
  chmodSync(auth, 0o642);
  chmodSync(control, 0o600);
  t.notOk(existsSync(`${auth}.epoch`));
  const made = [auth, control].map((path) => statSync(path));
  // The connection starts the daemon and waits in the socket's backlog until it is ready.
  const client = await connect(auth);
  const answer = await client.check('alice', 'secret');
  t.equal(answer.status, 0);
  t.equal(
    statSync(`${auth}.epoch`).mode & 0o777,
    0o444,
    'leases are given on a socket that systemd opened, to all who may open it',
  );
  t.ok((await client.check('alice', 'secret', { lease: true })).content.lease_ms > 0);
  const orders = await connect(control);
  t.ok((await orders.ask('stats')).content.stats, 'the other one is the control socket');
  // The keys that describe the sockets are those of systemd's units now: a reload says that it cannot apply them.
  const config = join(directory, 'djauthd.toml');
  const text = readFileSync(config, 'utf8');
  for (const [key, changed] of [
    ['socket', text.replace(/^socket = .*/m, `socket = "${directory}/other"`)],
    ['mode', text.replace(/^control/m, 'mode = "0600"\n$&')],
    ['group', text.replace(/^control/m, 'group = "daemon"\n$&')],
    ['control', text.replace(/^control.*/m, '')],
  ] as const) {
    const from = said().length;
    writeFileSync(config, changed);
    t.equal((await orders.ask('reload')).status, 0);
    const sentence = `"listen.${key} has no effect: systemd opened the socket, change its unit"`;
    await waitFor(() => said().slice(from).includes('configuration reloaded'));
    t.equal(said().slice(from).split('no effect').length, 2, 'one key');
    t.ok(said().slice(from).includes(sentence), key);
    writeFileSync(config, text);
    t.equal((await orders.ask('reload')).status, 0);
    await waitFor(() => said().slice(from).split('configuration reloaded').length === 3);
  }
  client.close();
  orders.close();
  child.kill('SIGTERM');
  t.equal(await closed, 0);
  for (const [at, path] of [auth, control].entries()) {
    const { ino, mode } = statSync(path);
    t.same({ ino, mode }, { ino: made[at]?.ino, mode: made[at]?.mode }, `${path} is as it was`);
  }
});

t.test('sockets that cannot be used', async (t) => {
  const rejected = async (names: string, addresses: string[], sentence: RegExp) => {
    const { directory, child, closed, said } = activate(t, names, ...addresses);
    await waitFor(() => said().includes('Listening on'), 30_000);
    await sleep(50);
    const address = (addresses[0] as string).replace('DIRECTORY', directory);
    const client = await connect(address.startsWith('/') ? address : (address.split(':')[1] as string));
    t.equal(await closed, 2, names);
    t.match(said(), sentence);
    t.equal(child.signalCode, null);
    client.close();
  };
  await rejected('auth', [`127.0.0.1:${await freePort()}`], /djauthd\.toml: listen: .*(TCP|Unix|unix)/);
  await rejected(
    'auth:auth',
    ['DIRECTORY/a', 'DIRECTORY/b'],
    /djauthd\.toml: listen: two sockets have the name "auth"$/m,
  );
  await rejected(
    'auth:door',
    ['DIRECTORY/a', 'DIRECTORY/b'],
    /djauthd\.toml: listen: unknown socket name "door": FileDescriptorName= of the socket unit must be auth or hooks or control$/m,
  );
});

t.test('descriptors by name', (t) => {
  const take = (count: string | undefined, names?: string, pid = '7') =>
    takeDescriptors({ LISTEN_PID: pid, LISTEN_FDS: count, LISTEN_FDNAMES: names }, 7);
  t.same(take('2', 'auth:control'), { auth: 3, control: 4 });
  t.same(take('2', 'control:auth'), { auth: 4, control: 3 }, 'in any order');
  t.same(take('1', 'control'), { control: 3 });
  for (const unnamed of [undefined, '', 'unknown', 'djauthd.socket']) t.same(take('1', unnamed), { auth: 3 });
  t.same(take('0'), {});
  t.same(take(undefined), {});
  t.same(take('2', 'auth:control', '8'), {}, 'variables for another process');
  t.same(take('nonsense', undefined, '8'), {});
  t.throws(() => take('2', 'auth:auth'), { message: 'two sockets have the name "auth"' });
  t.throws(() => take('1', 'door'), { message: /^unknown socket name "door": .* must be auth or hooks or control$/ });
  t.throws(() => take('2', 'auth'), { message: /^unknown socket name ""/ });
  t.throws(() => take('2'), { message: /^unknown socket name ""/ });
  for (const count of ['x', '-1', '1.5'])
    t.throws(() => take(count), { message: /^invalid LISTEN_FDS ".*": accepted is/ });
  t.end();
});

t.test('child processes inherit none of the variables', (t) => {
  for (const pid of ['7', '8']) {
    const environment = { LISTEN_PID: pid, LISTEN_FDS: '1', LISTEN_FDNAMES: 'auth', PATH: '/bin' };
    takeDescriptors(environment, 7);
    t.same(environment, { PATH: '/bin' }, `LISTEN_PID=${pid}`);
  }
  const broken: NodeJS.ProcessEnv = { LISTEN_PID: '7', LISTEN_FDS: 'x' };
  t.throws(() => takeDescriptors(broken, 7));
  t.same(broken, {}, 'nor after an error');

  const said: string[] = [];
  const log = { warn: (text: string) => said.push(text), error: (text: string) => said.push(text) };
  const environment = {
    NOTIFY_SOCKET: '/nowhere',
    WATCHDOG_USEC: '400000',
    WATCHDOG_PID: `${process.pid}`,
    PATH: '/bin',
  };
  const notifier = SdNotifier.fromEnvironment(environment, log as never);
  t.same(environment, { PATH: '/bin' });
  t.equal(notifier.watchdogMs, 400);
  notifier.ready();
  notifier.alive();
  t.match(said, [/^cannot notify systemd at \/nowhere: /], 'one line while systemd cannot be reached');
  t.equal(said.length, 1);
  const others = { NOTIFY_SOCKET: '/nowhere', WATCHDOG_USEC: '400000', WATCHDOG_PID: '1' };
  t.equal(SdNotifier.fromEnvironment(others, log as never).watchdogMs, undefined, 'the watchdog of another process');
  t.equal(SdNotifier.fromEnvironment({}, log as never).watchdogMs, undefined);
  t.end();
});
