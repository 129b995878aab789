import type { Attack, Row } from '../case.ts';
import { aucDeviation } from '../measure.ts';
import { type Door, measureTiming } from '../timing.ts';

/** Few, so that it takes two minutes: `npx tsx test/attack/timing.ts` is the measurement with 2,000. */
const SAMPLES = 60;

/** Who exists? The time of denials of all kinds of accounts against that for names that nobody has. */
async function existence(door: Door): Promise<Row> {
  const rows = await measureTiming({ door, samples: SAMPLES });
  const worst = rows.reduce((a, b) => (b.auc > a.auc ? b : a));
  return {
    attack: `who exists? The time of denials, ${door === 'socket' ? 'at the socket' : 'through Apache'}`,
    wrong: 0,
    aims: [
      {
        what: 'highest AUC',
        value: worst.auc,
        // So many kinds, so few samples: what chance alone does not exceed.
        most: 0.55 + 3 * aucDeviation(SAMPLES, 4 * SAMPLES),
      },
    ],
    note: `${rows.length} kinds and forms, ${SAMPLES} samples each; the highest is "${worst.kind}", ${worst.form}`,
  };
}

export const timing: Attack = {
  name: 'who-exists',
  run: async () => [await existence('socket'), await existence('apache')],
};
