import fc from 'fast-check';
import t from 'tap';
import type { Busy } from '../../daemon/fault.ts';
import { Deadlines } from '../../daemon/request/deadlines.ts';
import { Presence } from '../../daemon/request/presence.ts';
import { Wait } from '../../daemon/wait.ts';

/** A clock with its timers. */
class Timers {
  time = 1_000;
  readonly pending = new Map<object, { at: number; call: () => void }>();
  started = 0;
  now = () => this.time;
  start = (call: () => void, ms: number) => {
    const timer = {};
    this.started++;
    this.pending.set(timer, { at: this.time + ms, call });
    return timer;
  };
  stop = (timer: object) => this.pending.delete(timer);
  pass(ms: number): void {
    const until = this.time + ms;
    for (;;) {
      const [first] = [...this.pending].sort(([, a], [, b]) => a.at - b.at);
      if (first === undefined || first[1].at > until) break;
      this.pending.delete(first[0]);
      this.time = Math.max(this.time, first[1].at);
      first[1].call();
    }
    this.time = until;
  }
}

t.test('every question is told before its deadline, by one timer', async () => {
  const event = fc.oneof(
    fc.record({ waits: fc.integer({ min: 1, max: 5_000 }) }),
    fc.record({ answered: fc.nat(50) }),
    fc.record({ pass: fc.nat(3_000) }),
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 100 }), (events) => {
      const timers = new Timers();
      const deadlines = new Deadlines({ clock: timers, startTimer: timers.start, stopTimer: timers.stop as never });
      const all: {
        wait: Wait;
        askedAt: number;
        entry: ReturnType<Deadlines['add']>;
        endedAt?: number;
        done: boolean;
      }[] = [];
      for (const each of events) {
        if ('waits' in each) {
          const wait = new Wait(timers.time + each.waits);
          const entry = { wait, askedAt: timers.time, entry: deadlines.add(wait), done: false } as (typeof all)[number];
          wait.whenOver(() => {
            entry.endedAt = timers.time;
          });
          all.push(entry);
        } else if ('answered' in each) {
          const one = all[each.answered];
          if (one !== undefined) {
            deadlines.remove(one.entry);
            if (one.endedAt === undefined) one.done = true;
          }
        } else timers.pass(each.pass);
        if (timers.pending.size > 1) return false;
        for (const { wait, askedAt, endedAt, done } of all) {
          if (done && endedAt !== undefined) return false;
          if (!done && endedAt === undefined && timers.time >= wait.deadlineAt) return false;
          if (endedAt === undefined) continue;
          const early = wait.deadlineAt - endedAt;
          if (early < 0 || early > 25 || early > 0.1 * (wait.deadlineAt - askedAt)) return false;
        }
      }
      return deadlines.size === all.filter(({ done, endedAt }) => !done && endedAt === undefined).length;
    }),
    { numRuns: 500 },
  );
});

t.test('questions that are answered start no timers', async (t) => {
  const timers = new Timers();
  const deadlines = new Deadlines({ clock: timers, startTimer: timers.start, stopTimer: timers.stop as never });
  for (let i = 0; i < 10_000; i++) {
    deadlines.remove(deadlines.add(new Wait(timers.time + 10_000)));
    timers.pass(1);
  }
  t.ok(timers.started <= 3, `${timers.started} timers for 10,000 questions`);
  t.equal(deadlines.size, 0);
  deadlines.add(new Wait(Number.POSITIVE_INFINITY));
  t.equal(deadlines.size, 1);
});

t.test('retry_after of a question that was too late is what it waits for says', async (t) => {
  const timers = new Timers();
  const deadlines = new Deadlines({ clock: timers, startTimer: timers.start, stopTimer: timers.stop as never });
  const wait = new Wait(timers.time + 1_000);
  wait.outlook = () => 6.5;
  const reasons: Busy[] = [];
  deadlines.add(wait);
  wait.whenOver((reason) => reasons.push(reason));
  timers.pass(1_000);
  wait.end(reasons[0] as Busy);
  t.match(reasons, [{ reason: 'deadline', retryAfter: 7 }], 'once');
  t.throws(() => wait.check(), { message: 'deadline' });
  wait.whenOver((reason) => reasons.push(reason));
  t.equal(reasons.length, 2, 'whoever comes later is told at once');
});

t.test('a client that is gone takes its questions with it', async (t) => {
  const presence = new Presence();
  const waits = [1, 2, 3].map((at) => new Wait(at));
  const over: number[] = [];
  for (const wait of waits) wait.whenOver(() => over.push(wait.deadlineAt));
  for (const wait of waits.slice(0, 2)) presence.waits(wait);
  waits[0]?.done();
  presence.end();
  t.same(over, [2]);
  presence.waits(waits[2] as Wait);
  t.same(over, [2, 3], 'also those that were read before it was known');
  t.throws(() => waits[2]?.check(), { message: 'abandoned' });
});
