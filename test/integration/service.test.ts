import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { connect } from '../fixtures/client.ts';
import { PROGRAM, startDaemon, waitFor } from '../fixtures/daemon.ts';
import { createSite, encodePbkdf2, type Person } from '../fixtures/site.ts';
import { createWorld } from '../fixtures/world.ts';

const PEOPLE: Person[] = [{ username: 'alice', password: 'secret' }];

const PING = Buffer.from('00000009940101a470696e6780', 'hex');

/** A hash that takes seconds; it need not match. */
const SLOW: Person[] = [
  { username: 'alice', encoded: encodePbkdf2('secret', { iterations: 1 }).replace('$1$', '$20000000$') },
];

const NOBODY = 65534;
const AS_NOBODY = `exec setpriv --reuid ${NOBODY} --regid ${NOBODY} --clear-groups env -u NODE_OPTIONS`;

t.test('sockets', async (t) => {
  const { daemon, directory, site } = await createWorld(t, PEOPLE, { daemon: { listen: 'group = "www-data"' } });
  const auth = statSync(daemon.socket);
  t.equal(auth.mode & 0o7777, 0o660);
  const group = readFileSync('/etc/group', 'utf8').match(/^www-data:[^:]*:(\d+)/m)?.[1];
  t.equal(auth.gid, Number(group));
  t.equal(statSync(daemon.control).mode & 0o7777, 0o600);
  t.match(
    readFileSync(`/proc/${daemon.process.pid}/limits`, 'utf8'),
    /Max core file size +1 +1 /,
    'no core file, also none piped to a program',
  );

  const serve = (config: string) => {
    const file = join(directory, 'other.toml');
    writeFileSync(file, config);
    const { status, stderr } = spawnSync(PROGRAM, ['serve', '--config', file], { encoding: 'utf8', timeout: 10_000 });
    return { status, stderr, file };
  };
  const sites = `[sites.site]\ndatabase = "${site.url}"\n`;
  const live = serve(`[listen]\nsocket = "${daemon.socket}"\n${sites}`);
  t.equal(live.status, 2, 'a live socket cannot be used');
  t.match(live.stderr, /auth\.sock: address already in use/);
  t.ok(existsSync(daemon.socket), 'and stays as it is');
  const plain = serve(`[listen]\nsocket = "${live.file}"\n${sites}`);
  t.equal(plain.status, 2);
  t.match(plain.stderr, /file exists and is not a socket/);
  t.match(serve(`[listen]\nsocket = "/nowhere/a.sock"\n${sites}`).stderr, /no such directory: \/nowhere/);
  t.match(
    serve(`[listen]\nsocket = "${directory}/b"\ngroup = "nobody-has-it"\n${sites}`).stderr,
    /no such group "nobody-has-it"/,
  );
  t.match(
    spawnSync(PROGRAM, ['serve', '--config', '/nowhere.toml'], { encoding: 'utf8' }).stderr,
    /\/nowhere\.toml: cannot be read/,
  );

  const checked = spawnSync(PROGRAM, ['check-config', '--config', daemon.configFile], { encoding: 'utf8' });
  t.equal(checked.status, 0);
  t.match(checked.stdout, /OK, 1 site: site/);
  t.equal(spawnSync(PROGRAM, ['check-config', '--nonsense']).status, 2);
});

t.test('a stale socket is replaced', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'djauthd-s-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const site = createSite(join(directory, 'db.sqlite3'), PEOPLE);
  const config = `[sites.site]\ndatabase = "${site.url}"`;
  const killed = await startDaemon({ directory, config });
  killed.signal('SIGKILL');
  await killed.exited;
  t.ok(existsSync(killed.socket), 'kill -9 leaves the socket');
  const daemon = await startDaemon({ directory, config });
  t.equal((await (await daemon.connect()).check('alice', 'secret')).status, 0);
  t.equal(await daemon.stop(), 0);
  t.notOk(existsSync(daemon.socket), 'a daemon that exits removes it');
  site.close();
});

t.test('SIGTERM: requests in flight are answered', async (t) => {
  const { daemon, client, stats } = await createWorld(t, PEOPLE, { iterations: 2_000_000 });
  const idle = await daemon.connect();
  const slow = client.check('alice', 'secret');
  await waitFor(async () => (await stats()).hashes_running === 1);
  daemon.signal('SIGTERM');
  t.equal((await slow).status, 0);
  t.equal(await daemon.exited, 0);
  await t.rejects(idle.ask('ping'), 'idle connections are closed');
});

t.test('a second signal ends the daemon at once', async (t) => {
  const { daemon, client, stats } = await createWorld(t, SLOW);
  const slow = client.check('alice', 'secret').catch((error: Error) => error.message);
  await waitFor(async () => (await stats()).hashes_running === 1);
  daemon.signal('SIGTERM');
  await waitFor(() => daemon.log().includes('stopping: SIGTERM'));
  daemon.signal('SIGTERM');
  t.equal(await daemon.exited, 1);
  t.type(await slow, 'string', 'requests in flight get no answer, and no wrong one');
});

t.test('shutdown.grace bounds the end, as reloaded', async (t) => {
  const { daemon, client, site, stats } = await createWorld(t, SLOW, { config: '[shutdown]\ngrace = "1h"' });
  daemon.configure(`[sites.site]\ndatabase = "${site.url}"\n[shutdown]\ngrace = "200ms"`);
  daemon.signal('SIGHUP');
  await waitFor(() => daemon.log().includes('configuration reloaded'));
  client.check('alice', 'secret').catch(() => {});
  await waitFor(async () => (await stats()).hashes_running === 1);
  daemon.signal('SIGTERM');
  t.equal(await daemon.exited, 1);
  t.match(daemon.lines().at(-1).msg, /shutdown\.grace/);
});

/** A client that sends pings and never reads, until the daemon has not read from it for a while. */
async function deafPeer(path: string): Promise<{ deaf: net.Socket; sent: number }> {
  const deaf = net.connect(path);
  deaf.on('error', () => {});
  deaf.pause();
  await once(deaf, 'connect');
  const pings = Buffer.concat(Array.from({ length: 4000 }, () => PING));
  let sent = 0;
  for (let full = 0; full < 40 && sent < 400 * pings.length; ) {
    if (deaf.writableNeedDrain) full++;
    else {
      full = 0;
      deaf.write(pings);
      sent += pings.length;
    }
    await sleep(10);
  }
  return { deaf, sent };
}

t.test('a client that does not read its replies does not delay the end', async (t) => {
  const { daemon } = await createWorld(t, PEOPLE);
  const { deaf, sent } = await deafPeer(daemon.socket);
  t.ok(deaf.writableNeedDrain, `after ${sent} octets the daemon has unread replies`);
  daemon.signal('SIGTERM');
  t.equal(await daemon.exited, 0);
  deaf.destroy();
});

t.test('SIGHUP', async (t) => {
  const { daemon, client, site, directory } = await createWorld(t, PEOPLE);
  const second = createSite(join(directory, 'second.sqlite3'), [{ username: 'bob', password: 'other' }]);
  t.teardown(() => second.close());
  const sites = `[sites.site]\ndatabase = "${site.url}"\n`;
  const reload = async (config: string, listen = '') => {
    daemon.configure(config, listen);
    const before = daemon.log().length;
    daemon.signal('SIGHUP');
    await waitFor(() => /configuration reloaded|reload failed/.test(daemon.log().slice(before)));
    return daemon.log().slice(before);
  };
  t.equal((await client.check('alice', 'secret')).status, 0);
  t.match(await reload(`${sites}[sites.second]\ndatabase = "${second.url}"`), /configuration reloaded/);
  t.equal((await client.check('bob', 'other', { site: 'second' })).status, 0, 'a new site, on an old connection');
  t.equal((await client.check('alice', 'secret', { site: 'site' })).status, 0);
  t.equal((await client.check('alice', 'secret')).status, 4, 'with two sites one must be named');

  t.match(
    await reload(`${sites}[cache]\nnonsense = 1`),
    /reload failed, keeping the current configuration: .*unknown key .{1,2}nonsense.{1,2} in \[cache\]/,
  );
  t.equal((await client.check('bob', 'other', { site: 'second' })).status, 0, 'a bad configuration changes nothing');
  t.match(
    await reload(sites, 'group = "nobody-has-it"'),
    /reload failed, keeping the current configuration: .*nobody-has-it/,
  );
  t.equal((await client.check('bob', 'other', { site: 'second' })).status, 0, 'nor does a socket that cannot be used');

  const elsewhere = readFileSync(daemon.configFile, 'utf8');
  writeFileSync(daemon.configFile, elsewhere.replace(/control = .*/, 'control = "/nowhere/c"\nmode = "0666"'));
  daemon.signal('SIGHUP');
  await waitFor(() => daemon.log().includes('/nowhere'));
  t.equal(statSync(daemon.socket).mode & 0o777, 0o660, 'the mode is not changed by a reload that fails');

  t.match(await reload(sites, 'mode = "0600"'), /configuration reloaded/);
  t.equal(statSync(daemon.socket).mode & 0o777, 0o600, 'the mode is changed in place');
  t.equal((await client.check('bob', 'other', { site: 'second' })).status, 4, 'a removed site is a fault');
  t.equal((await client.check('alice', 'secret')).status, 0);
});

t.test('mode and group of a socket are changed together or not at all', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'djauthd-u-'));
  const site = createSite(join(directory, 'db.sqlite3'), PEOPLE);
  t.teardown(() => rmSync(directory, { recursive: true }));
  chownSync(directory, NOBODY, NOBODY);
  chownSync(site.path, NOBODY, NOBODY);
  const program = join(directory, 'as-nobody');
  writeFileSync(program, `#!/bin/sh\n${AS_NOBODY} ${PROGRAM} "$@"\n`, { mode: 0o755 });
  const sites = `[sites.site]\ndatabase = "${site.url}"\n`;
  const daemon = await startDaemon({ directory, program, config: sites, listen: 'mode = "0640"' });
  t.teardown(() => daemon.stop());
  const before = statSync(daemon.socket);
  const control = await connect(daemon.control);
  t.teardown(() => control.close());
  daemon.configure(sites, 'mode = "0606"\ngroup = "www-data"');
  const { status, content } = await control.ask('reload');
  t.equal(status, 4);
  t.match(content.reason, /auth\.sock: EPERM.*; the daemon's user must be in group "www-data"/);
  const { mode, gid, ino } = statSync(daemon.socket);
  t.same({ mode, gid, ino }, { mode: before.mode, gid: before.gid, ino: before.ino });
  site.close();
});

t.test('djauthd reload writes the same log lines as SIGHUP', async (t) => {
  const { daemon, site } = await createWorld(t, PEOPLE);
  const control = await connect(daemon.control);
  t.teardown(() => control.close());
  const reloads = () =>
    daemon
      .lines()
      .filter(({ msg }) => /reload/.test(msg))
      .map(({ level, msg, sites }) => ({ level, msg, sites }));
  for (const config of [`[sites.site]\ndatabase = "${site.url}"`, 'nonsense = 1']) {
    const from = reloads().length;
    daemon.configure(config);
    daemon.signal('SIGHUP');
    await waitFor(() => reloads().length === from + 1);
    await control.ask('reload');
    await waitFor(() => reloads().length === from + 2);
    t.same(reloads()[from + 1], reloads()[from]);
  }
  t.match(reloads(), [
    { level: 30, msg: 'configuration reloaded', sites: ['site'] },
    {},
    { level: 50, msg: /^reload failed, keeping the current configuration: .*nonsense/ },
    {},
  ]);
});

t.test('more connections than the limit of open files', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'djauthd-f-'));
  const site = createSite(join(directory, 'db.sqlite3'), PEOPLE);
  const program = join(directory, 'limited');
  writeFileSync(program, `#!/bin/sh\nulimit -n 64\nexec ${PROGRAM} "$@"\n`, { mode: 0o755 });
  const sites = `[sites.site]\ndatabase = "${site.url}"`;
  const daemon = await startDaemon({ directory, program, config: sites });
  t.teardown(async () => {
    await daemon.stop();
    site.close();
    rmSync(directory, { recursive: true });
  });
  await waitFor(() =>
    daemon.lines().some(({ level, msg }) => level === 40 && /limit of open files \(64\) is too low/.test(msg)),
  );
  const client = await daemon.connect();
  t.equal((await client.check('alice', 'secret')).status, 0);
  const many = await Promise.all(Array.from({ length: 200 }, () => connect(daemon.socket).catch(() => undefined)));
  await waitFor(() => many.some((each) => each === undefined || each.socket.destroyed));
  t.equal((await client.check('alice', 'secret')).status, 0, 'open connections are served');
  for (const each of many) each?.close();
  await waitFor(async () => {
    const next = await connect(daemon.socket);
    const answered = await next.check('alice', 'secret').then(
      ({ status }) => status === 0,
      () => false,
    );
    next.close();
    return answered;
  });
  t.pass('and new ones as soon as others are closed');
});

t.test('the control socket', async (t) => {
  const { daemon, client, site } = await createWorld(t, PEOPLE, { config: '[cache]\naccount_ttl = "1h"' });
  const control = await connect(daemon.control);
  t.teardown(() => control.close());
  t.equal((await client.check('alice', 'secret')).status, 0);
  t.match((await control.ask('stats')).content.stats, { granted: 1, denied: 0, proofs: 1, accounts: 1, hashes: 1 });
  site.setPassword('alice', 'new');
  t.equal((await client.check('alice', 'new')).status, 0, 'an hour has not passed, but a commit was noticed');
  t.same(await control.ask('flush', { username: Buffer.from('alice') }), { status: 0, content: { flushed: 1 } });
  t.equal((await client.check('alice', 'new')).status, 0);
  t.ok((await control.ask('flush')).content.flushed >= 2);
  t.same(await control.ask('reload'), { status: 0, content: {} });
  daemon.configure('nonsense = 1');
  const refused = await control.ask('reload');
  t.equal(refused.status, 4);
  t.match(refused.content.reason, /nonsense/);
  const strict = await connect(daemon.control);
  t.equal((await strict.check('alice', 'new')).status, 5, 'check belongs to the auth socket');
  await waitFor(() => strict.socket.destroyed);
  for (const operation of ['stats', 'flush', 'reload']) {
    const other = await daemon.connect();
    t.equal((await other.ask(operation)).status, 5, `${operation} belongs to the control socket`);
    await waitFor(() => other.socket.destroyed);
  }
});

t.test('connections', async (t) => {
  const { daemon, client } = await createWorld(t, PEOPLE, { daemon: { listen: 'max_connections = 20' } });
  t.same((await client.ask('ping')).content.protocol, 1);

  const half = net.connect({ path: daemon.socket, allowHalfOpen: true });
  half.end(PING);
  const replies: Buffer[] = [];
  for await (const chunk of half) replies.push(chunk);
  t.ok(Buffer.concat(replies).includes('djauthd'), 'a client that has ended its side gets its reply');

  const misbehaving = net.connect(daemon.socket);
  const slow = Buffer.from(
    '0000002b940102a5636865636b82a8757365726e616d65c405616c696365a870617373776f7264c406736563726574',
    'hex',
  );
  misbehaving.write(Buffer.concat([slow, Buffer.from('00000009940103a46e6f7065c0', 'hex'), PING]));
  const said: Buffer[] = [];
  for await (const chunk of misbehaving) said.push(chunk);
  const all = Buffer.concat(said);
  t.ok(all.includes('alice'), 'requests accepted before a bad one are answered');
  t.ok(all.indexOf('alice') < all.indexOf('map'), 'then the bad request');
  t.notOk(all.includes('djauthd'), 'and no request after it');

  // A client that sends and never reads: the memory used for it is bounded.
  const rss = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${daemon.process.pid}/status`, 'utf8'))?.[1]);
  const before = rss();
  const { deaf, sent } = await deafPeer(daemon.socket);
  t.ok(deaf.writableNeedDrain, `after ${sent} octets the daemon reads no further`);
  t.ok(rss() - before < 60_000, `its memory grew by ${rss() - before} KiB`);
  t.same((await client.ask('ping')).status, 0, 'others are served');
  deaf.destroy();

  const many = Array.from({ length: 40 }, () => net.connect(daemon.socket));
  for (const socket of many) socket.on('error', () => {});
  await waitFor(() => many.some((socket) => socket.destroyed));
  const newcomer = await daemon.connect();
  t.same((await newcomer.ask('ping')).status, 0, 'those that are idle for longest are closed, and one more is served');
  for (const socket of many) socket.destroy();
});

t.test('a user who may not open the socket cannot ask', async (t) => {
  const { daemon, directory } = await createWorld(t, PEOPLE);
  chmodSync(directory, 0o755);
  const asked = spawnSync(
    '/usr/bin/python3',
    [
      '-c',
      `import os, socket
os.setgid(65534); os.setuid(65534)
try: socket.socket(socket.AF_UNIX).connect(${JSON.stringify(daemon.socket)}); print('in')
except PermissionError: print('refused')`,
    ],
    { encoding: 'utf8' },
  );
  t.equal(asked.stdout.trim(), 'refused');
});
