import fc from 'fast-check';
import t from 'tap';
import { type Holder, InFlight } from '../../daemon/socket/in-flight.ts';
import { Stalled } from '../../daemon/socket/stalled.ts';
import { TURN_MS, Turns } from '../../daemon/socket/turns.ts';
import { StatusPages } from '../../daemon/status/pages.ts';
import { FrameReader } from '../../protocol/frame.ts';
import { encodeReply } from '../../protocol/reply.ts';
import { STATUS_FORMATS } from '../../protocol/request.ts';
import { reportOf } from '../fixtures/report.ts';

t.test('a status page is drawn once a second for all clients', async (t) => {
  let now = 5_000;
  let drawn = 0;
  const report = () => {
    drawn++;
    return reportOf({ uptime_seconds: drawn });
  };
  const pages = new StatusPages(report, { now: () => now });
  const frames = new Set<string>();
  for (let count = 0; count < 1_000; count++) {
    for (const format of STATUS_FORMATS)
      frames.add(encodeReply(1, { status: 0, content: pages.page(format) }).toString());
    pages.page('html', 1 + count);
    now += 0.9;
  }
  t.equal(drawn, STATUS_FORMATS.length, 'each format once, whatever refreshes are asked for');
  t.equal(frames.size, STATUS_FORMATS.length);
  t.match(pages.page('html', 5).octets.toString(), /http-equiv="refresh" content="5"/);
  t.match(pages.page('html', 7).octets.toString(), /http-equiv="refresh" content="7"/);
  t.notMatch(pages.page('html').octets.toString(), /http-equiv="refresh"/);
  t.notMatch(pages.page('json', 7).octets.toString(), /refresh" content/);
  now += 101;
  pages.page('json');
  t.equal(drawn, STATUS_FORMATS.length + 1, 'a second later it is drawn anew');
});

t.test('turns', async (t) => {
  let now = 0;
  const turns = new Turns({ now: () => now });
  t.notOk(turns.over);
  now += TURN_MS;
  t.ok(turns.over);
  const ran: string[] = [];
  const work = (name: string, ms: number, times: number) => () => {
    ran.push(name);
    now += ms;
    if (times > 1) turns.later(work(name, ms, times - 1));
  };
  turns.later(work('a', TURN_MS / 2, 3));
  turns.later(work('b', TURN_MS / 2, 3));
  turns.later(work('c', TURN_MS / 2, 1));
  t.same(ran, []);
  const perTurn: number[] = [];
  while (ran.length < 7 && perTurn.length < 20) {
    const before = ran.length;
    await new Promise((resolve) => setImmediate(resolve));
    perTurn.push(ran.length - before);
  }
  t.equal(ran.join(''), 'abcabab', 'in turn, none before the others');
  t.ok(Math.max(...perTurn) <= 3, `in a turn: ${perTurn}`);
});

/** Connections that ask in a random order, with the clients of a random schedule. */
t.test('octets in flight: bounded, nobody waits for ever', async () => {
  const LIMIT = 100_000;
  fc.assert(
    fc.property(
      fc.array(fc.record({ who: fc.nat(30), octets: fc.integer({ min: 1, max: 33_000 }), ends: fc.boolean() }), {
        maxLength: 400,
      }),
      (steps) => {
        const inFlight = new InFlight(LIMIT);
        const all = Array.from({ length: 31 }, () => new FakeConnection(inFlight));
        for (const { who, octets, ends } of steps) {
          const one = all[who] as FakeConnection;
          if (ends) one.answer();
          else one.ask(octets);
          if (inFlight.octets > 2 * LIMIT + 33_000 + 2_048) return false;
          if (one.own === 0 && one.wanted.length > 0 && inFlight.octets < 2 * LIMIT) return false; // a newcomer gets in
        }
        // Everything that is in flight is answered, some time: then everything that was asked has been.
        for (let round = 0; round < 1_000 && all.some((one) => one.own > 0); round++)
          for (const one of all) one.answer();
        return (
          inFlight.octets === 0 && inFlight.waiting === 0 && all.every(({ own, wanted }) => own === 0 && !wanted.length)
        );
      },
    ),
    { numRuns: 300 },
  );
});

class FakeConnection implements Holder {
  readonly wanted: number[] = [];
  readonly #taken: number[] = [];
  readonly #inFlight: InFlight;
  #waits = false;
  own = 0;

  constructor(inFlight: InFlight) {
    this.#inFlight = inFlight;
  }

  ask(octets: number): void {
    this.wanted.push(octets);
    this.#proceed();
  }

  answer(): void {
    const octets = this.#taken.shift();
    if (octets === undefined) return;
    this.own = this.#inFlight.remove(octets, this.own);
    this.#inFlight.wakeOthers();
    this.#proceed();
  }

  wake(): void {
    this.#waits = false;
    this.#proceed();
  }

  #proceed(): void {
    while (this.wanted.length > 0 && !this.#inFlight.isFull(this.own)) {
      const octets = this.wanted.shift() as number;
      this.#taken.push(octets);
      this.own = this.#inFlight.add(octets, this.own);
    }
    if (this.wanted.length > 0 && !this.#waits) {
      this.#waits = true;
      this.#inFlight.wait(this, this.own);
    } else if (this.wanted.length === 0 && this.#waits) {
      this.#waits = false;
      this.#inFlight.leave(this);
    }
  }
}

t.test('one connection cannot fill what others need', async (t) => {
  const inFlight = new InFlight(100_000);
  const greedy = new FakeConnection(inFlight);
  for (let count = 0; count < 1_000; count++) greedy.ask(10_000);
  t.ok(greedy.own < 120_000, `${greedy.own} octets`);
  const modest = Array.from({ length: 5 }, () => new FakeConnection(inFlight));
  for (const one of modest) one.ask(200);
  t.ok(modest.every(({ own }) => own > 0));
});

t.test('what peers hold up is bounded, and the oldest gives way', async () => {
  const LIMIT = 1_000;
  fc.assert(
    fc.property(
      fc.array(fc.record({ who: fc.nat(20), octets: fc.nat(400), anew: fc.boolean() }), { maxLength: 200 }),
      (steps) => {
        const stalled = new Stalled(LIMIT);
        const model = new Map<number, number>();
        const gone: number[] = [];
        const all = Array.from({ length: 21 }, (_, who) => ({ giveWay: () => gone.push(who) }));
        for (const { who, octets, anew } of steps) {
          stalled.set(all[who] as (typeof all)[number], octets, anew);
          if (octets === 0 || anew) model.delete(who);
          if (octets > 0) model.set(who, octets);
          let total = [...model.values()].reduce((sum, each) => sum + each, 0);
          while (total > LIMIT) {
            const [oldest, its] = model.entries().next().value as [number, number];
            if (gone.shift() !== oldest) return false;
            model.delete(oldest);
            total -= its;
          }
          if (gone.length > 0 || stalled.octets !== total) return false;
        }
        return true;
      },
    ),
  );
});

t.test('a frame reader that is stopped after any body goes on where it was', async () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 30 }),
      fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 20 }),
      fc.array(fc.boolean(), { minLength: 1, maxLength: 20 }),
      (bodies, sizes, stops) => {
        const stream = Buffer.concat(
          bodies.map((body) => {
            const frame = Buffer.alloc(4 + body.length);
            frame.writeUInt32BE(body.length);
            frame.set(body, 4);
            return frame;
          }),
        );
        const reader = new FrameReader();
        const read: string[] = [];
        for (let at = 0, count = 0; at < stream.length; count++) {
          const chunk = Buffer.from(stream.subarray(at, at + (sizes[count % sizes.length] as number)));
          at += chunk.length;
          for (let from = 0; from < chunk.length; ) {
            from = reader.push(
              chunk,
              (body) => {
                read.push(body.toString('hex'));
                return stops[read.length % stops.length];
              },
              from,
            );
          }
        }
        return read.join() === bodies.map((body) => Buffer.from(body).toString('hex')).join() && !reader.partial;
      },
    ),
    { numRuns: 1_000 },
  );
});
