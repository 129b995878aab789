import { existsSync, readFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { encodeRequest } from '../../protocol/request.ts';
import { type Client, connect } from '../fixtures/client.ts';
import { type RunningDaemon, waitFor } from '../fixtures/daemon.ts';
import { openDatabase } from '../fixtures/sqlite.ts';
import { createWorld } from '../fixtures/world.ts';

const PEOPLE = [{ username: 'alice', password: 'secret' }];
const UID = process.getuid?.() as number;
const MIB = 1024;

const memoryOf = (daemon: RunningDaemon) =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${daemon.process.pid}/status`, 'utf8'))?.[1]) / MIB;

/** Connections that write something and read nothing. */
async function open(path: string, count: number, octets: Buffer): Promise<net.Socket[]> {
  const sockets = Array.from({ length: count }, () => net.connect(path));
  await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
  for (const socket of sockets) socket.on('error', () => {}).write(octets);
  return sockets;
}

/** A daemon whose database is locked until `writer` rolls back, and its resident memory before, in MiB. */
async function lockedSite(t: Test) {
  const { daemon, directory, client } = await createWorld(t, PEOPLE, { config: 'timeout = "20s"' });
  const writer = openDatabase(join(directory, 'db.sqlite3'));
  t.teardown(() => writer.close());
  t.equal((await client.check('alice', 'secret')).status, 0);
  const before = memoryOf(daemon);
  writer.exec('begin exclusive');
  return { daemon, before, writer };
}

t.test('long passwords while the database is locked', async (t) => {
  const { daemon, before, writer } = await lockedSite(t);
  const frames = Array.from({ length: 64 }, (_, id) =>
    encodeRequest(id, 'check', { username: Buffer.from(`u${id}`), password: Buffer.alloc(32_000, 0x70) }),
  );
  const sockets = await open(daemon.socket, 400, Buffer.concat(frames));
  let most = 0;
  for (let count = 0; count < 30; count++) {
    await sleep(100);
    most = Math.max(most, memoryOf(daemon));
  }
  t.comment(
    `resident memory: ${before.toFixed(0)} MiB before, ${most.toFixed(0)} MiB with 400 × 64 passwords of 32 kB`,
  );
  t.ok(most < 300, `${most} MiB`);
  const newcomer = await daemon.connect();
  t.equal((await newcomer.ask('ping')).status, 0, 'others are served');
  writer.exec('rollback');
  for (const socket of sockets) socket.destroy();
  await waitFor(async () => (await newcomer.check('alice', 'secret', { deadline_ms: 60_000 })).status === 0, 60_000);
});

t.test('questions that are over while the database is locked', async (t) => {
  const { daemon, before, writer } = await lockedSite(t);
  const ends = Date.now() + 4_000;
  const frames = (deadline_ms: number) =>
    Buffer.concat(
      Array.from({ length: 64 }, (_, id) =>
        encodeRequest(id, 'check', {
          username: Buffer.from(`u${id}`),
          password: Buffer.alloc(32_000, 0x70),
          deadline_ms,
        }),
      ),
    );
  const [short, long] = [frames(1), frames(60_000)];
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, memoryOf(daemon));
  }, 100);
  // Those answered at a deadline of 1 ms, and those of connections that are closed.
  const sockets = await open(daemon.socket, 20, short);
  for (const socket of sockets) {
    socket.on('data', () => {
      if (Date.now() < ends && !socket.writableNeedDrain) socket.write(short);
    });
  }
  while (Date.now() < ends) {
    const gone = await open(daemon.socket, 10, long);
    await sleep(100);
    for (const socket of gone) socket.destroy();
  }
  clearInterval(watch);
  t.comment(`resident memory: ${before.toFixed(0)} MiB before, ${most.toFixed(0)} MiB at most`);
  t.ok(most < 300, `${most} MiB`);
  writer.exec('rollback');
  for (const socket of sockets) socket.destroy();
  const newcomer = await daemon.connect();
  await waitFor(async () => (await newcomer.check('alice', 'secret', { deadline_ms: 60_000 })).status === 0, 60_000);
});

t.test('status questions of one client', async (t) => {
  const { daemon, client } = await createWorld(t, PEOPLE);
  await client.ask('ping');
  let replies = 0;
  const many = net.connect(daemon.socket);
  const ask = encodeRequest(1, 'status', { format: 'html' });
  const count = Math.floor(56_000 / ask.length);
  const length = (await client.ask('status', { format: 'html' })).content.body.length;
  let octets = 0;
  many.on('data', (chunk) => {
    octets += chunk.length;
    replies = Math.floor(octets / length);
  });
  many.write(Buffer.concat(Array.from({ length: count }, () => ask)));
  await waitFor(() => replies > 0);
  await client.ask('ping');
  t.ok(replies < count, `a ping is answered after ${replies} of ${count} pages`);
  await waitFor(() => replies >= count, 60_000);
  many.destroy();
});

t.test('idle connections up to the limit', async (t) => {
  const { daemon, client } = await createWorld(t, PEOPLE, {
    daemon: { listen: 'max_connections = 40\nidle = "300ms"' },
  });
  await client.ask('ping');
  const idle = await open(daemon.socket, 39, Buffer.alloc(0));
  const newcomers: Client[] = [];
  for (let count = 0; count < 10; count++) {
    const newcomer = await daemon.connect();
    t.match(await newcomer.check('alice', 'secret'), { status: 0 });
    newcomers.push(newcomer);
  }
  await waitFor(() => idle.filter(({ readableEnded, destroyed }) => readableEnded || destroyed).length >= 9);
  await sleep(1_100); // all are idle for longer than listen.idle
  const last = await daemon.connect();
  t.equal((await last.ask('ping')).status, 0);
  await waitFor(() => newcomers.every(({ socket }) => socket.destroyed));
});

t.test('who asks is in the log, and listen.allow decides what they may', async (t) => {
  const table = (user: number, rest: string) => `[[listen.allow]]\nuser = [${user}]\n${rest}\n`;
  const { daemon, client, directory } = await createWorld(t, PEOPLE, {
    daemon: { listen: table(UID, 'operations = ["check", "ping"]') },
  });
  t.equal((await client.check('alice', 'wrong')).status, 1);
  t.equal((await client.check('Tr0ub4dor', 'x')).status, 2);
  t.match(await client.authorize('alice'), {
    status: 4,
    content: { reason: /uid \d+ ask for the operation authorize/ },
  });
  t.match(await client.ask('status', { format: 'json' }), { status: 4 });
  t.match(await client.check('alice', 'secret'), { status: 0 }, 'the connection stays');
  await waitFor(() => daemon.lines().filter(({ uid }) => uid !== undefined).length >= 4);
  const lines = daemon.lines();
  t.match(
    lines.find(({ reason }) => reason === 'wrong-password'),
    { user: 'alice', uid: UID, pid: process.pid },
  );
  t.match(
    lines.find(({ reason }) => reason === 'unknown-user'),
    { user: /^\\\([0-9a-f]{12}\)$/, pid: process.pid },
  );
  t.match(
    lines.find(({ msg }) => /authorize/.test(msg)),
    { level: 40, uid: UID, pid: process.pid },
  );
  t.notMatch(daemon.log(), /Tr0ub4dor/);

  const site = `[sites.site]\ndatabase = "sqlite://${join(directory, 'db.sqlite3')}"\n`;
  const reload = async (listen: string) => {
    daemon.configure(site, listen);
    const control = await connect(daemon.control);
    t.match(await control.ask('reload'), { status: 0 });
    control.close();
  };
  await reload(table(UID + 1, ''));
  t.match(await client.check('alice', 'secret'), { status: 4 }, 'an open connection obeys the present tables');
  await reload(table(UID, 'rate = 1'));
  const statuses = await Promise.all(Array.from({ length: 5 }, () => client.check('alice', 'secret')));
  t.same(statuses.map(({ status }) => status).sort(), [0, 0, 3, 3, 3]);
  await reload('');
  t.match(await client.authorize('alice'), { status: 0 }, 'without a table everything is as before');

  const hooks = join(directory, 'hooks.sock');
  await reload(`hooks = "${hooks}"`);
  t.ok(existsSync(hooks));
  const hook = await connect(hooks);
  t.match(await hook.authorize('alice'), { status: 0 });
  t.match(await hook.check('alice', 'secret'), { status: 0 });
  t.match(await client.check('alice', 'secret'), { status: 0 });
  t.match(await client.authorize('alice'), { status: 5, content: { reason: /belongs to the hooks socket/ } });
  hook.close();
});

t.test('denials above the limit of lines are counted', async (t) => {
  const { daemon, client } = await createWorld(t, PEOPLE, { config: '[log]\nlines = 10' });
  await Promise.all(Array.from({ length: 60 }, () => client.check('alice', 'wrong')));
  const omitted = () => daemon.lines().reduce((sum, line) => sum + (line.omitted ?? 0), 0);
  const denied = () => daemon.lines().filter(({ msg }) => msg === 'denied').length;
  await waitFor(() => omitted() + denied() === 60);
  t.ok(omitted() > 0, `${omitted()} omitted`);
});
