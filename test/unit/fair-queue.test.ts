import fc from 'fast-check';
import t from 'tap';
import { type Asked, FairQueue } from '../../daemon/hasher/fair-queue.ts';

interface Item extends Asked {
  readonly number: number;
}

const ORIGINS = ['', 'a', 'b', 'c'];
const NAMES = ['x', 'y', 'z'];

const event = fc.oneof(
  { weight: 5, arbitrary: fc.record({ origin: fc.constantFrom(...ORIGINS), name: fc.constantFrom(...NAMES) }) },
  { weight: 3, arbitrary: fc.constant('shift' as const) },
  { weight: 1, arbitrary: fc.constant('drop' as const) },
  { weight: 1, arbitrary: fc.nat(200) },
);

t.test('sources take turns, and names within a source', async () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 200 }), (events) => {
      const queue = new FairQueue<Item>();
      const model = new Set<Item>();
      let number = 0;
      const count = (origin: string, name?: string) =>
        [...model].filter((item) => item.origin === origin && (name === undefined || item.name === name)).length;
      // How often each was served while another one waited all the time.
      const served = new Map<string, number>();
      const key = (a: string, b: string) => `${a}>${b}`;
      const gone = (item: Item | undefined) => {
        if (item === undefined || !model.delete(item)) return;
        // Whoever has nothing left begins anew.
        for (const other of ORIGINS) if (count(item.origin) === 0) served.delete(key(other, item.origin));
        for (const other of NAMES) {
          if (count(item.origin, item.name) === 0) served.delete(key(`${item.origin}/${other}`, item.name));
        }
      };
      for (const each of events) {
        if (each === 'shift') {
          const item = queue.shift();
          if ((item === undefined) !== (model.size === 0)) return false;
          if (item === undefined) continue;
          const { origin, name } = item;
          for (const other of ORIGINS) {
            if (other === origin || count(other) === 0) continue;
            served.set(key(origin, other), (served.get(key(origin, other)) ?? 0) + 1);
            if ((served.get(key(origin, other)) ?? 0) > (served.get(key(other, origin)) ?? 0) + 1) {
              if (count(origin) > 0) return false; // one more than its share is the most
            }
          }
          const first = [...model].find((one) => one.origin === origin && one.name === name);
          if (item !== first) return false; // of one name in the order of asking
          gone(item);
          for (const other of ORIGINS) served.delete(key(other, origin));
        } else if (each === 'drop') {
          const longest = Math.max(0, ...ORIGINS.map((origin) => count(origin)));
          const item = queue.dropOfLongest();
          if (item !== undefined && count(item.origin) !== longest) return false;
          gone(item);
        } else if (typeof each === 'number') {
          const item = [...model].find((one) => one.number === each);
          if (item !== undefined && !queue.remove(item)) return false;
          gone(item);
          if (item !== undefined && queue.remove(item)) return false;
        } else {
          const item = { ...each, number: number++, seconds: 1 };
          queue.push(item);
          model.add(item);
        }
        if (queue.length !== model.size || queue.seconds !== model.size) return false;
        for (const name of NAMES) {
          if (queue.named(name) !== [...model].filter((item) => item.name === name).length) return false;
        }
      }
      return true;
    }),
    { numRuns: 500 },
  );
});

t.test('nobody is served more than once in a round', async () => {
  const many = fc.array(fc.record({ origin: fc.constantFrom(...ORIGINS), name: fc.constantFrom(...NAMES) }), {
    maxLength: 100,
  });
  fc.assert(
    fc.property(many, (asked) => {
      const queue = new FairQueue<Item>();
      for (const [number, each] of asked.entries()) queue.push({ ...each, number, seconds: 1 });
      let left = asked.length;
      const lengths = new Map(ORIGINS.map((origin) => [origin, asked.filter((each) => each.origin === origin).length]));
      while (left > 0) {
        const waiting = ORIGINS.filter((origin) => (lengths.get(origin) ?? 0) > 0);
        const round = waiting.map(() => queue.shift() as Item);
        if (new Set(round.map(({ origin }) => origin)).size !== waiting.length) return false;
        for (const { origin } of round) lengths.set(origin, (lengths.get(origin) ?? 0) - 1);
        left -= round.length;
      }
      return queue.length === 0;
    }),
  );
});

t.test('an estimate of what goes before is not too low, nor much too high', async (t) => {
  const queue = new FairQueue<Item>();
  const item = (origin: string, name: string): Item => ({ origin, name, number: 0, seconds: 2 });
  const before = (added: Item) => {
    const estimate = queue.before(added);
    const copy = new FairQueue<Item>();
    for (const each of items) copy.push({ ...each });
    copy.push(added);
    let seconds = 0;
    for (let next = copy.shift(); next !== added; next = copy.shift()) seconds += next?.seconds ?? 0;
    const rest = 2 * ORIGINS.length; // whose turn it is now is not counted
    t.ok(estimate >= seconds && estimate <= seconds + rest, `${added.origin} ${added.name}: ${estimate}, ${seconds}`);
  };
  const items: Item[] = [];
  const push = (added: Item) => {
    items.push(added);
    queue.push(added);
  };
  before(item('a', 'x'));
  for (let i = 0; i < 10; i++) push(item('a', 'x'));
  before(item('b', 'x'));
  before(item('a', 'y'));
  before(item('a', 'x'));
  for (const origin of ['b', 'c', 'd']) for (let i = 0; i < 10; i++) push(item(origin, 'x'));
  before(item('e', 'x'));
  before(item('a', 'x'));
  before(item('a', 'y'));
});
