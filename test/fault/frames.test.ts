import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import t from 'tap';
import { waitFor } from '../fixtures/daemon.ts';
import { createWorld } from '../fixtures/world.ts';

/** Frames sent after warming up, and the limit of memory growth meanwhile, in KiB. */
const FRAMES = 100_000;
const GROWTH_MAX = 40_000;

const golden = ['requests', 'refused'].flatMap((file) => {
  const text = readFileSync(new URL(`../../protocol/vectors/${file}.json`, import.meta.url), 'utf8');
  return (JSON.parse(text).vectors as { hex: string }[]).map(({ hex }) => Buffer.from(hex, 'hex'));
});

/** A frame of random octets, a golden frame with some octets changed, or random octets without a length. */
function random(): Buffer {
  const [kind = 0, length = 0] = randomBytes(2);
  if (kind < 100) {
    const frame = Buffer.concat([Buffer.alloc(4), randomBytes(length + 1)]);
    frame.writeUInt32BE(length + 1);
    return frame;
  }
  if (kind < 200) {
    const frame = Buffer.from(golden[length % golden.length] as Buffer);
    for (const at of randomBytes(3))
      if (frame.length > 4) frame[4 + (at % (frame.length - 4))] = randomBytes(1)[0] as number;
    return frame.length < 2000 ? frame : frame.subarray(0, 2000);
  }
  return randomBytes(length + 1);
}

/** Sends random frames on separate connections and waits until the daemon has closed each. */
async function bombard(path: string, frames: number): Promise<void> {
  let sent = 0;
  const one = async () => {
    while (sent < frames) {
      const socket = net.connect(path);
      await new Promise<void>((resolve) => {
        socket.on('error', () => {});
        socket.on('close', () => resolve());
        socket.resume();
        // Several on one connection: frames after a bad one must not be read.
        const count = 1 + (sent % 5);
        sent += count;
        for (let i = 0; i < count; i++) socket.write(random());
        socket.end();
      });
    }
  };
  await Promise.all(Array.from({ length: 20 }, one));
}

// No golden frame names this account: with only its id changed, such a frame would be a valid request for it.
t.test('random frames neither crash the daemon nor grow its memory', async (t) => {
  const { daemon, client, stats } = await createWorld(t, [{ username: 'zoe', password: 'not in any frame' }], {
    config: '[log]\nlevel = "info"',
  });
  const rss = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${daemon.process.pid}/status`, 'utf8'))?.[1]);
  await bombard(daemon.socket, FRAMES / 5);
  const warm = rss();
  await bombard(daemon.socket, FRAMES);
  const grown = rss() - warm;
  t.comment(`after ${FRAMES} random frames: ${warm} KiB before, ${grown} KiB more`);
  t.ok(grown < GROWTH_MAX, `its memory grew by ${grown} KiB`);
  t.equal((await client.check('zoe', 'not in any frame')).status, 0, 'the daemon still answers');
  t.equal((await client.check('zoe', 'wrong')).status, 1);
  t.equal((await stats()).granted, 1, 'no other user was granted');
  const granted = () => daemon.lines().filter(({ msg }) => msg === 'granted').length;
  await waitFor(() => granted() > 0); // the log is written after the answer
  t.equal(granted(), 1, 'and one grant is logged');
  t.equal(daemon.process.exitCode, null);
});
