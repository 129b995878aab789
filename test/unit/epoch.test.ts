import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  linkSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import net from 'node:net';
import { endianness, tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { EpochFiles } from '../../daemon/epoch/epoch.ts';

const LITTLE = endianness() === 'LE';
const numberOf = (octets: Buffer) => (LITTLE ? octets.readBigUInt64LE() : octets.readBigUInt64BE());

/** A directory with sockets, and what beside them a daemon does that listens there. */
async function world(t: Test, sockets = ['auth']) {
  // Not t.testdir(): the path of a socket has at most 107 octets.
  const directory = mkdtempSync(join(tmpdir(), 'djauthd-epoch-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  for (const name of sockets) {
    const server = net.createServer();
    await new Promise<void>((resolve) => server.listen(join(directory, name), resolve));
    t.teardown(() => server.close());
  }
  const clock = { now: 1_000n };
  const troubles: string[] = [];
  const start = () => new EpochFiles({ onTrouble: (message) => troubles.push(message), now: () => clock.now });
  const at = (name = 'auth') => ({ name, path: join(directory, name) });
  const file = (name = 'auth') => join(directory, `${name}.epoch`);
  const read = (name?: string) => {
    const octets = readFileSync(file(name));
    t.equal(octets.length, 8);
    return numberOf(octets);
  };
  return { directory, clock, troubles, start, at, file, read };
}

t.test('whoever may open the socket may see the epoch', async (t) => {
  const { start, at, file } = await world(t);
  const epoch = start();
  for (const [socket, mode] of [
    [0o666, 0o444],
    [0o660, 0o440],
  ] as const) {
    chmodSync(at().path, socket);
    epoch.configure([at()]);
    t.equal(statSync(file()).mode & 0o777, mode);
  }
  epoch.close();
});

t.test('the file is there, and its number rises', async (t) => {
  const { clock, troubles, start, at, file, read } = await world(t);
  const epoch = start();
  t.equal(epoch.isShownOn('auth'), false, 'not before the socket is listened on');
  epoch.configure([at()]);
  t.equal(epoch.isShownOn('auth'), true);
  t.equal(read(), 1_000n, 'the time in microseconds');
  t.equal(epoch.value, 1_000n);
  const { ino, mode, gid } = statSync(file());
  t.equal(mode & 0o777, 0o440);
  t.equal(gid, statSync(at().path).gid, "the socket's group");
  epoch.raise();
  t.equal(read(), 1_001n, 'it rises while the clock stands still');
  clock.now = 500n;
  epoch.raise();
  t.equal(read(), 1_002n, 'and when it steps back');
  clock.now = 5_000n;
  epoch.raise();
  t.equal(read(), 5_000n);
  epoch.close();
  t.equal(read(), 5_001n, 'a last time at the end');
  t.equal(epoch.isShownOn('auth'), false);
  epoch.raise();
  epoch.configure([at()]);
  t.equal(read(), 5_001n, 'then no more');

  clock.now = 10n;
  const next = start();
  next.configure([at()]);
  t.equal(read(), 5_002n, 'a daemon whose clock is behind goes on from what it finds');
  next.configure([at()]);
  t.equal(read(), 5_003n, 'a reload raises it');
  t.equal(statSync(file()).ino, ino, 'it is the same file all the time, for those who have it mapped');
  t.equal(statSync(file()).mode & 0o777, 0o440);
  t.same(troubles, []);
});

t.test('a mapping of it shows what is written', async (t) => {
  const { start, at, file } = await world(t);
  const epoch = start();
  epoch.configure([at()]);
  // Maps the file, says so, and prints the number once it is another one.
  const script = `
import mmap, os, sys, time
fd = os.open(sys.argv[1], os.O_RDONLY)
seen = mmap.mmap(fd, 8, mmap.MAP_SHARED, mmap.PROT_READ)
first = seen[:]
os.kill(os.getppid(), 12)
deadline = time.time() + 20
while seen[:] == first and time.time() < deadline: time.sleep(0.001)
print(int.from_bytes(seen[:], sys.byteorder))
`;
  const mapped = new Promise<void>((resolve) => process.once('SIGUSR2', () => resolve()));
  const child = spawn('/usr/bin/python3', ['-c', script, file()], { stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
  });
  await mapped;
  epoch.raise();
  await new Promise((resolve) => child.once('close', resolve));
  t.equal(printed.trim(), String(epoch.value));
});

t.test('one number for all sockets', async (t) => {
  const { clock, start, at, file, read } = await world(t, ['auth', 'hooks']);
  const epoch = start();
  epoch.configure([at('auth'), at('hooks')]);
  epoch.raise();
  t.same([read('auth'), read('hooks')], [epoch.value, epoch.value]);

  const before = epoch.value;
  const fd = openSync(file('hooks'), 'r');
  epoch.configure([at('auth')]);
  t.ok(epoch.value > before);
  const octets = Buffer.alloc(8);
  readSync(fd, octets, 0, 8, 0);
  closeSync(fd);
  t.ok(numberOf(octets) > before, 'leases of a socket that is no longer served end');
  t.ok(numberOf(octets) < epoch.value, 'and none begins that nothing could end');
  t.same([epoch.isShownOn('auth'), epoch.isShownOn('hooks')], [true, false]);
  epoch.raise();
  t.ok(read('hooks') < read('auth'));
  clock.now = 0n;
  epoch.configure([at('auth'), at('hooks')]);
  t.same([read('auth'), read('hooks')], [epoch.value, epoch.value]);

  epoch.configure([]);
  t.same([epoch.isShownOn('auth'), epoch.isShownOn('hooks')], [false, false], 'no leases are configured');
});

t.test('a file that is deleted is made again at the next reload', async (t) => {
  const { start, at, file, read } = await world(t);
  const epoch = start();
  epoch.configure([at()]);
  const fd = openSync(file(), 'r');
  rmSync(file());
  epoch.raise();
  const before = epoch.value;
  t.notOk(existsSync(file()), 'it is not looked for each time');
  epoch.configure([at()]);
  t.equal(read(), epoch.value);
  const octets = Buffer.alloc(8);
  readSync(fd, octets, 0, 8, 0);
  t.ok(numberOf(octets) > before, 'those who have the old one mapped see a last number');
  t.not(numberOf(octets), epoch.value, 'which is in no lease: they would not see that it ended');
  closeSync(fd);
});

t.test('what is found in its place', async (t) => {
  for (const [about, octets, expected] of [
    ['nothing in it', '', 1_000n],
    ['a part of it', '00000000', 1_000n],
    ['zeros', '0000000000000000', 1_000n],
    ['a number that no reply can carry', 'ffffffffffffffff', 1_000n],
    ['the largest that one can', LITTLE ? 'ffffffffffff1f00' : '001fffffffffffff', 1_000n],
    ['a number of the year 2200', LITTLE ? '0080d6e2ffcc1900' : '0019ccffe2d68000', 0x19ccffe2d68001n],
  ] as const) {
    const { start, at, file, read, troubles } = await world(t);
    rmSync(file(), { force: true });
    writeFileSync(file(), Buffer.from(octets, 'hex'), { mode: 0o440 });
    const epoch = start();
    epoch.configure([at()]);
    t.equal(read(), expected, about);
    t.same(troubles, []);
    rmSync(file());
  }
});

t.test('where it cannot be made there are no leases, and that is said once', async (t) => {
  const { directory, start, at, file, troubles } = await world(t, ['auth', 'hooks', 'linked']);
  symlinkSync('/etc/hostname', file('auth'));
  const epoch = start();
  epoch.configure([at('auth'), at('hooks'), { name: 'nowhere', path: undefined }]);
  t.same([epoch.isShownOn('auth'), epoch.isShownOn('hooks'), epoch.isShownOn('nowhere')], [false, true, false]);
  t.equal(troubles.length, 2);
  t.match(troubles[0], /^no leases on .*\/auth: cannot use .*\/auth\.epoch: .*is no file/);
  epoch.configure([at('auth'), at('hooks'), { name: 'nowhere', path: undefined }]);
  t.equal(troubles.length, 2, 'not again at a reload');
  rmSync(file('auth'));
  epoch.configure([at('auth'), at('hooks')]);
  t.equal(epoch.isShownOn('auth'), true, 'a reload tries again');
  epoch.close();

  // Somebody else's file, where everybody may create one, is not made ours.
  writeFileSync(join(directory, 'secret'), 'precious');
  linkSync(join(directory, 'secret'), file('linked'));
  const linked = start();
  const before = statSync(file('linked'));
  linked.configure([{ name: 'linked', path: join(directory, 'linked') }]);
  t.equal(linked.isShownOn('linked'), false);
  t.match(troubles.at(-1), /\/linked\.epoch: it is a hard link to another file; remove it$/);
  t.equal(readFileSync(file('linked'), 'latin1'), 'precious');
  t.equal(statSync(file('linked')).mode, before.mode);

  // Root may write everywhere: another user tries.
  if (process.getuid?.() !== 0) return;
  rmSync(file('linked'));
  writeFileSync(file('linked'), 'precious');
  chownSync(file('linked'), 12_345, 0);
  linked.configure([{ name: 'linked', path: join(directory, 'linked') }]);
  t.equal(linked.isShownOn('linked'), false);
  t.match(
    troubles.at(-1),
    /\/linked\.epoch: it belongs to neither the socket's owner nor djauthd's user, but to uid 12345/,
  );
  t.equal(readFileSync(file('linked'), 'latin1'), 'precious');
  linked.close();
  chmodSync(directory, 0o755);
  const script = `
    process.setgid(65534); process.setuid(65534);
    const { EpochFiles } = await import(${JSON.stringify(join(import.meta.dirname, '../../daemon/epoch/epoch.ts'))});
    const epoch = new EpochFiles({ onTrouble: (message) => console.log(message) });
    epoch.configure([{ name: 'auth', path: ${JSON.stringify(at('auth').path)} }]);
    console.log(epoch.isShownOn('auth'));`;
  const { stdout, stderr } = spawnSync('node', ['--import', 'tsx', '--input-type=module', '-e', script], {
    encoding: 'utf8',
  });
  t.match(
    stdout,
    /^no leases on .*cannot use .*\.epoch: .*(EPERM|EACCES).*; it must be writable .* see ExecStartPost= in djauthd\.socket\nfalse\n$/,
    stderr,
  );
});
