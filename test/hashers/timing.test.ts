import t from 'tap';
import { measureTiming, type TimingRow, timingTable } from '../attack/timing.ts';

/*
 * The short form of the measurement in ../attack/timing.ts, in which `npm run test:attack` takes 2,000 samples of each
 * kind and accepts 0.55.
 *
 * With 80 samples against 320 about unknown names the AUC of two kinds without a difference strays by 0.036 from 0.5, and
 * there are about eighty of them: the highest is expected at 0.6. Other work on the machine comes in bursts and makes
 * samples depend on each other, so what stands out is measured again: a real difference shows each time. Without the grid
 * the rare and dear account is above 0.9.
 */
const SAMPLES = 80;
const ACCOUNTS = 2_000;
const AUC_MAX = 0.65;
const TRIALS = 3;

const nameOf = ({ kind, form }: TimingRow) => `${kind}, ${form}`;

for (const door of ['socket', 'apache'] as const) {
  t.test(`the time of a denial does not tell one account from another: ${door}`, async (t) => {
    let suspects: Set<string> | undefined;
    for (let trial = 0; trial < TRIALS && suspects?.size !== 0; trial++) {
      const rows = await measureTiming({ door, samples: SAMPLES, accounts: ACCOUNTS });
      t.comment(timingTable(rows));
      const found = rows.filter(({ auc }) => auc > AUC_MAX).map(nameOf);
      suspects = new Set(found.filter((name) => suspects?.has(name) ?? true));
    }
    t.same([...(suspects ?? [])], [], 'nothing stands out each time');
  });
}

t.test('without the grid it does: the measurement can tell', async (t) => {
  const rows = await measureTiming({
    door: 'socket',
    samples: 40,
    accounts: ACCOUNTS,
    config: '[hash]\ndenial_grid = 0',
  });
  const dear = rows.find(({ kind, form }) => kind === 'rare and ten times as dear' && form === 'cold');
  t.ok((dear?.auc ?? 0) > AUC_MAX, `AUC ${dear?.auc.toFixed(3)}`);
});
