import { setTimeout as sleep } from 'node:timers/promises';
import { type Apache, startApache } from '../../fixtures/apache.ts';
import type { Case, Measurement } from '../case.ts';
import type { KeyName } from '../keys.ts';
import { PASSWORD, SITE } from '../people.ts';
import { end, start } from '../processes.ts';
import { figure } from '../report.ts';
import { basic } from '../requests.ts';
import { Asker } from '../revocation/asker.ts';
import {
  type Database,
  type DatabaseKind,
  LOSSES,
  type Loss,
  mariadb,
  postgres,
  sqlite,
} from '../revocation/databases.ts';
import { pageOf, type Trial, trial } from '../revocation/trial.ts';
import { median } from '../rounds.ts';
import type { Served } from '../serve.ts';
import type { Stage } from '../stage.ts';
import { authDjango, QUIET, SERVER } from './apache-config.ts';

const KINDS: readonly { key: KeyName; kind: DatabaseKind; lanes: number }[] = [
  { key: 'revoked_ms_max', kind: postgres, lanes: 4 },
  { key: 'revoked_ms_max_sqlite', kind: sqlite, lanes: 4 },
  // Where each loss takes a second, many are tried at the same time.
  { key: 'revoked_ms_max_mariadb', kind: mariadb, lanes: 100 },
];

/** A thread for each connection: an httpd whose threads are all busy closes connections that wait for a request. */
const PROCESSES = SERVER.processes.replaceAll('25', '64');

/** The trials of one database end by then: where a loss takes long, fewer are tried, and the table says how many. */
const BUDGET_MS = 90_000;

/** Connections that ask for a page meanwhile as fast as they can, and whose user loses nothing. */
const LOAD = 4;

/**
 * From COMMIT to the first request that is refused: people whose grant is cached, and on lease, lose their password, their account, a
 * group or a permission, while they and others ask for pages through Apache.
 */
export const revoked: Case = {
  name: 'revoked',
  keys: KINDS.map(({ key }) => key),
  async run(stage) {
    const each = stage.choose(1_000, 20);
    const measurements: Measurement[] = [];
    const notes: Record<string, unknown> = {};
    const failures: string[] = [];
    for (const { key, kind, lanes } of KINDS.filter(({ key }) => stage.wants(key))) {
      try {
        const trials = await run(stage, kind, each, lanes);
        measurements.push(measurementOf(key, kind, trials));
        notes[key] = notesOf(trials);
      } catch (error) {
        failures.push(`${kind.name}: ${error instanceof Error ? error.message : error}`);
        stage.progress(`failed: ${failures.at(-1)}`);
      }
    }
    return { measurements, notes, failures };
  },
};

type Trials = ReadonlyMap<Loss, readonly Trial[]>;

async function run(stage: Stage, kind: DatabaseKind, each: number, lanes: number): Promise<Trials> {
  stage.progress(`${kind.name}: accounts`);
  const database = await kind.start(stage, LOSSES.length * each + 1);
  const daemon = await stage.serve({ name: `revoked-${kind.name}`, config: database.config });
  const server = await startServer(daemon);
  await sleep(database.earsMs);
  try {
    return await underLoad(server, `user${LOSSES.length * each + 1}`, () =>
      tryAll(stage, kind, database, server, each, lanes),
    );
  } catch (error) {
    throw new Error(`${error}\n${server.errorLog().slice(-2_000)}\n${daemon.log().slice(-2_000)}`);
  } finally {
    await server.stop();
    await daemon.stop();
  }
}

async function tryAll(
  stage: Stage,
  kind: DatabaseKind,
  database: Database,
  server: Apache,
  each: number,
  lanes: number,
): Promise<Trials> {
  const trials = new Map<Loss, Trial[]>(LOSSES.map((loss) => [loss, []]));
  const total = each * LOSSES.length;
  const until = performance.now() + BUDGET_MS;
  let next = 0;
  const lane = async () => {
    const asker = new Asker(server.port);
    try {
      while (next < total && performance.now() < until) {
        const number = ++next;
        if (number % (total / 4) === 0) stage.progress(`${kind.name}: ${number} of ${total}`);
        const loss = LOSSES[number % LOSSES.length] as Loss;
        trials.get(loss)?.push(await trial(server.port, asker, database, loss, `user${number}`));
      }
    } catch (error) {
      next = total; // the other lanes end, too
      throw error;
    } finally {
      asker.close();
    }
  };
  await Promise.all(Array.from({ length: Math.min(lanes, total) }, lane));
  return trials;
}

async function startServer(daemon: Served): Promise<Apache> {
  const require: Record<Loss, string> = {
    password: 'valid-user',
    active: 'valid-user',
    group: 'django-group "Editors"',
    permission: 'django-permission files.read_file',
  };
  const locations = LOSSES.map((loss) => `<Location "/${loss}/">\n${authDjango(SITE, require[loss])}\n</Location>`);
  const files = Object.fromEntries(LOSSES.map((loss) => [pageOf(loss).slice(1), 'a page']));
  return startApache([QUIET, `DjangoAuthSocket "${daemon.socket}"`, ...locations].join('\n'), {
    ...SERVER,
    processes: PROCESSES,
    files,
  });
}

/** Runs `work` while wrk asks for a page. Rejects if one of its requests was not answered with the page. */
async function underLoad<T>(server: Apache, user: string, work: () => Promise<T>): Promise<T> {
  const url = `${server.url}${pageOf('password')}`;
  const args = ['-t1', `-c${LOAD}`, '-d3600s', '-H', `Authorization: ${basic(user, PASSWORD)}`, url];
  const child = start('wrk', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  try {
    return await work();
  } finally {
    await end(child, 'SIGINT');
    const trouble = /Non-2xx.*|Socket errors.*/.exec(said);
    if (trouble) process.stderr.write(`the load beside the commits: ${trouble[0]}\n`);
  }
}

function measurementOf(key: KeyName, kind: DatabaseKind, trials: Trials): Measurement {
  const all = [...trials.values()].flat();
  const [times, requests] = [all.map(({ ms }) => ms), all.flatMap((each) => each.requests)];
  const most = Math.max(...times);
  return {
    key,
    value: most,
    ours: {
      what: `${kind.name}, slowest of ${all.length.toLocaleString('en')}`,
      value: most,
      unit: 'ms',
      detail: `p50 ${figure(median(times))}, p99 ${figure(percentile(times, 0.99))}; refusal there ${figure(Math.max(...all.map(({ answeredMs }) => answeredMs)))}`,
    },
    other: {
      what: 'one request that is granted, p50',
      value: requests.length > 0 ? median(requests) : 0,
      unit: 'ms',
      ...(requests.length > 0 ? { detail: `p99 ${figure(percentile(requests, 0.99))}` } : {}),
    },
  };
}

function notesOf(trials: Trials): Record<string, Record<string, number>> {
  return Object.fromEntries(
    [...trials].map(([loss, each]) => {
      const times = each.map(({ ms }) => ms);
      return [
        loss,
        { trials: times.length, p50: median(times), p99: percentile(times, 0.99), max: Math.max(...times) },
      ];
    }),
  );
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] as number;
}
