import { join } from 'node:path';
import { TOOLS } from '../build.ts';
import type { Case } from '../case.ts';
import { load, rate } from '../load.ts';
import { PYTHON } from '../machine.ts';
import { ENCODED, ITERATIONS, PASSWORD } from '../people.ts';
import { type Dialogue, dialogue } from '../processes.ts';
import { interleave, ratio } from '../rounds.ts';

const DJANGO = join(import.meta.dirname, '../python/django_side.py');

/** How many accounts to prepare per second and core of cold checks: more than any machine can hash. */
const PER_SECOND = 80;

/** Checks that hash, against Django's check_password and against the time of the block function alone. */
export const cold: Case = {
  name: 'cold',
  keys: ['cold_vs_django', 'cold_vs_limit', 'cold_rate_vs_django'],
  async run(stage) {
    await stage.hotFrames();
    const { socket } = await stage.main();
    const djangos = Array.from({ length: stage.cores }, () => dialogue(PYTHON, [DJANGO, PASSWORD, ENCODED]));
    const block = dialogue(join(TOOLS, 'sha256'), []);
    try {
      await Promise.all(djangos.map((each) => each.ask('0')));
      const one = await interleave(stage, stage.choose(11, 3), {
        djauthd: async () => (await load({ socket, frames: stage.coldFrames(1), once: true })).p50_us / 1000,
        django: async () => 1000 * (await (djangos[0] as Dialogue).ask('0')).seconds,
        limit: async () => {
          const { one_by_one, at_once } = await block.ask(String(2 * ITERATIONS));
          return 1000 * Math.min(one_by_one, at_once);
        },
      });

      const seconds = stage.choose(5, 2);
      const connections = 2 * stage.cores;
      const all = await interleave(stage, stage.choose(5, 1), {
        djauthd: () => {
          const frames = stage.coldFrames(PER_SECOND * seconds * stage.cores);
          return rate({ socket, frames, once: true, seconds, connections });
        },
        django: async () => {
          const answers = await Promise.all(djangos.map((each) => each.ask(String(seconds))));
          return answers.reduce((sum, answer) => sum + answer.count / answer.seconds, 0);
        },
      });
      const mine = ['djauthd', one.djauthd] as const;
      return {
        measurements: [
          ratio('cold_vs_django', 'ms', mine, ['Django', one.django]),
          ratio('cold_vs_limit', 'ms', mine, ['block function', one.limit]),
          ratio('cold_rate_vs_django', 'checks/s', ['djauthd', all.djauthd], ['Django', all.django]),
        ],
        notes: {
          cold_best_ms: Math.min(...one.djauthd),
          django_best_ms: Math.min(...one.django),
          limit_best_ms: Math.min(...one.limit),
        },
      };
    } finally {
      await Promise.all([...djangos, block].map((each) => each.close()));
    }
  },
};
