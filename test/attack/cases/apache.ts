import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Apache, startApache } from '../../fixtures/apache.ts';
import type { Answer } from '../../fixtures/client.ts';
import { attackBy, tell } from '../attacker.ts';
import type { Attack, Row } from '../case.ts';
import { arrive, summary } from '../honest.ts';
import { quantile, watchMemory } from '../measure.ts';
import { PASSWORD, type Stage } from '../stage.ts';

const WORKERS = 150;
const RATE = 30;
const PROVEN = 10;

/** Gets a page on a new connection from that address. */
function get(
  apache: Apache,
  path: string,
  localAddress: string,
  user?: string,
): Promise<{ status: number; retry: number }> {
  return new Promise((resolve) => {
    const headers: Record<string, string> =
      user === undefined ? {} : { authorization: `Basic ${Buffer.from(`${user}:${PASSWORD}`).toString('base64')}` };
    const request = http.get({ host: '127.0.0.1', port: apache.port, path, localAddress, headers, agent: false });
    request.setTimeout(20_000, () => request.destroy());
    request.on('error', () => resolve({ status: 0, retry: 1 }));
    request.on('response', (response) => {
      response.resume();
      response.on('error', () => resolve({ status: 0, retry: 1 }));
      const retry = Number(response.headers['retry-after'] ?? 1);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, retry }));
    });
  });
}

/** What a status of HTTP is in the protocol, as far as a person sees it. */
const answerOf = ({ status, retry }: { status: number; retry: number }): Answer =>
  status === 200
    ? { status: 0, content: { account: {} } }
    : { status: status === 401 ? 1 : 3, content: { retry_after: retry } };

/** Asks for a page at a steady pace until `stop`. */
function pace(
  ms: number,
  ask: (number: number) => Promise<boolean>,
): { stop(): Promise<{ times: number[]; of: number }> } {
  const times: number[] = [];
  const asked: Promise<void>[] = [];
  const one = async () => {
    const askedAt = performance.now();
    if (await ask(asked.length)) times.push(performance.now() - askedAt);
  };
  const timer = setInterval(() => asked.push(one()), ms);
  return {
    async stop() {
      clearInterval(timer);
      await Promise.all(asked);
      return { times, of: asked.length };
    },
  };
}

async function sprayed(stage: Stage): Promise<Row> {
  const daemon = await stage.daemon();
  const apache = await startApache(
    `DjangoAuthSocket ${daemon.socket}
     <Location "/closed">
       AuthType Basic
       AuthName x
       AuthBasicProvider django
       Require valid-user
     </Location>`,
    {
      mpm: 'event',
      files: { 'open.txt': 'open', 'closed/page.txt': 'closed' },
      processes: `StartServers 3\nServerLimit 6\nThreadsPerChild 25\nMaxRequestWorkers ${WORKERS}`,
      logLevel: 'crit',
    },
  );
  let wrong = 0;
  const known = async (number: number) => {
    const { status } = await get(
      apache,
      '/closed/page.txt',
      `127.2.0.${1 + (number % PROVEN)}`,
      `known${1 + (number % PROVEN)}`,
    );
    if (status === 401) wrong++;
    return status === 200;
  };
  const open = async () => (await get(apache, '/open.txt', '127.3.0.1')).status === 200;
  try {
    for (let i = 0; i < PROVEN; i++) {
      const arrival = await arrive(async () => ({ status: (await known(i)) ? 0 : 3, content: { account: {} } }));
      if (!arrival.granted) throw new Error('a known person was not let in by an idle server');
    }
    const probe = () => [pace(25, known), pace(25, open)] as const;
    const idle = probe();
    await sleep(stage.seconds(3, 1) * 1000);
    const idleKnown = await idle[0].stop();
    const idleOpen = await idle[1].stop();

    const memory = watchMemory(daemon.process.pid as number);
    const seconds = stage.seconds(20, 4);
    const startedAt = performance.now();
    const attacker = await attackBy([{ kind: 'http', port: apache.port, path: '/closed/page.txt', rate: RATE }]);
    await sleep(stage.seconds(4, 1) * 1000); // the workers fill up
    const busy = probe();
    const arrivals = [];
    const count = stage.short ? 2 : 6;
    for (let i = 0; i < count; i++) {
      const user = stage.newcomer();
      arrivals.push(arrive(async () => answerOf(await get(apache, '/closed/page.txt', `127.4.0.${1 + i}`, user))));
      await sleep((seconds * 1000) / count);
    }
    const newcomers = await Promise.all(arrivals);
    const [proven, page] = [await busy[0].stop(), await busy[1].stop()];
    const took = (performance.now() - startedAt) / 1000;
    const loot = await attacker.stop();
    for (const arrival of newcomers) wrong += arrival.wrong;
    const used = memory.stop();
    return {
      attack: `guesses through Apache, ${RATE} per second, ${WORKERS} workers`,
      proven: {
        served: proven.times.length,
        of: proven.of,
        p50: quantile(proven.times, 0.5),
        p99: quantile(proven.times, 0.99),
        idleP50: quantile(idleKnown.times, 0.5),
        idleP99: quantile(idleKnown.times, 0.99),
      },
      newcomers: summary(newcomers),
      page: { p50: quantile(page.times, 0.5), idleP50: quantile(idleOpen.times, 0.5) },
      memory: used,
      wrong: wrong + (loot.counts['200'] ?? 0),
      aims: [{ what: 'open pages not served', value: page.of - page.times.length, most: 0 }],
      note: tell(loot, took),
    };
  } finally {
    await apache.stop();
    await daemon.stop();
  }
}

export const throughApache: Attack = { name: 'apache', run: async (stage) => [await sprayed(stage)] };
