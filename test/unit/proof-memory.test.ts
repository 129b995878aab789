import fc from 'fast-check';
import t from 'tap';
import { Password } from '../../daemon/password.ts';
import { digestOctets, makeDigestMemory } from '../../daemon/proof/digest-memory.ts';
import { DigestTable } from '../../daemon/proof/digest-table.ts';
import type { MemorySource } from '../../daemon/proof/memory-source.ts';
import { ProofMemory } from '../../daemon/proof/proof-memory.ts';
import { type ProofKeys, ProofTables } from '../../daemon/proof/proof-tables.ts';
import { digestOf, FakeClock } from '../fixtures/digests.ts';

/** What a digest states cannot change. */
const factOf = (number: number) => number % 2 === 0;
const KEYS = 40;

interface Step {
  readonly kind: 'set' | 'get' | 'delete' | 'wait' | 'clear';
  readonly key: number;
}

const steps = fc.array(
  fc.record<Step>({
    kind: fc.constantFrom('set', 'set', 'set', 'set', 'get', 'get', 'delete', 'wait', 'clear'),
    key: fc.nat(KEYS),
  }),
  { maxLength: 80 },
);

function perform(table: DigestTable, { kind, key }: Step, clock: FakeClock): void {
  if (kind === 'set') table.set(digestOf(key), factOf(key));
  else if (kind === 'get') table.get(digestOf(key));
  else if (kind === 'delete') table.delete(digestOf(key));
  else if (kind === 'wait') clock.time += key;
  else if (key < 3) table.clear();
}

const TTL = 200;
const over = (buffer: ArrayBuffer, max: number, clock: FakeClock) =>
  new DigestTable({ max, ttlMs: TTL, clock, memory: makeDigestMemory(max, buffer, 0, true) });

/** Whether a table knows no more than these digests, each as it is, and works: it is filled, asked and emptied. */
function isSound(table: DigestTable, max: number, known: ReadonlySet<number>): boolean {
  if (table.size > max) return false;
  for (let key = 0; key <= 2 * KEYS; key++) {
    const flag = table.get(digestOf(key));
    if (flag !== undefined && (flag !== factOf(key) || !known.has(key))) return false;
  }
  for (let key = 0; key <= 2 * KEYS; key++) table.set(digestOf(key), factOf(key));
  if (table.size !== max) return false;
  for (let key = 0; key <= 2 * KEYS; key++) table.delete(digestOf(key));
  return table.size === 0;
}

t.test('a table finds in the memory of an earlier one what that one knew', async () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), steps, (max, all) => {
      const clock = new FakeClock(1_000_000);
      const buffer = new ArrayBuffer(digestOctets(max));
      const table = over(buffer, max, clock);
      for (const step of all) perform(table, step, clock);
      const next = over(buffer.slice(0), max, clock);
      for (let key = 0; key <= KEYS; key++) {
        if (next.get(digestOf(key)) !== table.get(digestOf(key))) return false;
      }
      // Those that were set first go first.
      const last = [...new Set(all.filter(({ kind }) => kind === 'set').map(({ key }) => key))];
      return isSound(over(buffer.slice(0), max, clock), max, new Set(last));
    }),
    { numRuns: 2_000 },
  );
});

t.test('what was written half-way, and what is damaged, states nothing', async () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 12 }),
      steps,
      fc.array(fc.boolean(), { minLength: 1, maxLength: 97 }),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { maxLength: 8 }),
      (max, all, torn, flips) => {
        const clock = new FakeClock(1_000_000);
        const buffer = new ArrayBuffer(digestOctets(max));
        const table = over(buffer, max, clock);
        const known = new Set<number>();
        let before = new Uint32Array(buffer.slice(0));
        for (const step of all) {
          perform(table, step, clock);
          if (step.kind === 'set') known.add(step.key);
          // Any mixture of the words of before and after: whatever the order in which they are written.
          const after = new Uint32Array(buffer.slice(0));
          const mixed = after.map((word, at) => (torn[at % torn.length] ? word : (before[at] as number)));
          if (!isSound(over(mixed.buffer, max, clock), max, known)) return false;
          before = after;
        }
        const octets = new Uint8Array(buffer.slice(0));
        for (const [at, bits] of flips) octets[at % octets.length] = (octets[at % octets.length] as number) ^ bits;
        return isSound(over(octets.buffer, max, clock), max, known);
      },
    ),
    { numRuns: 1_000 },
  );
});

t.test('random memory is no table', async () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), fc.infiniteStream(fc.nat(0xffff_ffff)), (max, words) => {
      const buffer = new ArrayBuffer(digestOctets(max));
      const view = new Uint32Array(buffer);
      for (let at = 0; at < view.length; at++) view[at] = words.next().value;
      return isSound(over(buffer, max, new FakeClock(1_000_000)), max, new Set());
    }),
    { numRuns: 1_000 },
  );
});

t.test('the order of age is found again, however far apart', async (t) => {
  const clock = new FakeClock(1_000_000);
  const memory = makeDigestMemory(5);
  const options = { max: 5, ttlMs: Number.POSITIVE_INFINITY, clock };
  const table = new DigestTable({ ...options, memory });
  for (const [at, key] of [3, 1, 4, 2, 5].entries()) {
    clock.time += at === 3 ? 1e15 : 1;
    table.set(digestOf(key), factOf(key));
  }
  const next = new DigestTable({ ...options, memory: { ...memory, used: true } });
  for (const [at, gone] of [3, 1, 4].entries()) {
    next.set(digestOf(30 + at), true);
    const kept = [3, 1, 4, 2, 5].filter((key) => key === gone && next.get(digestOf(key)) !== undefined);
    t.same(kept, [], `${gone} is evicted`);
  }
  t.same(
    [2, 5].map((key) => next.get(digestOf(key))),
    [true, false],
  );
});

const SIZES = { rights: 5, wrongs: 3, returning: 4 };
const made = () => ProofMemory.make(new ArrayBuffer(ProofMemory.octets(SIZES)), SIZES).buffer;

t.test('only memory of this layout is read', async (t) => {
  const { sizes, isOfThisVersion } = ProofMemory.read(made());
  t.same({ sizes, isOfThisVersion }, { sizes: SIZES, isOfThisVersion: true });
  for (const octets of [0, 1, 255, 256, 5000]) t.throws(() => ProofMemory.read(new ArrayBuffer(octets)));
  t.throws(() => ProofMemory.read(made().slice(0, -8)), /its size is not what it says/);
  t.throws(() => ProofMemory.read(made().slice(0, 200)), /too short/);
  for (let at = 0; at < 256; at++) {
    const buffer = made();
    const octets = new Uint8Array(buffer);
    octets[at] = (octets[at] as number) ^ 0x10;
    const read = () => ProofMemory.read(buffer);
    if (at < 4 * (6 + 32 + 1)) t.throws(read, /layout|damaged/, `octet ${at}`);
    else t.doesNotThrow(read, 'is not used');
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2_000 }), (octets) => {
      try {
        ProofMemory.read(octets.slice().buffer);
        return false;
      } catch {
        return true;
      }
    }),
  );
});

/** A service manager: what is kept is passed to the next. */
class FakeManager implements MemorySource {
  stored: ArrayBuffer | undefined;
  made = 0;

  take() {
    const buffer = this.stored;
    return buffer && { buffer, keep() {}, drop: () => this.#forget(buffer) };
  }

  create(octets: number) {
    this.made++;
    const buffer = new ArrayBuffer(octets);
    const keep = () => {
      if (this.stored) throw new Error('FileDescriptorStoreMax=1');
      this.stored = buffer;
    };
    return { buffer, keep, drop: () => this.#forget(buffer) };
  }

  #forget(buffer: ArrayBuffer): void {
    if (this.stored === buffer) this.stored = undefined;
  }
}

const CACHE: ProofKeys = { proofs: 50, proof_ttl: 1_000, refusals: 20, refusal_ttl: 100, keep: true };

function world() {
  const manager = new FakeManager();
  const clock = new FakeClock(1_000_000);
  const notes: string[] = [];
  const note = (message: string) => notes.push(message);
  const start = (keys: Partial<ProofKeys> = {}) =>
    new ProofTables({ cache: { ...CACHE, ...keys }, clock, source: manager, onNote: note, onTrouble: note });
  return { manager, clock, notes, start };
}

const claim = { site: 's', subject: '#1 alice', encoded: 'e' };
const secret = () => Password.viewOf(Buffer.from('secret'));

function learn({ proofs, returning }: ProofTables): void {
  const key = proofs.keyOf(claim, secret());
  proofs.set(key, true);
  proofs.set(proofs.keyOf({ ...claim, encoded: 'other' }, secret()), false);
  returning.add(returning.digestOf('s', '1', secret()));
}

function known({ proofs, returning }: ProofTables): [boolean | undefined, boolean | undefined, boolean] {
  return [
    proofs.get(proofs.keyOf(claim, secret())),
    proofs.get(proofs.keyOf({ ...claim, encoded: 'other' }, secret())),
    returning.has(returning.digestOf('s', '1', secret())),
  ];
}

t.test('proofs and returning users outlive a restart and a change of sizes', async (t) => {
  const { manager, clock, notes, start } = world();
  const first = start();
  learn(first);
  t.same(known(start()), [true, false, true], 'restarted');
  t.same(notes, ['the restart left 2 proofs, and 1 passwords of users who return']);
  t.equal(manager.made, 1);
  const other = start({ proofs: 10 });
  t.same(known(other), [true, false, true], 'restarted with other sizes');
  t.equal(manager.made, 2);
  other.configure({ ...CACHE, proofs: 30, refusals: 2 });
  t.same(known(other), [true, false, true], 'other sizes by a reload');
  t.same(known(start({ proofs: 30, refusals: 2 })), [true, false, true], 'and then restarted');
  t.equal(manager.made, 3);
  clock.time += 150;
  const later = start({ proofs: 30, refusals: 2 });
  t.same(known(later), [true, undefined, true], 'age goes on');
  later.configure({ ...CACHE, proofs: 30, refusals: 2, proof_ttl: 120 });
  t.same(known(later), [undefined, undefined, true], 'another time applies to what is there');
  later.configure({ ...CACHE, keep: false });
  t.equal(manager.stored, undefined);
  t.same(known(later), [undefined, undefined, true]);
  later.configure(CACHE);
  t.same(known(start()), [undefined, undefined, true]);
  t.same(known(start({ keep: false })), [undefined, undefined, false], 'not wanted any more');
  t.equal(manager.stored, undefined, 'and given up');
});

t.test('what another version computed is not believed', async (t) => {
  const { manager, notes, start } = world();
  learn(start());
  const buffer = manager.stored as ArrayBuffer;
  const header = new Uint32Array(buffer, 0, 64);
  header[2] = (header[2] as number) ^ 1;
  start();
  t.match(notes, [/not used: its header is damaged/]);
  learn(start());
  const memory = ProofMemory.read(manager.stored as ArrayBuffer);
  memory.adopt(0x1234);
  t.equal(ProofMemory.read(memory.buffer).isOfThisVersion, false);
  const next = start();
  t.same(known(next), [undefined, undefined, true], 'who returns is not a proof');
  t.match(notes.at(-2), /another version of djauthd/);
  learn(next);
  t.same(known(start()), [true, false, true]);
});
