import { existsSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { encodeRequest } from '../../../protocol/request.ts';
import { waitFor } from '../../fixtures/daemon.ts';
import { TOOLS } from '../build.ts';
import type { Case } from '../case.ts';
import { keptAwake, sum, systemCalls, using } from '../cpu.ts';
import { load } from '../load.ts';
import { PASSWORD, SITE } from '../people.ts';
import { start } from '../processes.ts';
import { figure } from '../report.ts';
import { interleave, median, ratio } from '../rounds.ts';
import type { Stage } from '../stage.ts';

const CONNECTIONS = 8;

/** How many checks are asked while system calls are counted. */
const COUNTED = 4_000;

/** A server, and how its processor time is told. */
interface Side {
  readonly socket: string;
  readonly pid: number;
}

interface Round {
  readonly rate: number;
  /** Of the server for each check, in µs. */
  readonly us: number;
  readonly user: number;
  readonly system: number;
}

/**
 * Cached checks over the socket, against servers that only return as many octets: one in C for the latency, one in
 * Node for the rate and the processor time. The same C client asks all three.
 */
export const cached: Case = {
  name: 'cached',
  keys: [
    ...(['cached_cpu_vs_node_echo', 'cached_syscalls_vs_node_echo', 'cached_rate_vs_node_echo'] as const),
    ...(['cached_p50_awake_vs_c_echo', 'cached_p50_vs_c_echo'] as const),
  ],
  async run(stage) {
    const frames = await stage.hotFrames();
    const { socket, pid } = await stage.main();
    const reply = join(stage.directory, 'reply');
    writeFileSync(reply, await replyTo(socket));
    const sides = {
      djauthd: { socket, pid },
      c: await echo(stage, 'c-echo', join(TOOLS, 'echo'), [], reply),
      node: await echo(stage, 'node-echo', process.execPath, [join(import.meta.dirname, '../node-echo.mjs')], reply),
    };
    for (const each of Object.values(sides)) {
      await load({ socket: each.socket, frames, connections: CONNECTIONS, seconds: stage.choose(2, 0.5) });
    }

    const [seconds, brief] = [stage.choose(1.5, 0.4), stage.choose(1, 0.4)];
    const latencies = () =>
      interleave(
        stage,
        stage.choose(5, 3),
        each(sides, async (side) => (await load({ socket: side.socket, frames, seconds: brief })).p50_us),
      );
    const asleep = stage.wants('cached_p50_vs_c_echo') ? await latencies() : undefined;
    const awake = stage.wants('cached_p50_awake_vs_c_echo') ? await keptAwake(latencies) : undefined;
    const rounds = await interleave<keyof typeof sides, Round>(
      stage,
      stage.choose(7, 3),
      each(sides, async (side) => {
        const ask = () => load({ socket: side.socket, frames, seconds, connections: CONNECTIONS });
        const [{ count, ...took }, used] = await using(stage, [side.pid], ask);
        return {
          rate: count / took.seconds,
          us: used.us / count,
          user: used.user / count,
          system: used.system / count,
        };
      }),
    );
    const figures = (side: keyof typeof sides, figure: keyof Round) => rounds[side].map((round) => round[figure]);
    const apart = (side: keyof typeof sides) =>
      `${(['user', 'system'] as const).map((mode) => `${figure(median(figures(side, mode)))} ${mode}`).join(', ')}`;

    const calls: Partial<Record<keyof typeof sides, Record<string, number>>> = {};
    if (stage.wants('cached_syscalls_vs_node_echo')) {
      for (const name of ['djauthd', 'node'] as const) {
        stage.progress(`system calls: ${name}`);
        const ask = () => load({ socket: sides[name].socket, frames, connections: CONNECTIONS, count: COUNTED });
        calls[name] = await systemCalls(stage, sides[name].pid, ask);
      }
    }
    const perCheck = (name: keyof typeof sides) => [sum(Object.values(calls[name] ?? {})) / COUNTED];

    return {
      measurements: [
        ratio(
          'cached_cpu_vs_node_echo',
          'µs',
          ['djauthd', figures('djauthd', 'us'), apart('djauthd')],
          ['node:net echo', figures('node', 'us'), apart('node')],
        ),
        ...(calls.djauthd
          ? [
              ratio(
                'cached_syscalls_vs_node_echo',
                'per check',
                ['djauthd', perCheck('djauthd')],
                ['node:net echo', perCheck('node')],
              ),
            ]
          : []),
        ratio(
          'cached_rate_vs_node_echo',
          'checks/s',
          ['djauthd', figures('djauthd', 'rate')],
          ['node:net echo', figures('node', 'rate')],
        ),
        ...(awake ? [ratio('cached_p50_awake_vs_c_echo', 'µs', ['djauthd', awake.djauthd], ['C echo', awake.c])] : []),
        ...(asleep ? [ratio('cached_p50_vs_c_echo', 'µs', ['djauthd', asleep.djauthd], ['C echo', asleep.c])] : []),
      ],
      notes: {
        ...(asleep ? { node_echo_p50_us: median(asleep.node) } : {}),
        ...(awake ? { node_echo_p50_awake_us: median(awake.node) } : {}),
        c_echo_rate: median(figures('c', 'rate')),
        c_echo_us: median(figures('c', 'us')),
        cached_system_calls: calls,
      },
    };
  },
};

/** What is to be run for each side. */
function each<Name extends string, T>(
  sides: Readonly<Record<Name, Side>>,
  run: (side: Side) => Promise<T>,
): Record<Name, () => Promise<T>> {
  const entries = Object.entries<Side>(sides).map(([name, side]) => [name, () => run(side)] as const);
  return Object.fromEntries(entries) as Record<Name, () => Promise<T>>;
}

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

async function echo(stage: Stage, name: string, command: string, args: string[], reply: string): Promise<Side> {
  const socket = join(stage.directory, `${name}.sock`);
  const child = start(command, [...args, socket, reply], { stdio: ['ignore', 'ignore', 'inherit'] });
  stage.atEnd(async () => {
    child.kill('SIGKILL');
  });
  await waitFor(() => existsSync(socket));
  return { socket, pid: child.pid as number };
}
