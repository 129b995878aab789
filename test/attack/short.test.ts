import t from 'tap';
import { attacks } from './cases.ts';
import { aimsOf, missed } from './report.ts';
import { runAttacks } from './run.ts';

/** Cheap enough that the whole takes less than a minute, dear enough that a spray fills the pool. */
const ITERATIONS = 150_000;

/*
 * The short form of `npm run test:attack`: counts, and limits that other work on the machine does not reach. Whoever is
 * honest gets in, nobody else does, and memory stays within its bound.
 */
t.test('honest people are served while the daemon is attacked', async (t) => {
  const { rows, failures } = await runAttacks({
    short: true,
    iterations: ITERATIONS,
    progress: (what) => t.comment(what),
  });
  t.same([...failures], [], 'every attack was done');
  t.ok(rows.length >= attacks.filter(({ short }) => short).length);
  for (const row of rows) {
    t.ok(aimsOf(row).length > 0);
    t.same(
      missed(row, true).map(({ what, value, most }) => `${what}: ${value}, at most ${most}`),
      [],
      row.attack,
    );
  }
});
