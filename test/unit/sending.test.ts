import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { send } from '../../daemon/socket/sending.ts';

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
  const { write } = own;
  let writes = 0;
  own.write = function counted(this: net.Socket, ...words: unknown[]) {
    writes++;
    return write.apply(this, words as never);
  } as typeof write;
  for (let at = 0; at < 10; at++) {
    send(own, Buffer.from('abc'));
    await new Promise((resolve) => other.once('data', resolve));
  }
  t.equal(writes, 0);
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
