import { createHmac, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import type { Account } from '../../daemon/account/account.ts';
import { Accounts } from '../../daemon/account/accounts.ts';
import { Busy, Fault } from '../../daemon/fault.ts';
import type { HashPool, Job } from '../../daemon/hasher/pool.ts';
import { BLOCK_OCTETS, DIGEST_OCTETS, hmac, hmacOfNode } from '../../daemon/native/hmac.ts';
import { Password } from '../../daemon/password.ts';
import { Greylist } from '../../daemon/proof/greylist.ts';
import { PasswordProofs } from '../../daemon/proof/password-proofs.ts';
import { ProofCache } from '../../daemon/proof/proof-cache.ts';
import { Returning } from '../../daemon/proof/returning.ts';
import { Wait } from '../../daemon/wait.ts';

class FakeClock {
  time = 1_000;
  now() {
    return this.time;
  }
}

const password = (text: string) => Password.fromTyped(Buffer.from(text));
const account = (id: string) => ({ id, username: id }) as unknown as Account;

/** Until everything that is due has been done. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A store whose answers the test gives by hand. */
function slowStore() {
  const asked: { name: string; resolve: (account: Account | null) => void; reject: (error: Error) => void }[] = [];
  const read = (name: string) =>
    new Promise<Account | null>((resolve, reject) => {
      asked.push({ name, resolve, reject });
    });
  return { asked, read };
}

t.test('accounts', async (t) => {
  t.test('the age of a snapshot counts from the query, not from the answer', async (t) => {
    const clock = new FakeClock();
    const { asked, read } = slowStore();
    const accounts = new Accounts({ read, ttlMs: 1000, max: 10, clock });
    const first = accounts.get('a');
    const second = accounts.get('a');
    t.equal(asked.length, 1, 'equal questions share a read');
    clock.time += 900; // the database was slow
    asked[0]?.resolve(account('1'));
    t.equal((await first)?.id, '1');
    t.equal((await second)?.id, '1');
    clock.time += 99;
    t.equal(accounts.recall('a')?.id, '1', 'young enough by a millisecond');
    clock.time += 1;
    t.equal(accounts.recall('a'), undefined, 'too old');
  });

  t.test('a read that is too old is not joined', async (t) => {
    const clock = new FakeClock();
    const { asked, read } = slowStore();
    const accounts = new Accounts({ read, ttlMs: 1000, max: 10, clock });
    const old = accounts.get('a');
    clock.time += 1000;
    const young = accounts.get('a');
    t.equal(asked.length, 2);
    asked[1]?.resolve(account('new'));
    t.equal((await young)?.id, 'new');
    asked[0]?.resolve(account('old'));
    t.equal((await old)?.id, 'new', 'nor does it decide');
    t.equal(accounts.recall('a')?.id, 'new', 'or replace the newer one');
    t.equal(asked.length, 2);
  });

  t.test('an answer that arrives too late does not decide', async (t) => {
    for (const [ttlMs, late] of [
      [1000, 1000],
      [200, 200],
      [0, 1000],
    ] as const) {
      const clock = new FakeClock();
      const { asked, read } = slowStore();
      const accounts = new Accounts({ read, ttlMs, max: 10, clock });
      /** The answer to the latest query arrives. */
      const arrive = async (ms: number, id: string) => {
        clock.time += ms;
        asked.at(-1)?.resolve(account(id));
        await turn();
      };
      const first = accounts.get('a');
      const joined = ttlMs > 0 ? accounts.get('a') : first;
      await arrive(late, 'old');
      t.equal(accounts.recall('a'), undefined, `ttl ${ttlMs}: it is not kept`);
      t.equal(asked.length, 2, 'it is read once more, for all that wait');
      await arrive(late - 1, 'new');
      t.same([(await first)?.id, (await joined)?.id], ['new', 'new']);

      clock.time += 2000;
      const never = t.rejects(accounts.get('a'), { constructor: Fault, message: /answers too late: .* ms old/ });
      await arrive(late, 'old');
      await arrive(late, 'older');
      await never;
      t.equal(asked.length, 4, 'not more often');
      const again = accounts.get('a');
      await arrive(0, 'new');
      t.equal((await again)?.id, 'new', 'a later question begins again');

      const failing = t.rejects(accounts.get('b'), { message: 'down' });
      await arrive(late, 'old');
      asked.at(-1)?.reject(new Fault('down'));
      await failing;
    }

    const clock = new FakeClock();
    const { asked, read } = slowStore();
    const accounts = new Accounts({ read, ttlMs: 1000, max: 10, clock });
    const first = accounts.get('a');
    asked[0]?.resolve(account('first'));
    await first;
    clock.time += 500;
    accounts.recall('a');
    await turn();
    t.equal(asked.length, 2, 'a renewal');
    clock.time += 900;
    const joins = accounts.get('a');
    clock.time += 100;
    asked[1]?.resolve(account('late'));
    await turn();
    t.equal(asked.length, 3, 'a renewal that arrives too late does not decide either');
    asked[2]?.resolve(account('third'));
    t.equal((await joins)?.id, 'third');
  });

  t.test('with a ttl of 0 every question reads the database', async (t) => {
    const { asked, read } = slowStore();
    const accounts = new Accounts({ read, ttlMs: 0, max: 10, clock: new FakeClock() });
    const answers = [accounts.get('a'), accounts.get('a')];
    t.equal(asked.length, 2);
    for (const [at, question] of asked.entries()) question.resolve(account(String(at)));
    t.same(
      (await Promise.all(answers)).map((found) => found?.id),
      ['0', '1'],
    );
    t.equal(accounts.recall('a'), undefined);
    t.equal(accounts.size, 0);
  });

  t.test('an unknown user is remembered, a fault is not', async (t) => {
    const { asked, read } = slowStore();
    const accounts = new Accounts({ read, ttlMs: 1000, max: 10, clock: new FakeClock() });
    const faulty = accounts.get('a');
    asked[0]?.reject(new Error('down'));
    await t.rejects(faulty, { message: 'down' });
    const unknown = accounts.get('a');
    t.equal(asked.length, 2, 'asked again after a fault');
    asked[1]?.resolve(null);
    t.equal(await unknown, null);
    t.equal(await accounts.get('a'), null);
    t.equal(asked.length, 2, 'not asked again for an unknown user');
  });

  t.test('a read that is under way does not bring a flushed account back', async (t) => {
    const { asked, read } = slowStore();
    const accounts = new Accounts({ read, ttlMs: 1000, max: 10, clock: new FakeClock() });
    const before = accounts.get('a');
    accounts.flush('a');
    asked[0]?.resolve(account('old'));
    await before;
    t.equal(accounts.recall('a'), undefined);
    void accounts.get('a');
    t.equal(asked.length, 2);
  });

  t.test('a snapshot that is asked for is renewed before it expires', async (t) => {
    const clock = new FakeClock();
    const { asked, read } = slowStore();
    const accounts = new Accounts({ read, ttlMs: 1000, max: 10, clock });
    const first = accounts.get('a');
    asked[0]?.resolve(account('1'));
    await first;
    clock.time += 499;
    t.equal(accounts.recall('a')?.id, '1');
    await turn();
    t.equal(asked.length, 1, 'not in the first half of its time to live');

    clock.time += 1;
    t.equal(accounts.recall('a')?.id, '1', 'no question waits');
    t.equal(asked.length, 1, 'the question is answered first');
    for (let i = 0; i < 10; i++) t.equal(accounts.recall('a')?.id, '1');
    await turn();
    t.equal(asked.length, 2, 'one read, however many ask');
    clock.time += 400;
    asked[1]?.resolve(account('2'));
    await turn();
    t.equal(accounts.recall('a')?.id, '2');
    clock.time += 599;
    t.equal(accounts.recall('a')?.id, '2', 'its age counts from its query');
    clock.time += 1;
    t.equal(accounts.recall('a'), undefined, 'not from its answer');
    await turn();
    t.equal(asked.length, 3, 'asked for in the second half: renewed again');
  });

  t.test('a renewal that comes late or fails keeps nothing alive', async (t) => {
    const clock = new FakeClock();
    const { asked, read } = slowStore();
    const accounts = new Accounts({ read, ttlMs: 1000, max: 10, clock });
    for (const name of ['slow', 'failing']) {
      const first = accounts.get(name);
      asked.at(-1)?.resolve(account('1'));
      await first;
    }
    clock.time += 600;
    accounts.recall('slow');
    accounts.recall('failing');
    await turn();
    t.equal(asked.length, 4);
    asked[3]?.reject(new Error('down'));
    await turn();
    for (let i = 0; i < 10; i++) t.equal(accounts.recall('failing')?.id, '1');
    await turn();
    t.equal(asked.length, 4, 'a failed renewal is not repeated');
    clock.time += 400;
    t.equal(accounts.recall('slow'), undefined);
    t.equal(accounts.recall('failing'), undefined);
    const waits = accounts.get('slow');
    t.equal(asked.length, 4, 'a question that must wait joins the read under way');
    const reads = accounts.get('failing');
    t.equal(asked.length, 5, 'or reads');
    asked[2]?.resolve(account('2'));
    asked[4]?.reject(new Error('still down'));
    t.equal((await waits)?.id, '2');
    await t.rejects(reads, { message: 'still down' });
  });

  t.test('few renewals run at once, and only of accounts that are asked for', async (t) => {
    const clock = new FakeClock();
    const { asked, read } = slowStore();
    const accounts = new Accounts({ read, ttlMs: 1000, max: 10, clock });
    const names = ['a', 'b', 'c', 'd', 'e'];
    for (const name of names) {
      const first = accounts.get(name);
      asked.at(-1)?.resolve(account(name));
      await first;
    }
    clock.time += 900;
    await turn();
    t.equal(asked.length, 5);
    for (const name of names.slice(0, 4)) accounts.recall(name);
    await turn();
    t.same(
      asked.slice(5).map(({ name }) => name),
      ['a', 'b'],
    );
    asked[5]?.resolve(account('a'));
    await turn();
    for (const name of names.slice(0, 4)) accounts.recall(name);
    await turn();
    t.same(
      asked.slice(5).map(({ name }) => name),
      ['a', 'b', 'c'],
    );
  });

  t.test('whatever the order of events, no expired snapshot decides', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(400) }),
      fc.record({ kind: fc.constantFrom('ask' as const, 'resolve' as const, 'reject' as const), which: fc.nat(20) }),
      fc.record({ kind: fc.constantFrom('flush' as const, 'peek' as const), which: fc.nat(20) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
        const clock = new FakeClock();
        const reads: { resolve: (account: Account) => void; reject: (error: Error) => void; at: number }[] = [];
        const read = () =>
          new Promise<Account | null>((resolve, reject) => reads.push({ resolve, reject, at: clock.time }));
        const accounts = new Accounts({ read, ttlMs: 1000, max: 10, clock });
        let oldest = 0;
        let flushedAt = 0;
        for (const each of steps) {
          if (each.kind === 'wait') {
            clock.time += each.ms;
            continue;
          }
          const open = reads[each.which % Math.max(1, reads.length)];
          if (each.kind === 'ask') {
            const decides = (found: Account | null) => {
              oldest = Math.max(oldest, clock.time - Number(found?.id));
            };
            accounts.get('a').then(decides, () => {});
          }
          if (each.kind === 'resolve') open?.resolve(account(String(open.at)));
          else if (each.kind === 'reject') open?.reject(new Error('down'));
          else if (each.kind === 'flush') {
            accounts.flush(each.which % 2 ? 'a' : undefined);
            flushedAt = clock.time;
          }
          const known = accounts.recall('a');
          if (known) oldest = Math.max(oldest, clock.time - Number(known.id));
          if (known && Number(known.id) < flushedAt) return false;
          if (each.which % 3) await turn();
        }
        return oldest < 1000;
      }),
      { numRuns: 1000 },
    );
  });

  t.test('expired snapshots are evicted when others are read', async (t) => {
    const clock = new FakeClock();
    const accounts = new Accounts({ read: async () => null, ttlMs: 1000, max: 1000, clock });
    let most = 0;
    for (let i = 0; i < 5_000; i++) {
      await accounts.get(String(i));
      accounts.recall('0'); // asked for again and again, and expired most of the time
      clock.time += 10;
      most = Math.max(most, accounts.size);
    }
    t.ok(most <= 110, `at most ${most}, and 100 are young enough at any time`);

    clock.time += 1000;
    for (let i = 0; i < 100; i++) await accounts.get(`b${i}`);
    t.equal(accounts.size, 100, 'all of them after a pause');
    for (let i = 0; i < 100; i++) t.equal(accounts.recall(`b${i}`), null, 'and none that is young enough');
  });

  t.test('their number is bounded', async (t) => {
    const accounts = new Accounts({ read: async () => null, ttlMs: 1000, max: 10, clock: new FakeClock() });
    for (let i = 0; i < 100; i++) await accounts.get(String(i));
    t.equal(accounts.size, 10);
    t.equal(accounts.flush(), 10);
    t.equal(accounts.size, 0);
  });
});

function makeProofs(clock: FakeClock, rights = 10, wrongs = 10) {
  return new ProofCache({ rights, rightTtlMs: 1000, wrongs, wrongTtlMs: 100, clock });
}

t.test('proofs', async (t) => {
  const clock = new FakeClock();
  const proofs = makeProofs(clock);
  const claim = { site: 's', subject: '#1', encoded: 'pbkdf2$x' };
  const key = proofs.keyOf(claim, password('secret'));
  t.equal(proofs.keyOf({ ...claim }, password('secret')), key);
  t.not(makeProofs(clock).keyOf(claim, password('secret')), key, 'another process has another key');
  t.notMatch(key, /secret/);
  const others = [
    proofs.keyOf({ ...claim, encoded: 'pbkdf2$y' }, password('secret')),
    proofs.keyOf({ ...claim, subject: '#2' }, password('secret')),
    proofs.keyOf({ ...claim, site: 't' }, password('secret')),
    proofs.keyOf(claim, password('Secret')),
    // Octets moved from one part to the next.
    proofs.keyOf({ site: 's#', subject: '1', encoded: 'pbkdf2$x' }, password('secret')),
    proofs.keyOf({ site: 's', subject: '#1p', encoded: 'bkdf2$x' }, password('secret')),
    proofs.keyOf({ site: 's', subject: '#1', encoded: 'pbkdf2$xs' }, password('ecret')),
    proofs.keyOf({ site: 's', subject: '#1', encoded: 'pbkdf2$x6:secret' }, password('')),
  ];
  t.equal(new Set([key, ...others]).size, others.length + 1, 'no two claims share a key');

  const long = { site: 'é'.repeat(3000), subject: '#1', encoded: '日本'.repeat(900) };
  t.not(proofs.keyOf(long, password('a')), proofs.keyOf(long, password('b')), 'long claims have different keys');
  t.equal(proofs.keyOf(long, password('a')), proofs.keyOf(long, password('a')));
  t.equal(proofs.keyOf(claim, password('secret')), key, 'and leave nothing behind');

  t.equal(proofs.get(key), undefined);
  proofs.set(key, true);
  proofs.set('wrong', false);
  t.equal(proofs.get(key), true);
  t.equal(proofs.get('wrong'), false);
  clock.time += 500;
  t.equal(proofs.get('wrong'), undefined, 'a wrong one expires first');
  t.equal(proofs.get(key), true);
  for (let i = 0; i < 100; i++) proofs.set(`guess ${i}`, false);
  t.equal(proofs.get(key), true, 'guesses do not evict it');
  t.ok(proofs.size <= 20, 'bounded');
  clock.time += 600;
  t.equal(proofs.get(key), undefined, 'its age is bounded');
});

t.test('a proof is an HMAC-SHA-256', async () => {
  const key = randomBytes(64);
  const proofs = new ProofCache({ rights: 1, rightTtlMs: 1, wrongs: 1, wrongTtlMs: 1, clock: new FakeClock(), key });
  const sized = (octets: Uint8Array) => {
    const size = Buffer.alloc(4);
    size.writeUInt32BE(octets.length);
    return Buffer.concat([size, octets]);
  };
  const text = fc.string({ unit: 'binary', maxLength: 2000 });
  fc.assert(
    fc.property(text, text, text, fc.uint8Array({ maxLength: 5000 }), (site, subject, encoded, octets) => {
      const typed = Password.fromTyped(Buffer.from(octets));
      const parts = [Buffer.from(site), Buffer.from(subject), Buffer.from(encoded), typed.octets].map(sized);
      const expected = createHmac('sha256', key).update(Buffer.concat(parts)).digest('binary');
      return proofs.keyOf({ site, subject, encoded }, typed) === expected;
    }),
    { numRuns: 500 },
  );
});

t.test('both ways of computing an HMAC agree, and overwrite the message', async (t) => {
  const key = randomBytes(BLOCK_OCTETS);
  const outer = Buffer.alloc(BLOCK_OCTETS + DIGEST_OCTETS);
  for (const compute of [hmac, hmacOfNode]) {
    for (let size = 0; size < 400; size++) {
      const message = randomBytes(size);
      const inner = Buffer.concat([key.map((octet) => octet ^ 0x36), message, Buffer.of(7)]);
      outer.set(key.map((octet) => octet ^ 0x5c));
      const expected = createHmac('sha256', key).update(message).digest('binary');
      if (compute(inner, BLOCK_OCTETS + size, outer) !== expected) t.fail(`${size} octets`);
      const left = inner.subarray(BLOCK_OCTETS);
      if (left.at(-1) !== 7 || !left.subarray(0, -1).equals(Buffer.alloc(size))) t.fail(`${size} octets stay`);
    }
  }
});

t.test('equal questions share one hash', async (t) => {
  const clock = new FakeClock();
  const jobs: { job: Job; resolve: (matches: boolean) => void; reject: (error: Error) => void }[] = [];
  const pool = {
    verify: (_: Password, job: Job) =>
      new Promise<boolean>((resolve, reject) => {
        jobs.push({ job, resolve, reject });
      }),
  } as unknown as HashPool;
  const returning = new Returning({ max: 10, proofTtlMs: 1, clock });
  const greylist = new Greylist({ clock, max: 10 });
  const proofs = new PasswordProofs({ proofs: makeProofs(clock), returning, greylist, pool });
  const claim = { site: 's', subject: '#1', encoded: 'x' };
  const shown = (text: string, encoded = 'x') => proofs.keyOf({ ...claim, encoded }, password(text));
  const hash = (text: string, deadlineAt: number, encoded?: string) =>
    proofs.hash(
      {
        key: shown(text, encoded),
        returning: proofs.returningOf('s', '#1', password(text)),
        turnedAway: proofs.turnedAwayOf('s', 'alice', password(text)),
        ...{ origin: '', name: 'alice' },
      },
      password(text),
      { encoded: 'x' },
      new Wait(deadlineAt),
    );

  const same = [1, 2, 3].map((more) => hash('a', clock.time + more * 100));
  const other = hash('b', clock.time + 100);
  t.equal(jobs.length, 2);
  t.equal(jobs[0]?.job.deadlineAt, clock.time + 300, 'the latest deadline of the waiting questions');
  jobs[0]?.resolve(true);
  jobs[1]?.resolve(false);
  t.same(await Promise.all(same), [true, true, true]);
  t.equal(await other, false);
  t.equal(proofs.recall(shown('a')), true);
  t.equal(proofs.recall(shown('b')), false, 'a wrong password is remembered too');

  const refused = hash('a', clock.time + 100, 'changed');
  t.equal(jobs.length, 3, 'a changed hash is a new question');
  jobs[2]?.reject(new Busy('queue-full'));
  t.notOk(greylist.has(proofs.turnedAwayOf('s', 'alice', password('a'))));
  await t.rejects(refused, { message: 'queue-full' });
  t.ok(greylist.has(proofs.turnedAwayOf('s', 'alice', password('a'))), 'who is turned away is remembered');
  t.notOk(greylist.has(proofs.turnedAwayOf('s', 'alice', password('b'))));
  void hash('a', clock.time + 100, 'changed');
  t.equal(jobs.length, 4, 'a fault is not remembered');
});
