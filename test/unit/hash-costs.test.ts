import fc from 'fast-check';
import t from 'tap';
import { hasherOf } from '../../daemon/hasher/hashers.ts';
import { HashCosts } from '../../daemon/site/hash-costs.ts';
import { UpperTime } from '../../daemon/site/upper-time.ts';
import { hashPolicy } from '../fixtures/hash-policy.ts';

const pbkdf2 = (iterations: number) => `pbkdf2_sha256$${iterations}$salt$${Buffer.alloc(32).toString('base64')}`;
const MD5 = 'md5$seasalt$3f86d0d3d465b7b458c231bf3555c0e3';
const many = (encoded: string, count: number) => Array.from({ length: count }, () => encoded);
const iterations = (encoded: string) => Number(encoded.split('$')[1]);

t.test('samples decide what every question costs, and a check does not', (t) => {
  const costs = new HashCosts(hashPolicy());
  t.equal(iterations(costs.decoys[0] as string), 600_000, 'before anything is known, as Django 4.2');
  costs.sampled(many(pbkdf2(1000), 512), 0);
  const before = costs.decoys;
  t.same(before.map(iterations), [1000]);

  for (let time = 1; time < 100; time++) {
    for (let check = 0; check < 1_000; check++) costs.met(pbkdf2(9_000));
    costs.sampled(many(pbkdf2(1000), 512), time);
    t.equal(costs.decoys, before, 'one dear account that everybody asks about');
  }
  t.equal(costs.kinds, 2, 'but it is known');
  costs.sampled([...many(pbkdf2(1000), 400), ...many(pbkdf2(2000), 112)], 100);
  t.same(costs.decoys.map(iterations), [2000], 'what many accounts have');
  costs.sampled(many(MD5, 512), 101);
  t.same(
    costs.decoys.map((each) => hasherOf(each)?.algorithm),
    ['pbkdf2_sha256', 'md5'],
  );
  for (let time = 102; time < 300; time++) costs.sampled(many(MD5, 512), time);
  t.same(
    costs.decoys.map((each) => hasherOf(each)?.algorithm),
    ['md5'],
    'shares fade',
  );
  t.end();
});

t.test('the upper time covers kinds that nobody has asked about', (t) => {
  const costs = new HashCosts(hashPolicy());
  costs.sampled([...many(pbkdf2(100_000), 511), pbkdf2(1_000_000)], 0);
  // 100,000 iterations are estimated at 25 ms.
  t.equal(costs.upperMs(), 1 + 2 * 250, 'before anything was timed, a slow machine is assumed');
  for (let i = 0; i < 40; i++) costs.timed(undefined, 10);
  t.ok(costs.upperMs() > 120 && costs.upperMs() < 145, `${costs.upperMs()}: ten times what decoys take here`);
  for (let i = 0; i < 40; i++) costs.timed(pbkdf2(1_000_000), 100);
  t.ok(costs.upperMs() > 110 && costs.upperMs() < 130, `${costs.upperMs()}: as measured`);
  costs.timed(undefined, 5_000);
  t.ok(costs.upperMs() < 130, 'a machine that stalled once');

  costs.met(pbkdf2(20_000_000));
  costs.sampled([], 1);
  t.ok(costs.upperMs() < 130, 'what is too dear to be hidden does not slow down everybody');

  const before = costs.upperMs();
  costs.met(pbkdf2(900_000));
  t.equal(costs.upperMs(), before, 'what a check meets is known from the next sample on');
  t.end();
});

t.test('the kinds that are known are bounded', (t) => {
  const costs = new HashCosts(hashPolicy());
  for (let i = 1; i < 1_000; i++) costs.met(pbkdf2(i));
  costs.sampled(
    Array.from({ length: 1_000 }, (_, i) => pbkdf2(10_000 + i)),
    0,
  );
  t.equal(costs.kinds, 64);
  costs.sampled([], 8 * 86_400_000);
  t.equal(costs.kinds, 0, 'one that is not met for a week is forgotten');
  t.end();
});

t.test('the work of any account is about the work of decoys, and never less than its own', (t) => {
  const kinds = ['bcrypt$$2b$04$', 'bcrypt$$2b$06$'].map((head) => head + 'a'.repeat(53));
  const encoded = fc.oneof(fc.integer({ min: 1, max: 400_000 }).map(pbkdf2), fc.constantFrom(MD5, ...kinds));
  fc.assert(
    fc.property(fc.array(encoded, { minLength: 1, maxLength: 400 }), (sampled) => {
      const costs = new HashCosts(hashPolicy());
      costs.sampled(sampled, 0);
      const upper = costs.upperMs();
      return upper > 0 && Number.isFinite(upper) && costs.decoys.length >= 1 && costs.decoys.length <= 8;
    }),
  );
  t.end();
});

t.test('an upper time leaves out what stands out alone', (t) => {
  const time = new UpperTime();
  for (const ms of [10, 11, 12, 500]) time.add(ms);
  t.ok(time.known);
  t.equal(time.ms, 1.15 * 12 + 1);
  for (let i = 0; i < 32; i++) time.add(5);
  t.equal(time.ms, 1.15 * 5 + 1, 'and what is long ago');
  t.end();
});
