import fc from 'fast-check';
import t from 'tap';
import { type Denial, LeavingQueue, leavesAt, type Waiting } from '../../daemon/request/leaving.ts';

const TIMES = { gridMs: 25, holdMs: 1_000 };

t.test('a denial leaves on the grid, a whole number of steps after its question came', (t) => {
  const at = (more: Partial<Denial>) =>
    leavesAt({ arrivedAt: 1_000, decidedAt: 1_000, deadlineAt: 11_000, hashed: undefined, ...more }, TIMES);
  t.equal(at({}), 1_025, 'from memory');
  t.equal(at({ decidedAt: 1_024.9 }), 1_025, 'from the database');
  t.equal(at({ arrivedAt: 1_001 }), 1_050);
  t.equal(
    at({ arrivedAt: 1_024.9, decidedAt: 1_025.1 }),
    1_050,
    'the grid does not fall between its arrival and its end',
  );
  const hashed = { startedAt: 1_000.3, upperMs: 60 };
  for (const decidedAt of [1_005, 1_055, 1_074]) t.equal(at({ decidedAt, hashed }), 1_075, 'any hash');
  t.equal(at({ decidedAt: 1_080, hashed }), 1_100, 'one that took longer than any before');
  t.equal(at({ decidedAt: 1_200, hashed: { startedAt: 1_190, upperMs: 60 } }), 1_250, 'what waited in the queue');
  t.equal(at({ hashed: { startedAt: 1_000, upperMs: 60_000 } }), 2_000, 'never longer than hash.denial_hold');
  t.equal(at({ deadlineAt: 1_060, hashed }), 1_025, 'before the client stops waiting');
  t.equal(at({ decidedAt: 1_058, deadlineAt: 1_060, hashed }), 1_058, 'at once, if that is near');
  t.equal(leavesAt({ arrivedAt: 0, decidedAt: 7, deadlineAt: 9, hashed }, { gridMs: 0, holdMs: 1_000 }), 7, 'no grid');
  t.end();
});

t.test('when a denial leaves does not depend on how long its work took, within the upper time', (t) => {
  const time = fc.double({ min: 0, max: 10_000, noNaN: true });
  fc.assert(
    fc.property(
      time,
      time,
      fc.integer({ min: 1, max: 900 }),
      fc.array(fc.double({ min: 0, max: 1, noNaN: true })),
      (arrivedAt, queued, upperMs, works) => {
        const startedAt = arrivedAt + queued;
        const hashed = { startedAt, upperMs };
        const leave = (work: number) =>
          leavesAt({ arrivedAt, decidedAt: startedAt + work * upperMs, deadlineAt: 1e9, hashed }, TIMES);
        return works.every(
          (work) => leave(work) === leave(0) && leave(work) % 25 === 0 && leave(0) >= startedAt + upperMs,
        );
      },
    ),
  );
  fc.assert(
    fc.property(time, time, time, time, (arrivedAt, a, b, c) => {
      const decidedAt = arrivedAt + a;
      const deadlineAt = arrivedAt + b;
      const at = leavesAt({ arrivedAt, decidedAt, deadlineAt, hashed: { startedAt: arrivedAt, upperMs: c } }, TIMES);
      return at >= decidedAt && (at <= deadlineAt || at === decidedAt);
    }),
  );
  t.end();
});

/** A clock, and timers that go off when it is set. */
function machine() {
  const clock = { time: 0, now: () => clock.time };
  const timers = new Set<{ at: number; then: () => void }>();
  let looks = 0;
  const add = (at: number, then: () => void) => {
    const timer = { at, then };
    timers.add(timer);
    return () => void timers.delete(timer);
  };
  const waiting: Waiting = {
    after: (ms, then) => add(clock.time + ms, then),
    soon: (then) => add(clock.time + 0.01, then),
  };
  /** Goes on to that time; a timer is late by as much as `late` says. */
  const until = async (end: number, late: () => number = () => 0) => {
    for (;;) {
      const [next] = [...timers].sort((a, b) => a.at - b.at);
      if (next === undefined || next.at > end) break;
      timers.delete(next);
      clock.time = Math.max(clock.time, next.at + late());
      looks++;
      next.then();
      for (let i = 0; i < 3; i++) await Promise.resolve();
    }
    clock.time = Math.max(clock.time, end);
  };
  return { clock, waiting, until, timers, looks: () => looks };
}

t.test('held denials leave at their time, those of one time in the order in which they arrived', async (t) => {
  const { clock, waiting, until, timers, looks } = machine();
  const queue = new LeavingQueue<string>(clock, waiting);
  const left: string[] = [];
  const hold = (name: string, arrivedAt: number, at: number) =>
    queue.hold(name, arrivedAt, at).then((each) => left.push(`${each} ${Math.floor(clock.time)}`));
  void hold('second', 2, 50);
  void hold('later', 0, 75);
  void hold('first', 1, 50);
  void hold('soon', 3, 25);
  t.equal(queue.size, 4);
  await until(24.99);
  t.same(left, []);
  await until(30);
  t.same(left, ['soon 25']);
  await until(100);
  t.same(left, ['soon 25', 'first 50', 'second 50', 'later 75'], 'not in the order in which they were known');
  t.equal(queue.size, 0);
  t.equal(timers.size, 0, 'nothing goes on waiting');
  t.ok(looks() < 500, `${looks()}: the clock is looked at for a millisecond at the most`);
  void hold('late', 90, 90);
  await until(101);
  t.equal(left.at(-1), 'late 100', 'a time that is over');
});

t.test('whatever comes in whatever order, each leaves at its time or, if timers are late, after it', async () => {
  const entry = fc.record({
    at: fc.integer({ min: 0, max: 400 }),
    arrivedAt: fc.integer({ min: 0, max: 100 }),
    pause: fc.integer({ min: 0, max: 60 }),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(entry, { maxLength: 40 }),
      fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1 }),
      async (entries, lates) => {
        const { clock, waiting, until, timers } = machine();
        const queue = new LeavingQueue<number>(clock, waiting);
        let turn = 0;
        const late = () => lates[turn++ % lates.length] as number;
        let left = 0;
        for (const { at, arrivedAt, pause } of entries) {
          const heldAt = clock.time;
          void queue.hold(at, arrivedAt, at).then(() => {
            left++;
            if (clock.time < at || clock.time > Math.max(at, heldAt) + 25) throw new Error(`${at} at ${clock.time}`);
          });
          await until(clock.time + pause, late);
        }
        await until(10_000, late);
        return left === entries.length && queue.size === 0 && timers.size === 0;
      },
    ),
  );
});
