import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { parseConfig } from '../../daemon/config/config.ts';
import { Allow, Bucket } from '../../daemon/socket/allow.ts';
import { type Accepted, Crowd } from '../../daemon/socket/crowd.ts';
import { groupId, userId } from '../../daemon/socket/group.ts';
import { boundPath, type Peer } from '../../daemon/socket/peer.ts';
import type { Request } from '../../protocol/request.ts';

t.test('where a socket is bound', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'djauthd-p-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const listen = async (address: string | number) => {
    const server = net.createServer();
    t.teardown(() => server.close());
    await new Promise<void>((resolve) => server.listen(address, resolve));
    return (server as unknown as { _handle: { fd: number } })._handle.fd;
  };
  const long = join(directory, 'x'.repeat(107 - directory.length - 1));
  for (const path of [join(directory, 'auth.sock'), join(directory, 'a name with blanks'), long]) {
    t.equal(boundPath(await listen(path)), path);
  }
  t.equal(boundPath(await listen('\0djauthd-abstract')), undefined, 'an abstract socket is nowhere');
  t.equal(boundPath(await listen(0)), undefined, 'nor is one of TCP');
  t.equal(boundPath(-1), undefined);
});

class FakeConnection implements Accepted {
  idleSince: number | undefined;
  readonly peer: Peer;

  constructor(peer: Peer, idleSince: number | undefined) {
    this.peer = peer;
    this.idleSince = idleSince;
  }

  close(): void {}
}

const peerOf = (uid: number, pid: number): Peer => ({ uid, pid, gids: [] });

t.test('one peer takes the place of one that has more, and keeps nobody out', async () => {
  const LIMIT = 24;
  const step = fc.record({
    uid: fc.nat(2),
    pid: fc.nat(2),
    idle: fc.boolean(),
    leaves: fc.option(fc.nat(), { freq: 4 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const crowd = new Crowd();
      const open: FakeConnection[] = [];
      const countOf = (uid: number, pid?: number) =>
        open.filter(({ peer }) => peer.uid === uid && (pid === undefined || peer.pid === pid)).length;
      for (const [now, { uid, pid, idle, leaves }] of steps.entries()) {
        if (leaves !== null && open.length > 0) {
          for (const gone of open.splice(leaves % open.length, 1)) crowd.delete(gone);
          continue;
        }
        const newcomer = new FakeConnection(peerOf(uid, pid), idle ? now : undefined);
        if (open.length >= LIMIT) {
          const victim = crowd.victim(newcomer.peer) as FakeConnection | undefined;
          const most = Math.max(...[0, 1, 2].map((each) => countOf(each)));
          if (victim === undefined) {
            // Only a peer that has as much as any other is refused, and only where it has nothing idle itself.
            if (countOf(uid) + 1 < most || open.some((each) => each.peer.uid === uid && each.idleSince !== undefined)) {
              return false;
            }
            continue;
          }
          if (victim.peer.uid !== uid && countOf(victim.peer.uid) <= countOf(uid)) return false;
          open.splice(open.indexOf(victim), 1);
          crowd.delete(victim);
        }
        open.push(newcomer);
        crowd.add(newcomer, newcomer.peer);
        if (crowd.size !== open.length || crowd.size > LIMIT) return false;
      }
      return true;
    }),
    { numRuns: 300 },
  );
});

t.test('who gives way', async (t) => {
  const crowd = new Crowd();
  const add = (uid: number, pid: number, idleSince?: number) => {
    const connection = new FakeConnection(peerOf(uid, pid), idleSince);
    crowd.add(connection, connection.peer);
    return connection;
  };
  const apache = Array.from({ length: 10 }, (_, at) => add(33, 100 + (at % 2), 50 + at));
  const greedy = Array.from({ length: 20 }, (_, at) => add(33, 666, 500 + at));
  t.equal(crowd.victim(peerOf(33, 100)), greedy[0], 'the process that has most, though others are idle for longer');
  t.equal(crowd.victim(peerOf(33, 666)), greedy[0], 'its own, if it asks for more');
  t.equal(crowd.victim(peerOf(1000, 7)), greedy[0], 'for another user too');
  for (const each of greedy) each.idleSince = undefined;
  t.equal(crowd.victim(peerOf(33, 666)), apache[0], 'one that is idle rather than one that works');
  for (const each of apache) each.idleSince = undefined;
  t.equal(crowd.victim(peerOf(33, 100)), greedy[0], 'one that works, of a process that has more');
  t.equal(crowd.victim(peerOf(33, 666)), undefined, 'and none for the process that has most');
  t.equal(crowd.victim(undefined), greedy[0], 'a peer that is not known is one of its own');
  t.same(crowd.idleSince(1_000), []);
});

t.test('thousands of connections are not looked through for each that is opened', async (t) => {
  const COUNT = 16_384;
  const OPENED = 1_000;
  let looks = 0;
  class Counted extends FakeConnection {
    readonly since: number | undefined;
    constructor(peer: Peer, since: number | undefined) {
      super(peer, since);
      this.since = since;
      Object.defineProperty(this, 'idleSince', {
        get: () => {
          looks++;
          return this.since;
        },
      });
    }
  }
  for (const [pids, works] of [
    [1, false],
    [1, true],
    [COUNT, true],
  ] as const) {
    const crowd = new Crowd();
    const open = (at: number) => {
      const connection = new Counted(peerOf(1000, at % pids), works ? undefined : at);
      crowd.add(connection, connection.peer);
    };
    for (let at = 0; at < COUNT; at++) open(at);
    looks = 0;
    for (let at = 0; at < OPENED; at++) {
      const victim = crowd.victim(peerOf(33, 1)) as Counted;
      if (!works && victim.since !== at) return t.fail(`${victim.since} gives way, and ${at} is idle for longer`);
      crowd.delete(victim);
      open(COUNT + at);
    }
    t.ok(looks < 600 * OPENED, `${looks / OPENED} looks for each of ${COUNT} in ${pids} processes`);
  }
  return undefined;
});

t.test(
  'a directory service that does not answer keeps the daemon from answering for some seconds at most',
  async (t) => {
    const directory = t.testdir({ getent: '#!/bin/sh\necho asked >> "$0.log"\nexec sleep 30\n' });
    chmodSync(join(directory, 'getent'), 0o755);
    const { PATH } = process.env;
    process.env.PATH = `${directory}:${PATH}`;
    t.teardown(() => {
      process.env.PATH = PATH;
    });
    t.equal(userId('root'), 0);
    t.equal(groupId('root'), 0);
    t.notOk(existsSync(join(directory, 'getent.log')), 'it is not asked for what /etc has');
    const before = performance.now();
    t.equal(userId('in-a-directory'), undefined);
    t.ok(performance.now() - before < 15_000);
    t.ok(existsSync(join(directory, 'getent.log')));
  },
);

t.test('a rate', async () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 50 }), fc.array(fc.nat(500), { maxLength: 300 }), (rate, gaps) => {
      let now = 0;
      const bucket = new Bucket(rate, { now: () => now });
      let taken = 0;
      for (const gap of gaps) {
        now += gap;
        const wait = bucket.take();
        if (wait === 0) taken++;
        else if (wait * rate > 1 + 1e-9) return false;
        if (taken > rate * 2 + (now / 1000) * rate + 1e-6) return false;
      }
      return true;
    }),
  );
});

const SITES = '[sites."a.settings"]\ndatabase = "sqlite:///a"\n[sites.b]\ndatabase = "sqlite:///b"\n';
const configOf = (tables: string, sites = SITES) =>
  parseConfig(`[listen]\nsocket = "/s"\n${tables}\n${sites}`, 'x.toml');
const ask = (operation: Request['operation'], site?: string) => ({ operation, id: 1, site }) as Request;

t.test('listen.allow', async (t) => {
  let now = 0;
  const allow = new Allow(
    configOf(`
[[listen.allow]]
user = [33]
operations = ["check", "ping"]
sites = ["b"]
rate = 2
[[listen.allow]]
group = [50, "root"]
[[listen.allow]]
user = ["root"]
operations = ["status"]`),
    { now: () => now },
  );
  t.ok(allow.isSet);
  const web = { uid: 33, pid: 1, gids: [33] };
  t.equal(allow.refusal(ask('check', 'b'), web), undefined);
  t.match(allow.refusal(ask('check', 'a.settings'), web), { status: 4, content: { reason: /about that site/ } });
  t.match(allow.refusal(ask('authorize', 'b'), web), { status: 4, content: { reason: /uid 33 .*authorize/ } });
  t.match(allow.refusal(ask('status'), web), { status: 4 });
  for (let count = 0; count < 3; count++) t.equal(allow.refusal(ask('ping'), web), undefined);
  t.match(allow.refusal(ask('ping'), web), { status: 3, content: { retry_after: 1, reason: 'throttled' } });
  now += 500;
  t.equal(allow.refusal(ask('ping'), web), undefined);
  t.equal(allow.refusal(ask('authorize', 'a.settings'), { uid: 5, pid: 1, gids: [5, 50] }), undefined, 'a group');
  t.equal(allow.refusal(ask('check', 'b'), { uid: 0, pid: 1, gids: [0] }), undefined, 'the first table decides');
  t.match(allow.refusal(ask('check', 'b'), { uid: 0, pid: 1, gids: [7] }), { status: 4 });
  t.equal(allow.refusal(ask('status'), { uid: 0, pid: 1, gids: [7] }), undefined);
  for (const peer of [{ uid: 7, pid: 1, gids: [7] }, undefined]) {
    for (const operation of ['check', 'authorize', 'status', 'ping'] as const) {
      t.match(allow.refusal(ask(operation, 'b'), peer), { status: 4, content: { reason: /no table/ } });
    }
  }
  t.equal(new Allow(configOf(''), { now: () => 0 }).refusal(ask('check'), undefined), undefined, 'without a table');

  const one = new Allow(
    configOf('[[listen.allow]]\nuser = [1]\nsites = ["b"]', '[sites.b]\ndatabase = "sqlite:///b"'),
    { now: () => 0 },
  );
  t.equal(one.refusal(ask('check'), { uid: 1, pid: 1, gids: [] }), undefined, 'the only site need not be named');
  for (const [tables, message] of [
    ['[[listen.allow]]\nrate = 1', /x.toml: \[\[listen.allow\]\], table 1: names nobody/],
    ['[[listen.allow]]\nuser = [1]\nsites = ["c"]', /table 1: sites: no section \[sites.c\]/],
    ['[[listen.allow]]\nuser = [1]\noperations = ["flush"]', /listen.allow.0.operations.*"check", "authorize"/],
    ['[[listen.allow]]\nuser = [-1]', /accepted: a list of: a name or a number/],
    ['hooks = "/s"', /listen.hooks: the path of another socket/],
  ] as const) {
    t.throws(() => configOf(tables), message);
  }
  t.throws(
    () => new Allow(configOf('[[listen.allow]]\nuser = ["no-such-user"]'), { now: () => 0 }),
    /listen.allow, table 1: no such user "no-such-user"/,
  );
});
