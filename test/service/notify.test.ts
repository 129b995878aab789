import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { SdNotifier } from '../../daemon/service/sd-notify.ts';
import { takeActivatedSockets } from '../../daemon/service/socket-activation.ts';
import { connect } from '../fixtures/client.ts';
import { PROGRAM, waitFor } from '../fixtures/daemon.ts';
import { freePort } from '../fixtures/free-port.ts';
import { createSite } from '../fixtures/site.ts';
import { supervise } from '../fixtures/supervisor.ts';

t.test('what the supervisor is told', async (t) => {
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
  t.ok(at > before && at < after, 'the clock is that of the system');

  // One that cannot be used: the old one stays, and so does the service.
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
  t.pass('it shows that it lives again and again');
  process.kill(supervisor.pid(), 'SIGSTOP');
  // What was on its way.
  await sleep(300);
  const stopped = alive();
  await sleep(1200);
  t.equal(alive(), stopped, 'a daemon that does not run does not say that it lives');
  process.kill(supervisor.pid(), 'SIGCONT');
  await waitFor(() => alive() > stopped, 30_000);

  t.same(told('STOPPING='), []);
  await supervisor.restart('SIGTERM');
  t.same(told('STOPPING='), ['STOPPING=1']);
  t.ok(supervisor.told().indexOf('STOPPING=1') < supervisor.told().lastIndexOf('READY=1'));
});

/** A daemon that systemd-socket-activate has opened sockets for; it starts the daemon at the first connection. */
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

t.test('sockets of systemd-socket-activate', async (t) => {
  const { directory, child, closed } = activate(t, 'auth:control', 'DIRECTORY/auth.sock', 'DIRECTORY/control.sock');
  const [auth, control] = [join(directory, 'auth.sock'), join(directory, 'control.sock')];
  await waitFor(() => existsSync(control), 30_000);
  chmodSync(auth, 0o642);
  chmodSync(control, 0o600);
  const made = [auth, control].map((path) => statSync(path));
  // Connecting starts it: the question waits in the socket until it is there.
  const client = await connect(auth);
  const answer = await client.check('alice', 'secret');
  t.equal(answer.status, 0);
  const orders = await connect(control);
  t.ok((await orders.ask('stats')).content.stats, 'and the other one is for control');
  client.close();
  orders.close();
  child.kill('SIGTERM');
  t.equal(await closed, 0);
  for (const [at, path] of [auth, control].entries()) {
    const { ino, mode } = statSync(path);
    t.same({ ino, mode }, { ino: made[at]?.ino, mode: made[at]?.mode }, `${path} is as it was`);
  }
});

t.test('sockets that are not taken', async (t) => {
  const refused = async (names: string, addresses: string[], sentence: RegExp) => {
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
  await refused('auth', [`127.0.0.1:${await freePort()}`], /djauthd\.toml: listen: .*(TCP|Unix|unix)/);
  await refused(
    'auth:auth',
    ['DIRECTORY/a', 'DIRECTORY/b'],
    /djauthd\.toml: listen: two sockets have the name "auth"$/m,
  );
  await refused(
    'auth:door',
    ['DIRECTORY/a', 'DIRECTORY/b'],
    /djauthd\.toml: listen: unknown socket name "door": FileDescriptorName= of the socket unit must be auth or control$/m,
  );
});

t.test('descriptors by name', (t) => {
  const take = (count: string | undefined, names?: string, pid = '7') =>
    takeActivatedSockets({ LISTEN_PID: pid, LISTEN_FDS: count, LISTEN_FDNAMES: names }, 7);
  t.same(take('2', 'auth:control'), { auth: 3, control: 4 });
  t.same(take('2', 'control:auth'), { auth: 4, control: 3 }, 'in any order');
  t.same(take('1', 'control'), { control: 3 });
  for (const unnamed of [undefined, '', 'unknown', 'djauthd.socket']) t.same(take('1', unnamed), { auth: 3 });
  t.same(take('0'), {});
  t.same(take(undefined), {});
  t.same(take('2', 'auth:control', '8'), {}, "another process's");
  t.same(take('nonsense', undefined, '8'), {});
  t.throws(() => take('2', 'auth:auth'), { message: 'two sockets have the name "auth"' });
  t.throws(() => take('1', 'door'), { message: /^unknown socket name "door": .* must be auth or control$/ });
  t.throws(() => take('2', 'auth'), { message: /^unknown socket name ""/ });
  t.throws(() => take('2'), { message: /^unknown socket name ""/ });
  for (const count of ['x', '-1', '1.5'])
    t.throws(() => take(count), { message: /^invalid LISTEN_FDS ".*": accepted is/ });
  t.end();
});

t.test('nothing of it is handed on', (t) => {
  for (const pid of ['7', '8']) {
    const environment = { LISTEN_PID: pid, LISTEN_FDS: '1', LISTEN_FDNAMES: 'auth', PATH: '/bin' };
    takeActivatedSockets(environment, 7);
    t.same(environment, { PATH: '/bin' }, `LISTEN_PID=${pid}`);
  }
  const broken: NodeJS.ProcessEnv = { LISTEN_PID: '7', LISTEN_FDS: 'x' };
  t.throws(() => takeActivatedSockets(broken, 7));
  t.same(broken, {}, 'nor where it is refused');

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
  t.match(said, [/^cannot notify systemd at \/nowhere: /], 'a supervisor that is away is said once');
  t.equal(said.length, 1);
  const others = { NOTIFY_SOCKET: '/nowhere', WATCHDOG_USEC: '400000', WATCHDOG_PID: '1' };
  t.equal(SdNotifier.fromEnvironment(others, log as never).watchdogMs, undefined, "another process's watchdog");
  t.equal(SdNotifier.fromEnvironment({}, log as never).watchdogMs, undefined);
  t.end();
});
