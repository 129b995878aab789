import { setTimeout as sleep } from 'node:timers/promises';
import { supervise } from '../../fixtures/supervisor.ts';
import { attackBy, tell } from '../attacker.ts';
import type { Attack, Row } from '../case.ts';
import { askOnce } from '../honest.ts';
import type { Stage } from '../stage.ts';
import { PASSWORD } from '../stage.ts';

const KNOWN = 20;

/** Within this time of their question all known people must have been served, in ms. */
const AIM_MS = 2_000;

/** How long they are observed, in ms. */
const PATIENCE_MS = 20_000;

/**
 * Asks as the Apache module does: the daemon's socket stays open, a connection that is closed is asked again. Returns
 * the time until the grant; undefined if there was none.
 */
async function until(socket: string, number: number, startedAt: number): Promise<number | undefined> {
  while (performance.now() - startedAt < PATIENCE_MS) {
    const client = { address: `192.0.2.${number}`, service: 'apache' };
    const { status, content } = await askOnce(socket, `known${number}`, PASSWORD, { client });
    if (status === 0 && content.account) return performance.now() - startedAt;
    if (status === 1 || status === 2) throw new Error(`known${number} was denied`);
    await sleep(status === 3 ? Number(content.retry_after) * 1000 : 50);
  }
  return undefined;
}

async function restarted(stage: Stage, signal: 'SIGTERM' | 'SIGKILL', attack: string): Promise<Row> {
  const supervisor = await supervise(`[sites.site]\ndatabase = "${stage.site.url}"\n[log]\nlevel = "warn"`);
  try {
    const { socket } = supervisor;
    const everybody = Array.from({ length: KNOWN }, (_, i) => i + 1);
    for (const number of everybody) await until(socket, number, performance.now());
    const startedAt = performance.now();
    const attacker = await attackBy([{ kind: 'guess', socket, sources: 'many', inFlight: 320, rate: 2_000 }]);
    await sleep(1_500);
    const signalledAt = performance.now();
    const up = supervisor.restart(signal).then(() => performance.now() - signalledAt);
    // Half of them ask at once, the others when the attacker is back at full strength.
    const times = await Promise.all(
      everybody.map(async (number) => {
        await sleep(number % 2 ? 0 : 100 * number);
        return until(socket, number, performance.now());
      }),
    );
    const upMs = await up;
    const loot = await attacker.stop();
    const known = times.filter((each) => each !== undefined);
    const late = KNOWN - known.filter((each) => each <= AIM_MS).length;
    return {
      attack,
      returning: {
        in: known.length,
        of: KNOWN,
        tries: 1,
        seconds: Math.max(...times.map((each) => each ?? PATIENCE_MS)) / 1000,
      },
      wrong: loot.counts[0] ?? 0,
      aims: [{ what: 'known people not in within 2 s', value: late, most: 0, timed: true }],
      note: `the next daemon ready after ${(upMs / 1000).toFixed(2)} s; ${tell(loot, (performance.now() - startedAt) / 1000)}`,
    };
  } finally {
    await supervisor.stop();
  }
}

export const restarts: readonly Attack[] = [
  {
    name: 'restart',
    short: true,
    run: async (stage) => [await restarted(stage, 'SIGTERM', 'restart under a spray')],
  },
  { name: 'kill', run: async (stage) => [await restarted(stage, 'SIGKILL', '`kill -9` under a spray')] },
];
