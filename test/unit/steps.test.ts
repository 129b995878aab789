import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { type Steps, settled, walk } from '../../daemon/request/steps.ts';

function* sum(values: readonly (number | Promise<number>)[], told: string[]): Steps<number> {
  let total = 0;
  try {
    for (const value of values) total += yield* settled(value);
    return total;
  } catch (error) {
    told.push(`caught ${(error as Error).message}`);
    return -1;
  } finally {
    told.push('done');
  }
}

t.test('steps that need not wait are gone through at once', async (t) => {
  const told: string[] = [];
  t.equal(
    walk(sum([1, 2, 3], told), () => told.push('waits')),
    6,
  );
  t.same(told, ['done']);
});

t.test('those that must are waited for', async (t) => {
  const told: string[] = [];
  const answer = walk(sum([1, sleep(1, 2), 3, Promise.resolve(4)], told), () => told.push('waits'));
  t.same(told, ['waits'], 'which is told before');
  t.equal(await answer, 10);
  t.same(told, ['waits', 'done']);
});

t.test('what goes wrong is thrown where it is waited for', async (t) => {
  const told: string[] = [];
  const failing = sleep(1).then(() => Promise.reject(new Error('down')));
  t.equal(await walk(sum([1, failing], told), () => {}), -1);
  t.same(told, ['caught down', 'done']);

  function* wrong(): Steps<number> {
    yield* settled(sleep(1));
    throw new Error('a mistake');
  }
  await t.rejects(Promise.resolve(walk(wrong(), () => {})), { message: 'a mistake' });
});
