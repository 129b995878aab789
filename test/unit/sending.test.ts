import { createHook, executionAsyncId } from 'node:async_hooks';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { Connection } from '../../daemon/socket/connection.ts';
import { Limits } from '../../daemon/socket/limits.ts';
import { send } from '../../daemon/socket/sending.ts';
import { encodeRequest } from '../../protocol/request.ts';

const directory = mkdtempSync(join(tmpdir(), 'djauthd-send-'));
t.teardown(() => rmSync(directory, { recursive: true, force: true }));

/** A connection: the end that sends, and the other. */
async function connect(t: Tap): Promise<[net.Socket, net.Socket]> {
  const path = join(directory, `${t.name.replace(/\W/g, '')}.sock`);
  const server = net.createServer({ allowHalfOpen: true });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const accepted = new Promise<net.Socket>((resolve) => server.once('connection', resolve));
  const other = net.connect(path);
  const own = await accepted;
  own.on('error', () => own.destroy());
  t.teardown(() => {
    for (const each of [own, other]) each.destroy();
    server.close();
  });
  return [own, other];
}

type Tap = typeof t;

/** Counts what is written to a socket by Node from now on. */
function writesOf(socket: net.Socket): () => number {
  const { write } = socket;
  let writes = 0;
  socket.write = function counted(this: net.Socket, ...words: unknown[]) {
    writes++;
    return write.apply(this, words as never);
  } as typeof write;
  return () => writes;
}

t.test('octets arrive in order, whether the kernel takes them at once, in part, or not', async (t) => {
  const [own, other] = await connect(t as Tap);
  other.pause();
  const sent: Buffer[] = [];
  let waited = 0;
  for (let at = 0; at < 400; at++) {
    const octets = Buffer.alloc(1 + ((at * 7_919) % 30_000), at);
    sent.push(octets);
    send(own, octets);
    if (own.writableLength > 0) waited++;
    if (at % 50 === 49) await new Promise((resolve) => setImmediate(resolve));
  }
  t.ok(waited > 0, 'a peer that does not read leaves some to Node');
  own.end();
  const received: Buffer[] = [];
  for await (const chunk of other) received.push(chunk);
  t.ok(Buffer.concat(received).equals(Buffer.concat(sent)));
});

t.test('what is taken at once makes no work for Node', async (t) => {
  const [own, other] = await connect(t as Tap);
  const writes = writesOf(own);
  for (let at = 0; at < 10; at++) {
    send(own, Buffer.from('abc'));
    await new Promise((resolve) => other.once('data', resolve));
  }
  t.equal(writes(), 0);
});

t.test('a peer that is gone is an error of Node’s', async (t) => {
  const [own, other] = await connect(t as Tap);
  other.destroy();
  await new Promise((resolve) => other.once('close', resolve));
  const closed = new Promise((resolve) => own.once('close', resolve));
  send(own, Buffer.from('abc'));
  await closed;
  t.ok(own.destroyed);
  send(own, Buffer.from('abc')); // and nothing is thrown
});

t.test('a question that is answered at once makes no work for Node but the turn', async (t) => {
  const [own, other] = await connect(t as Tap);
  const answer = () => ({ status: 0, content: { ok: true } }) as const;
  new Connection(own, { limits: new Limits(), answer, onMisuse: (message) => t.fail(message) });
  const handle = (own as unknown as { readonly _handle: { getAsyncId(): number } })._handle.getAsyncId();
  const question = encodeRequest(1, 'ping', {});
  const writes = writesOf(own);
  const ask = () => {
    other.write(question);
    return new Promise((resolve) => other.once('data', resolve));
  };
  await ask(); // Node begins to read
  const made: string[] = [];
  // What is made while Node calls back for this connection.
  const hook = createHook({
    init(_, type) {
      if (executionAsyncId() === handle) made.push(type);
    },
  }).enable();
  for (let at = 0; at < 20; at++) await ask();
  hook.disable();
  t.same([...new Set(made)], ['Immediate']);
  t.equal(writes(), 0);
  t.ok(made.length <= 20, `${made.length}: one for each turn`);
});
