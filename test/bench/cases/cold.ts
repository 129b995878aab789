import { join } from 'node:path';
import { encodePbkdf2 } from '../../fixtures/site.ts';
import { TOOLS } from '../build.ts';
import type { Case } from '../case.ts';
import { sum } from '../cpu.ts';
import { load, rate } from '../load.ts';
import { PYTHON } from '../machine.ts';
import { createAccounts, ENCODED, ITERATIONS, PASSWORD, writeChecks } from '../people.ts';
import { type Dialogue, dialogue } from '../processes.ts';
import { interleave, median, ratio } from '../rounds.ts';
import type { Stage } from '../stage.ts';

const DJANGO = join(import.meta.dirname, '../python/django_side.py');

/** How many accounts to prepare per second and core of cold checks: more than any machine can hash. */
const PER_SECOND = 80;

/** The number of iterations of Django 6; the other accounts have that of Django 4.2. */
const DJANGO_6 = 1_500_000;

const MOST_ROUNDS = 11;

/** Checks that hash, against Django's check_password and against the time of the block function alone. */
export const cold: Case = {
  name: 'cold',
  keys: [
    ...(['cold_vs_django', 'cold_vs_limit', 'cold_rate_vs_django', 'cold_rate_vs_limit'] as const),
    'cold_ms_at_1500k',
  ],
  async run(stage) {
    await stage.hotFrames();
    const { socket } = await stage.main();
    const djangos = Array.from({ length: stage.cores }, () => dialogue(PYTHON, [DJANGO, PASSWORD, ENCODED]));
    const blocks = djangos.map(() => dialogue(join(TOOLS, 'sha256'), []));
    const six = await sixthVersion(stage);
    try {
      await Promise.all(djangos.map((each) => each.ask('0')));
      const one = await interleave(stage, stage.choose(MOST_ROUNDS, 3), {
        djauthd: async () => (await load({ socket, frames: stage.coldFrames(1), once: true })).p50_us / 1000,
        django: async () => 1000 * (await (djangos[0] as Dialogue).ask('0')).seconds,
        limit: async () => 1000 * (await blockSeconds(blocks[0] as Dialogue, 1)),
        six,
      });

      const seconds = stage.choose(4, 2);
      const connections = 4 * stage.cores;
      const all = await interleave(stage, stage.choose(5, 1), {
        djauthd: () => {
          const frames = stage.coldFrames(PER_SECOND * seconds * stage.cores);
          return rate({ socket, frames, once: true, seconds, connections });
        },
        django: async () => {
          const answers = await Promise.all(djangos.map((each) => each.ask(String(seconds))));
          return sum(answers.map((answer) => answer.count / answer.seconds));
        },
        limit: async () => {
          const hashes = 10 * seconds;
          const took = await Promise.all(blocks.map((each) => blockSeconds(each, hashes)));
          return sum(took.map((each) => hashes / each));
        },
      });
      const mine = ['djauthd', one.djauthd] as const;
      const rateOf = (what: string, rates: readonly number[]) => [what, rates] as const;
      return {
        measurements: [
          ratio('cold_vs_django', 'ms', mine, ['Django', one.django]),
          ratio('cold_vs_limit', 'ms', mine, ['block function', one.limit]),
          ratio('cold_rate_vs_django', 'checks/s', rateOf('djauthd', all.djauthd), rateOf('Django', all.django)),
          ratio('cold_rate_vs_limit', 'checks/s', rateOf('djauthd', all.djauthd), rateOf('block function', all.limit)),
          {
            key: 'cold_ms_at_1500k',
            value: median(one.six),
            ours: { what: '1,500,000 iterations', value: median(one.six), unit: 'ms' },
            other: { what: '600,000 iterations', value: median(one.djauthd), unit: 'ms' },
            rounds: one.six,
          },
        ],
        notes: {
          cold_best_ms: Math.min(...one.djauthd),
          django_best_ms: Math.min(...one.django),
          limit_best_ms: Math.min(...one.limit),
        },
      };
    } finally {
      await Promise.all([...djangos, ...blocks].map((each) => each.close()));
    }
  },
};

/** The time of the block function alone for so many hashes, in s: of the faster way to call it. */
async function blockSeconds(block: Dialogue, hashes: number): Promise<number> {
  const { one_by_one, at_once } = await block.ask(String(2 * ITERATIONS * hashes));
  return Math.min(one_by_one, at_once);
}

/** Measures first checks of accounts that Django 6 made, in ms: a daemon of its own, which knows no cheaper hash. */
async function sixthVersion(stage: Stage): Promise<() => Promise<number>> {
  const postgres = await stage.postgres();
  const encoded = encodePbkdf2(PASSWORD, { iterations: DJANGO_6 });
  const url = await createAccounts(postgres, 'six', 2 * MOST_ROUNDS, encoded);
  const { socket } = await stage.serve({ name: 'six', config: `[sites.six]\ndatabase = "${url}"` });
  let number = 0;
  return async () => {
    const frames = writeChecks(stage.directory, 'six', [++number], 'six');
    return (await load({ socket, frames, once: true })).p50_us / 1000;
  };
}
