import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { OPERATIONS } from '../../daemon/control/operations.ts';
import { type Answer, Connection } from '../../daemon/socket/connection.ts';
import { Limits } from '../../daemon/socket/limits.ts';
import { Wait } from '../../daemon/wait.ts';
import { FrameReader } from '../../protocol/frame.ts';
import { IN_FLIGHT_MAX } from '../../protocol/limits.ts';
import { decodeReply, type Reply } from '../../protocol/reply.ts';
import { encodeRequest, type Request } from '../../protocol/request.ts';
import { waitFor } from '../fixtures/daemon.ts';

const FRAME_TIME_MS = 600;
const PONG: Reply = { status: 0, content: {} };

interface Pair {
  /** The client's end: plain octets. */
  readonly peer: net.Socket;
  readonly connection: Connection;
  /** The messages about misuse. */
  readonly misuse: string[];
  /** The replies received, as id and status. */
  readonly replies: [number, number][];
  /** Whether the daemon's end is closed. */
  closed(): boolean;
  /** What Node has read on the daemon's end and the connection has not taken, in octets. */
  ahead(): number;
  /** Whether the daemon has seen that the peer ended. */
  ended(): boolean;
}

async function pair(t: Test, answer: Answer, limits = new Limits()): Promise<Pair> {
  const directory = mkdtempSync(join(tmpdir(), 'djauthd-c-'));
  const path = join(directory, 's');
  const misuse: string[] = [];
  const accepted = new Promise<{ socket: net.Socket; connection: Connection }>((resolve) => {
    const server = net.createServer({ allowHalfOpen: true }, (socket) => {
      const onMisuse = (message: string) => misuse.push(message);
      resolve({ socket, connection: new Connection(socket, { limits, answer, onMisuse, frameTimeMs: FRAME_TIME_MS }) });
    });
    server.listen(path);
    t.teardown(() => server.close());
  });
  const peer = net.connect({ path, allowHalfOpen: true });
  const { socket, connection } = await accepted;
  t.teardown(() => {
    peer.destroy();
    socket.destroy();
    rmSync(directory, { recursive: true });
  });
  const reader = new FrameReader();
  const replies: [number, number][] = [];
  peer.on('error', () => {});
  peer.on('data', (chunk) => {
    reader.push(chunk, (body) => {
      const { id, status } = decodeReply(body);
      replies.push([id, status]);
    });
  });
  return {
    peer,
    connection,
    misuse,
    replies,
    closed: () => socket.destroyed,
    ahead: () => socket.readableLength,
    ended: () => socket.readableEnded,
  };
}

const ping = (id: number) => encodeRequest(id, 'ping', {});

t.test('time limit of a frame', async (t) => {
  t.test('an incomplete frame ends the connection', async (t) => {
    const { peer, misuse, replies, closed } = await pair(t, () => PONG);
    const frame = ping(2);
    peer.write(Buffer.concat([ping(1), frame.subarray(0, 3)]));
    for (let at = 3; at < 8; at++) {
      await sleep(FRAME_TIME_MS / 4); // single octets do not extend the limit
      if (!closed()) peer.write(frame.subarray(at, at + 1));
    }
    await waitFor(() => misuse.length > 0);
    t.match(misuse, [/incomplete frame after 600 ms/]);
    t.same(replies, [[1, 0]]);
    peer.end();
    await waitFor(closed);
  });

  t.test('each frame has its own limit', async (t) => {
    const { peer, misuse, replies } = await pair(t, () => PONG);
    peer.write(ping(0).subarray(0, 3));
    // A frame is incomplete at every moment, for much longer than one frame may take.
    for (let id = 0; id < 12; id++) {
      await sleep(FRAME_TIME_MS / 5);
      peer.write(Buffer.concat([ping(id).subarray(3), ping(id + 1).subarray(0, 3)]));
    }
    await waitFor(() => replies.length === 12);
    t.same(misuse, []);
  });

  t.test('the limit does not run while the daemon does not read', async (t) => {
    const { peer, misuse, replies } = await pair(t, () => sleep(2 * FRAME_TIME_MS).then(() => PONG));
    const many = Array.from({ length: IN_FLIGHT_MAX }, (_, id) => ping(id));
    peer.write(Buffer.concat([...many, ping(999).subarray(0, 3)]));
    await sleep(20);
    peer.write(ping(999).subarray(3));
    await waitFor(() => replies.length === IN_FLIGHT_MAX + 1);
    t.same(misuse, []);
  });
});

t.test('reading stops while too many requests are unanswered', async (t) => {
  const waiting: { request: Request; resolve: (reply: Reply) => void }[] = [];
  const { peer, replies } = await pair(t, (request) => new Promise((resolve) => waiting.push({ request, resolve })));
  const total = 3 * IN_FLIGHT_MAX;
  for (let id = 0; id < total; id++) {
    peer.write(ping(id));
    await sleep(1); // so that each is a chunk
  }
  await sleep(50);
  t.ok(waiting.length >= IN_FLIGHT_MAX && waiting.length < IN_FLIGHT_MAX + 10, `${waiting.length} were taken`);
  waiting[5]?.resolve(PONG);
  await waitFor(() => replies.length === 1);
  t.same(replies, [[5, 0]], 'a reply is sent when it is ready');
  await waitFor(() => {
    for (const { resolve } of waiting) resolve(PONG);
    return replies.length === total;
  });
  t.equal(new Set(replies.map(([id]) => id)).size, total, 'each request has one reply');
});

t.test('a peer that ends its side is answered all that it asked', async (t) => {
  for (const [what, answer] of [
    ['at once', () => PONG],
    ['later', () => sleep(1).then(() => PONG)],
  ] as const) {
    const { peer, misuse, replies, closed } = await pair(t, answer);
    const count = 300; // more than one slice, and more than may be unanswered
    peer.end(Buffer.concat(Array.from({ length: count }, (_, id) => ping(id))));
    await waitFor(closed);
    await waitFor(() => peer.readableEnded || peer.destroyed);
    t.equal(replies.length, count, what);
    t.equal(new Set(replies.map(([id]) => id)).size, count);
    t.same(misuse, []);
  }
});

t.test('an answer that rejects is a fault', async (t) => {
  const { peer, replies } = await pair(t, async () => {
    throw new Error('a mistake of ours');
  });
  peer.write(ping(7));
  await waitFor(() => replies.length === 1);
  t.same(replies, [[7, 4]]);
});

t.test('misuse', async (t) => {
  for (const [name, octets, said] of [
    ['a length of 0', Buffer.alloc(4), /frame length 0:/],
    ['a length over the limit', Buffer.from('00010001', 'hex'), /frame length 65537/],
    ['not a request', Buffer.from('00000001c0', 'hex'), /array of four/],
  ] as const) {
    const answers: ((reply: Reply) => void)[] = [];
    const { peer, misuse, replies, closed } = await pair(t, () => new Promise((resolve) => answers.push(resolve)));
    peer.write(Buffer.concat([ping(1), octets, ping(2)]));
    await waitFor(() => misuse.length > 0);
    t.match(misuse, [said], name);
    t.equal(answers.length, 1, `${name}: nothing after it is read`);
    t.notOk(closed(), `${name}: requests accepted before it are answered first`);
    answers[0]?.(PONG);
    await waitFor(() => replies.length === 1);
    t.same(replies, [[1, 0]]);
    await waitFor(closed); // though the peer keeps its end open
  }
});

t.test('a peer that does not read its replies does not keep its connection', async (t) => {
  for (const how of ['close', 'misuse'] as const) {
    const { peer, connection, closed } = await pair(t, () => ({ status: 0, content: { much: 'x'.repeat(60_000) } }));
    peer.pause();
    peer.write(Buffer.concat(Array.from({ length: 50 }, (_, id) => ping(id))));
    if (how === 'misuse') peer.write(Buffer.alloc(4));
    await sleep(50);
    t.notOk(closed(), how);
    if (how === 'close') connection.close();
    // The misuse may come after what the daemon has stopped reading; then the connection is like any idle one.
    else peer.resume();
    await waitFor(closed);
    t.pass(how);
  }
});

t.test('PROTOCOL.md names the operations of each socket', (t) => {
  const protocol = readFileSync(new URL('../../protocol/PROTOCOL.md', import.meta.url), 'utf8');
  const section = (title: string) => protocol.split(`\n## ${title}`)[1]?.split('\n## ')[0] ?? '';
  const on = (socket: 'hooks' | 'control') =>
    Object.entries(OPERATIONS)
      .filter(([, { sockets }]) => sockets.includes(socket))
      .map(([name]) => name);
  const described = [...section('3. Requests').matchAll(/^### 3\.\d ([^\n]*): /gm)].map(
    ([, title]) => title?.match(/`(\w+)`/)?.[1],
  );
  t.same(
    on('hooks').sort(),
    described.filter((name) => name && name in OPERATIONS).sort(),
    'section 3: the auth socket, and the hooks socket',
  );
  const listed = [...section('6. The control socket').matchAll(/^\| `(\w+)` /gm)].map(([, name]) => name as string);
  const shared = on('hooks').filter((name) => on('control').includes(name));
  t.same(
    on('control').sort(),
    [...new Set([...listed.filter((name) => name in OPERATIONS), ...shared])].sort(),
    'section 6: the control socket',
  );
  for (const name of shared) t.match(section('3. Requests'), new RegExp(`on the control socket[^|]*\`${name}\``), name);
  t.equal(new Set(Object.keys(OPERATIONS)).size, on('hooks').length + on('control').length - shared.length);
  t.end();
});

t.test('requests that are answered at once', async (t) => {
  t.test('one client does not make another wait for all of its own', async (t) => {
    let answered = 0;
    let before = -1;
    const limits = new Limits();
    const slow: Answer = () => {
      for (const until = performance.now() + 0.2; performance.now() < until; );
      answered++;
      return PONG;
    };
    const many = await pair(t, slow, limits);
    const note: Answer = () => {
      before = answered;
      return PONG;
    };
    const other = await pair(t, note, limits);
    const frames = Array.from({ length: 4_000 }, (_, id) => ping(id));
    many.peer.write(Buffer.concat(frames));
    other.peer.write(ping(1));
    await waitFor(() => many.replies.length === 4_000 && other.replies.length === 1);
    t.ok(before < 1_000, `${before} requests of one client are answered before one of another`);
    t.same(
      many.replies.map(([id]) => id),
      frames.map((_, id) => id),
      'each once, in order',
    );
    t.same(many.misuse, []);
  });

  t.test('a client that does not read has few replies in memory', async (t) => {
    let answered = 0;
    const long: Reply = { status: 0, content: { reason: 'x'.repeat(30_000) } };
    const { peer, replies } = await pair(t, () => {
      answered++;
      return long;
    });
    peer.pause();
    peer.write(Buffer.concat(Array.from({ length: 3_000 }, (_, id) => ping(id))));
    await sleep(100);
    t.ok(answered < 50, `${answered} of 3000 are answered`);
    peer.resume();
    await waitFor(() => replies.length === 3_000);
  });
});

t.test('octets in flight', async (t) => {
  t.test('of all connections together', async (t) => {
    const limits = new Limits(1 << 20);
    const waiting: ((reply: Reply) => void)[] = [];
    const answer: Answer = () => new Promise((resolve) => waiting.push(resolve));
    const pairs: Pair[] = [];
    for (let count = 0; count < 8; count++) pairs.push(await pair(t, answer, limits));
    const long = (id: number) =>
      encodeRequest(id, 'check', { username: Buffer.from('alice'), password: Buffer.alloc(32_000, 120) });
    for (const { peer } of pairs) for (let id = 0; id < 64; id++) peer.write(long(id));
    await sleep(300);
    const most = limits.inFlight.octets;
    t.ok(most <= 2 * (1 << 20) + 40_000 && most > 1 << 19, `${most} octets in flight of ${8 * 64 * 32_000}`);
    const { peer, replies } = await pair(t, () => PONG, limits);
    peer.write(ping(1));
    await waitFor(() => replies.length === 1);
    await waitFor(() => {
      for (const resolve of waiting.splice(0, 3)) resolve(PONG);
      return pairs.every((each) => each.replies.length === 64);
    });
    t.equal(limits.inFlight.octets, 0);
    t.equal(limits.inFlight.waiting, 0);
  });

  t.test('those of a connection that ends are counted until they are answered', async (t) => {
    const limits = new Limits(1 << 20);
    const waiting: ((reply: Reply) => void)[] = [];
    const { peer, closed } = await pair(t, () => new Promise((resolve) => waiting.push(resolve)), limits);
    peer.write(Buffer.concat([ping(1), ping(2), ping(3).subarray(0, 9)]));
    await waitFor(() => waiting.length === 2);
    t.ok(limits.stalled.octets > 0);
    peer.destroy();
    await waitFor(() => limits.stalled.octets === 0 || closed());
    for (const resolve of waiting) resolve(PONG);
    await waitFor(() => limits.inFlight.octets === 0);
    await waitFor(closed);
    t.equal(limits.stalled.octets, 0);
  });

  t.test('those of a question that is answered before its query ends are counted until then', async (t) => {
    const limits = new Limits(1 << 20);
    const waits: Wait[] = [];
    const answer: Answer = (_, presence) => {
      const wait = new Wait(0);
      waits.push(wait);
      presence.waits(wait);
      return Promise.resolve(PONG);
    };
    const { peer, replies, closed } = await pair(t, answer, limits);
    const long = (id: number) =>
      encodeRequest(id, 'check', { username: Buffer.from('alice'), password: Buffer.alloc(32_000, 120) });
    for (let id = 0; id < 64; id++) peer.write(long(id));
    await sleep(100);
    t.ok(limits.inFlight.octets > 1 << 20);
    t.ok(replies.length < 40, `${replies.length} are answered, and no more are read`);
    await waitFor(() => {
      for (const wait of waits.splice(0)) wait.done();
      return replies.length === 64;
    });
    for (const wait of waits.splice(0)) wait.done();
    await waitFor(() => limits.inFlight.octets === 0);
    peer.write(long(65));
    await waitFor(() => replies.length === 65);
    peer.destroy();
    await waitFor(closed);
    t.ok(limits.inFlight.octets > 0, 'also when the client is gone');
    for (const wait of waits) wait.done();
    t.equal(limits.inFlight.octets, 0);
  });

  t.test('nothing more is read from those that wait', async (t) => {
    const limits = new Limits(1 << 20);
    const never: Answer = () => new Promise(() => {});
    const long = (id: number) =>
      encodeRequest(id, 'check', { username: Buffer.from('alice'), password: Buffer.alloc(32_000, 120) });
    const full = [await pair(t, never, limits), await pair(t, never, limits)];
    for (const { peer } of full) for (let id = 0; id < 60; id++) peer.write(long(id));
    while (!limits.inFlight.isFull(0)) {
      const { peer } = await pair(t, never, limits);
      peer.write(long(1));
      await sleep(5);
    }
    const pairs: Pair[] = [];
    for (let count = 0; count < 10; count++) {
      const one = await pair(t, never, limits);
      one.peer.write(ping(1));
      pairs.push(one);
    }
    await sleep(50);
    for (const { peer } of pairs) peer.write(Buffer.alloc(64_000, 97));
    await sleep(100);
    t.equal(
      pairs.reduce((sum, { ahead }) => sum + ahead(), 0),
      0,
    );
  });

  t.test('the end of one with as many requests as it may have is seen', async (t) => {
    const limits = new Limits();
    let asked = 0;
    const never: Answer = () => {
      asked++;
      return new Promise(() => {});
    };
    const { peer, ended } = await pair(t, never, limits);
    peer.end(Buffer.concat(Array.from({ length: IN_FLIGHT_MAX }, (_, id) => ping(id))));
    await waitFor(() => asked === IN_FLIGHT_MAX);
    await waitFor(ended);
    t.ok(ended());
  });

  t.test('incomplete frames: the oldest give way', async (t) => {
    const limits = new Limits(1 << 20);
    const pairs: Pair[] = [];
    for (let count = 0; count < 20; count++) {
      const one = await pair(t, () => PONG, limits);
      pairs.push(one);
      const head = Buffer.alloc(60_004);
      head.writeUInt32BE(65_536);
      one.peer.write(head);
      await waitFor(() => limits.stalled.octets === Math.min(16, count + 1) * 65_536);
    }
    await waitFor(() => pairs[3]?.closed() === true);
    t.same(
      pairs.map(({ closed }) => closed()),
      pairs.map((_, index) => index < 4),
    );
    t.match(pairs[0]?.misuse, [/incomplete frames and unread replies/]);
  });
});
