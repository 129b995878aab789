import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { endianness, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { connect } from '../fixtures/client.ts';
import { startDaemon, waitFor } from '../fixtures/daemon.ts';
import { createWorld } from '../fixtures/world.ts';

const PEOPLE = [
  { username: 'alice', password: 'secret', isStaff: true },
  { username: 'bob', password: 'secret' },
];

interface Reply {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: replies of every kind
  content: any;
  /** Whether the client did not ask. */
  leased: boolean;
}

/** The client that was written from PROTOCOL.md alone, with leases. */
function stranger(t: Test, socket: string) {
  const script = join(import.meta.dirname, 'stranger.py');
  const child = spawn('/usr/bin/python3', [script, '--leases', socket], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  t.teardown(() => child.kill());
  const bin = (text: string) => ({ bin: Buffer.from(text).toString('hex') });
  const ask = async (operation: string, args: object): Promise<Reply> => {
    child.stdin.write(`${JSON.stringify({ operation, arguments: args })}\n`);
    const reply: Reply = JSON.parse((await lines.next()).value);
    if (reply.leased) counts.given++;
    else counts.said = counts.given;
    return reply;
  };
  /** Grants on lease, and how many of them the daemon has been told about. */
  const counts = { given: 0, said: 0 };
  return {
    counts,
    check: (username: string, password: string, rest: object = {}) =>
      ask('check', { username: bin(username), password: bin(password), ...rest }),
    authorize: (username: string, rest: object = {}) => ask('authorize', { username: bin(username), ...rest }),
  };
}

function epochOf(socket: string): bigint {
  const octets = readFileSync(`${socket}.epoch`);
  return endianness() === 'LE' ? octets.readBigUInt64LE() : octets.readBigUInt64BE();
}

/** Leases that are longer than a test. */
const LONG = '[cache]\naccount_ttl = "1h"\nlease = "30m"';

t.test('a client that keeps leases asks once, until the daemon forgets', async (t) => {
  const { daemon, site, stats } = await createWorld(t, PEOPLE, { config: LONG });
  const { check, authorize, counts } = stranger(t, daemon.socket);
  /** The database is looked at by and by, and a change that is noticed ends leases once more. */
  const bobHasLease = () => waitFor(async () => (await authorize('bob')).leased);
  // The first look at the database is one that finds a change.
  await bobHasLease();
  const first = await check('alice', 'secret');
  t.match(first, { status: 0, leased: false, content: { account: { username: 'alice' } } });
  t.ok(first.content.lease_ms > 1_700_000 && first.content.lease_ms <= 1_800_000, `${first.content.lease_ms} ms`);
  t.equal(BigInt(first.content.lease_epoch), epochOf(daemon.socket));
  for (let i = 0; i < 5; i++) t.match(await check('alice', 'secret'), { status: 0, leased: true });
  t.match(await check('alice', 'secret', { client: { address: '192.0.2.9' } }), { leased: true });
  t.match(await check('alice', 'secret', { require: { staff: true } }), { status: 0, leased: false });
  t.match(await check('alice', 'wrong'), { status: 1, leased: false });
  t.match(await check('alice', 'wrong'), { status: 1, leased: false }, 'a denial has no lease');
  t.match(await authorize('bob', { require: { staff: false } }), { status: 0, leased: false });
  t.match(await authorize('bob', { require: { staff: false } }), { status: 0, leased: true });
  t.ok(counts.given === counts.said + 1 && counts.said >= 6);
  t.match(await stats(), { leased: counts.said, denied: 2 }, 'what was said with the next question; the last was not');

  const control = await connect(daemon.control);
  t.teardown(() => control.close());
  t.match(await check('alice', 'secret'), { status: 0, leased: true });
  site.update('alice', { isActive: false });
  const before = epochOf(daemon.socket);
  await control.ask('flush', { username: Buffer.from('alice') });
  t.ok(epochOf(daemon.socket) > before);
  t.match(await check('alice', 'secret'), { status: 1, content: { reason: 'inactive' }, leased: false });
  t.match(await authorize('bob'), { status: 0, leased: false }, 'a flush ends all leases');
  await sleep(400); // the file is opened again a while after the commit, which ends leases once more
  await bobHasLease();
  t.equal((await stats()).leased, counts.said);
  const unchanged = epochOf(daemon.socket);
  await control.ask('flush', { throttle: true });
  t.equal(epochOf(daemon.socket), unchanged, 'debts are not accounts');

  daemon.signal('SIGHUP');
  while (epochOf(daemon.socket) === unchanged) await sleep(5);
  t.match(await authorize('bob'), { status: 0, leased: false }, 'so does a reload');
  const { ino } = statSync(`${daemon.socket}.epoch`);
  await bobHasLease();
  daemon.configure(`[sites.site]\ndatabase = "${site.url}"\n[cache]\nlease = 0`);
  await control.ask('reload');
  for (let i = 0; i < 2; i++) t.match(await authorize('bob'), { status: 0, leased: false }, 'cache.lease = 0');
  t.equal((await authorize('bob')).content.lease_ms, undefined);
  daemon.configure(`[sites.site]\ndatabase = "${site.url}"\n${LONG}`);
  await control.ask('reload');
  await bobHasLease();
  t.equal(statSync(`${daemon.socket}.epoch`).ino, ino, 'the file is the same');
  t.equal(statSync(`${daemon.socket}.epoch`).mode & 0o777, 0o440);
});

t.test('an orderly end and a start raise the epoch; a kill does not', async (t) => {
  const { daemon, site, directory } = await createWorld(t, PEOPLE, { config: LONG });
  const config = `[sites.site]\ndatabase = "${site.url}"\n${LONG}`;
  const first = epochOf(daemon.socket);
  daemon.signal('SIGTERM');
  await daemon.exited;
  const second = epochOf(daemon.socket);
  t.ok(second > first, 'the end');
  const killed = await startDaemon({ directory, config });
  const third = epochOf(daemon.socket);
  t.ok(third > second, 'the start');
  killed.signal('SIGKILL');
  await killed.exited;
  t.equal(epochOf(daemon.socket), third);
  const next = await startDaemon({ directory, config });
  t.ok(epochOf(daemon.socket) > third, 'the start after it');
  await next.stop();
});

t.test('a lease is no longer than cache.lease, nor than the account may decide', async (t) => {
  const { client } = await createWorld(t, PEOPLE);
  const leases: number[] = [];
  for (let i = 0; i < 20; i++) {
    const { status, content } = await client.check('alice', 'secret', { lease: true });
    t.equal(status, 0);
    if (content.lease_ms !== undefined) leases.push(content.lease_ms);
    await sleep(20);
  }
  t.ok(leases.length >= 10 && leases.every((ms) => ms >= 1 && ms <= 1_000), `the default is 1 s: ${leases}`);
  t.equal((await client.check('alice', 'secret')).content.lease_ms, undefined, 'who does not ask gets none');
  t.equal((await client.check('alice', 'secret', { lease: false })).content.lease_ms, undefined);

  const { client: fresh, daemon } = await createWorld(t, PEOPLE, { config: '[cache]\naccount_ttl = 0' });
  t.match(await fresh.check('alice', 'secret', { lease: true }), { status: 0, content: { lease_ms: undefined } });
  t.notOk(existsSync(`${daemon.socket}.epoch`), 'nothing to say, no file');
});

t.test('each socket has its file, and one epoch', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'djauthd-h-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const hooks = join(directory, 'hooks.sock');
  const { daemon } = await createWorld(t, PEOPLE, { config: LONG, daemon: { listen: `hooks = "${hooks}"` } });
  t.equal(epochOf(hooks), epochOf(daemon.socket));
  t.notOk(existsSync(`${daemon.control}.epoch`), 'no leases on the control socket');
  const { authorize } = stranger(t, hooks);
  t.match(await authorize('bob'), { status: 0, leased: false });
  await waitFor(async () => (await authorize('bob')).leased);
});
