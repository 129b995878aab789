import { existsSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { encodeRequest } from '../../../protocol/request.ts';
import { waitFor } from '../../fixtures/daemon.ts';
import { TOOLS } from '../build.ts';
import type { Case } from '../case.ts';
import { load, rate } from '../load.ts';
import { PASSWORD, SITE } from '../people.ts';
import { start } from '../processes.ts';
import { interleave, median, ratio } from '../rounds.ts';
import type { Stage } from '../stage.ts';

const CONNECTIONS = 8;

/**
 * Cached checks over the socket, against servers that only return as many octets: one in C for the latency, one in
 * Node for the rate. The same C client asks all three.
 */
export const cached: Case = {
  name: 'cached',
  keys: ['cached_p50_vs_c_echo', 'cached_rate_vs_node_echo'],
  async run(stage) {
    const frames = await stage.hotFrames();
    const { socket } = await stage.main();
    const reply = join(stage.directory, 'reply');
    writeFileSync(reply, await replyTo(socket));
    const cEcho = await echo(stage, 'c-echo', join(TOOLS, 'echo'), [], reply);
    const nodeEcho = await echo(
      stage,
      'node-echo',
      process.execPath,
      [join(import.meta.dirname, '../node-echo.mjs')],
      reply,
    );
    for (const each of [socket, cEcho, nodeEcho]) {
      await load({ socket: each, frames, connections: CONNECTIONS, seconds: stage.choose(2, 0.5) });
    }

    const seconds = stage.choose(1.5, 0.4);
    const latency = async (asked: string) => (await load({ socket: asked, frames, seconds })).p50_us;
    const latencies = await interleave(stage, stage.choose(7, 3), {
      djauthd: () => latency(socket),
      c: () => latency(cEcho),
      node: () => latency(nodeEcho),
    });
    const throughput = (asked: string) => rate({ socket: asked, frames, seconds, connections: CONNECTIONS });
    const rates = await interleave(stage, stage.choose(7, 3), {
      djauthd: () => throughput(socket),
      c: () => throughput(cEcho),
      node: () => throughput(nodeEcho),
    });
    return {
      measurements: [
        ratio('cached_p50_vs_c_echo', 'µs', ['djauthd', latencies.djauthd], ['C echo', latencies.c]),
        ratio('cached_rate_vs_node_echo', 'checks/s', ['djauthd', rates.djauthd], ['node:net echo', rates.node]),
      ],
      notes: { node_echo_p50_us: median(latencies.node), c_echo_rate: median(rates.c) },
    };
  },
};

/** The octets of the daemon's reply to a cached check. */
function replyTo(path: string): Promise<Buffer> {
  const question = encodeRequest(1, 'check', {
    site: SITE,
    username: Buffer.from('user1'),
    password: Buffer.from(PASSWORD),
  });
  return new Promise((resolve, reject) => {
    const socket = net.connect(path, () => socket.write(question));
    socket.once('data', (chunk) => {
      socket.destroy();
      resolve(chunk);
    });
    socket.once('error', reject);
  });
}

async function echo(stage: Stage, name: string, command: string, args: string[], reply: string): Promise<string> {
  const socket = join(stage.directory, `${name}.sock`);
  const child = start(command, [...args, socket, reply], { stdio: ['ignore', 'ignore', 'inherit'] });
  stage.atEnd(async () => {
    child.kill('SIGKILL');
  });
  await waitFor(() => existsSync(socket));
  return socket;
}
