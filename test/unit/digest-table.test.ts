import fc from 'fast-check';
import t from 'tap';
import { Password } from '../../daemon/password.ts';
import { makeDigestMemory } from '../../daemon/proof/digest-memory.ts';
import { DIGEST_WORDS, DigestTable } from '../../daemon/proof/digest-table.ts';
import { Greylist } from '../../daemon/proof/greylist.ts';
import { Returning } from '../../daemon/proof/returning.ts';
import { digestOf, FakeClock } from '../fixtures/digests.ts';

/** The expected behaviour: a Map in the order of use, without regard to speed. */
class Model {
  readonly entries = new Map<number, { flag: boolean; setAt: number }>();
  readonly max: number;
  readonly ttlMs: number;
  readonly clock: FakeClock;

  constructor(max: number, ttlMs: number, clock: FakeClock) {
    this.max = max;
    this.ttlMs = ttlMs;
    this.clock = clock;
  }

  get(key: number): boolean | undefined {
    const entry = this.entries.get(key);
    if (entry === undefined) return undefined;
    this.entries.delete(key);
    if (this.#expired(entry)) return undefined;
    this.entries.set(key, entry);
    return entry.flag;
  }

  set(key: number, flag: boolean): void {
    for (const [oldest, entry] of [...this.entries].slice(0, 2)) {
      if (!this.#expired(entry)) break;
      this.entries.delete(oldest);
    }
    this.entries.delete(key);
    for (const [oldest] of this.entries) {
      if (this.entries.size < this.max) break;
      this.entries.delete(oldest);
    }
    this.entries.set(key, { flag, setAt: this.clock.time });
  }

  #expired({ setAt }: { setAt: number }): boolean {
    return this.clock.time - setAt >= this.ttlMs;
  }
}

const operation = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('set' as const), key: fc.nat(40), flag: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('get' as const), key: fc.nat(40) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), key: fc.nat(40) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(60) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('clear' as const) }) },
);

t.test('a table of digests is a Map that is bounded by use and age', async () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), fc.array(operation, { maxLength: 300 }), (max, operations) => {
      const clock = new FakeClock();
      const table = new DigestTable({ max, ttlMs: 100, clock });
      const model = new Model(max, 100, clock);
      for (const each of operations) {
        if (each.kind === 'wait') clock.time += each.ms;
        else if (each.kind === 'set') {
          table.set(digestOf(each.key), each.flag);
          model.set(each.key, each.flag);
        } else if (each.kind === 'get') {
          if (table.get(digestOf(each.key)) !== model.get(each.key)) return false;
        } else if (each.kind === 'delete') {
          if (table.delete(digestOf(each.key)) !== model.entries.delete(each.key)) return false;
        } else {
          table.clear();
          model.entries.clear();
        }
        if (table.size !== model.entries.size || table.size > max) return false;
      }
      // In the end every key is looked up, those that must be absent too.
      for (let key = 0; key <= 40; key++) if (table.get(digestOf(key)) !== model.get(key)) return false;
      return true;
    }),
    { numRuns: 2000 },
  );
});

t.test('a digest is found only if all of its octets are equal', async (t) => {
  const table = new DigestTable({ max: 10, ttlMs: 100, clock: new FakeClock() });
  const digest = Uint32Array.from({ length: DIGEST_WORDS }, (_, at) => (at + 1) * 0x01020304);
  table.set(digest, true);
  t.equal(table.get(digest), true);
  for (let bit = 0; bit < DIGEST_WORDS * 32; bit++) {
    const other = digest.slice();
    other[bit >> 5] = (other[bit >> 5] as number) ^ (1 << (bit & 31));
    if (table.get(other) !== undefined) t.fail(`a digest that differs in bit ${bit} is found`);
  }
  t.equal(table.get(new Uint32Array(DIGEST_WORDS)), undefined, 'the digest of an empty entry is not found');
});

t.test('removed entries are overwritten', async (t) => {
  const clock = new FakeClock();
  const mark = 0x5ec2e7;
  const digest = (number: number) => new Uint32Array(DIGEST_WORDS).fill(mark).fill(number, 0, 1);
  const memory = makeDigestMemory(4);
  const table = new DigestTable({ max: 4, ttlMs: 100, clock, memory });
  const kept = () => memory.digests.filter((word) => word === mark).length / (DIGEST_WORDS - 1);
  for (let number = 0; number < 4; number++) table.set(digest(number), true);
  t.equal(kept(), 4);
  table.set(digest(4), true);
  t.equal(kept(), 4, 'evicted for a new one');
  table.delete(digest(4));
  t.equal(kept(), 3, 'deleted');
  clock.time += 100;
  t.equal(table.get(digest(3)), undefined);
  t.equal(kept(), 2, 'found expired');
  table.set(digest(5), true);
  t.equal(kept(), 1, 'expired and not asked for');
  table.clear();
  t.equal(kept(), 0, 'cleared');
  t.equal(table.size, 0);
});

t.test('granted passwords of users who return', async (t) => {
  const clock = new FakeClock();
  const returning = new Returning({ max: 300, proofTtlMs: 3_600_000, clock });
  const password = (text: string) => Password.fromTyped(Buffer.from(text));
  const of = (account: string, text = 'secret', site = 's') => returning.digestOf(site, account, password(text));
  for (let i = 0; i < 400; i++) returning.add(of(`#${i}`));
  const kept = Array.from({ length: 400 }, (_, i) => returning.has(of(`#${i}`)));
  t.same(
    kept,
    [...Array(100).fill(false), ...Array(300).fill(true)],
    'their number is bounded, the last ones are kept',
  );
  for (const other of [of('#399', 'guess'), of('#39', '9secret'), of('#399', 'secret', 't')])
    t.notOk(returning.has(other));
  returning.take(of('#399'));
  t.notOk(returning.has(of('#399')));
  clock.time += 7 * 86_400_000;
  t.notOk(returning.has(of('#398')), 'not for ever');
  returning.add(of('#1'));
  t.ok(returning.flush() > 0);
  t.equal(returning.size, 0);
  const other = new Returning({ max: 300, proofTtlMs: 3_600_000, clock });
  t.not(other.digestOf('s', '#1', password('secret')), of('#1'), 'each has a key of its own');
});

t.test('the greylist', async (t) => {
  const clock = new FakeClock();
  const greylist = new Greylist({ clock, max: 3 });
  const of = (text: string) => greylist.digestOf('s', 'alice', Password.fromTyped(Buffer.from(text)));
  for (const text of ['a', 'b', 'c', 'd']) greylist.add(of(text));
  t.same(
    ['a', 'b', 'c', 'd'].map((text) => greylist.has(of(text))),
    [false, true, true, true],
  );
  clock.time += 120_000;
  t.notOk(greylist.has(of('d')), 'a minute or two is enough to try again');
});
