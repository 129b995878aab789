import type { Case } from '../case.ts';
import { output } from '../processes.ts';
import { interleave, median } from '../rounds.ts';
import { serve } from '../serve.ts';

/** From spawn to the first answered ping, and the time that Node takes to do nothing. Needs no database. */
export const ready: Case = {
  name: 'ready',
  keys: ['ready_ms'],
  async run(stage) {
    const config = `[sites.site]\ndatabase = "postgres:///none?host=${stage.directory}"`;
    const figures = await interleave(stage, stage.choose(9, 3), {
      djauthd: async () => {
        const served = await serve({ directory: stage.directory, name: 'ready', config });
        await served.stop();
        return served.readyMs;
      },
      node: async () => {
        const startedAt = performance.now();
        await output(process.execPath, ['-e', '0']);
        return performance.now() - startedAt;
      },
    });
    return {
      measurements: [
        {
          key: 'ready_ms',
          value: median(figures.djauthd),
          ours: { what: 'djauthd serve, spawn to pong', value: median(figures.djauthd), unit: 'ms' },
          other: { what: 'node -e 0, spawn to exit', value: median(figures.node), unit: 'ms' },
          rounds: figures.djauthd,
        },
      ],
    };
  },
};
