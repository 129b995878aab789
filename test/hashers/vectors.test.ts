import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import { hasherOf, hashers } from '../../daemon/hasher/hashers.ts';
import { desCrypt, whyNoDesCrypt } from '../../daemon/native/crypt.ts';
import { choosePbkdf2 } from '../../daemon/native/pbkdf2.ts';
import { decoysLike, paddingOf } from '../../daemon/site/decoys.ts';
import { hashPolicy } from '../fixtures/hash-policy.ts';

interface Vector {
  encoded: string;
  password_hex: string;
  /** The result of Django; "raises" if it raises, which denies as well. */
  expected: boolean | 'raises';
}

const { vectors } = JSON.parse(readFileSync(new URL('vectors.json', import.meta.url), 'utf8')) as { vectors: Vector[] };

const decoysOf = (sampled: readonly string[]) => decoysLike(sampled, hashPolicy());

/** As the daemon does it: malformed hashes and unknown algorithms are not verified. */
function verify(encoded: string, password: Buffer): boolean {
  const hasher = hasherOf(encoded);
  return hasher?.work(encoded) !== undefined && hasher.verify(password, encoded);
}

for (const native of [true, false]) {
  t.test(`every vector of real Django, PBKDF2 by ${native ? 'the addon' : 'node:crypto'}`, async (t) => {
    t.equal(choosePbkdf2(native).name, native ? 'addon' : 'node:crypto');
    const counts = new Map<string, number>();
    const wrong = vectors.filter(({ encoded, password_hex, expected }) => {
      const algorithm = hasherOf(encoded)?.algorithm ?? 'none';
      if (expected === true) counts.set(algorithm, (counts.get(algorithm) ?? 0) + 1);
      return verify(encoded, Buffer.from(password_hex, 'hex')) !== (expected === true);
    });
    t.same(wrong, [], `${vectors.length} vectors, no difference`);
    for (const { algorithm } of hashers) {
      t.ok((counts.get(algorithm) ?? 0) >= 10, `${algorithm}: ${counts.get(algorithm)} passwords that Django accepts`);
    }
  });
}

t.test('DES crypt by libcrypt', async (t) => {
  const octets = (...numbers: number[]) => Buffer.from(numbers);
  t.equal(whyNoDesCrypt(), undefined);
  t.equal(desCrypt(Buffer.from('l\u00e8tmei'), 'ab'), 'ab1Hv2Lg7ltQo');
  t.equal(desCrypt(Buffer.from('passwordNOBODY LOOKS'), 'ab'), desCrypt(Buffer.from('password'), 'ab'), 'eight octets');
  t.equal(desCrypt(octets(0x41), 'zz'), desCrypt(octets(0xc1), 'zz'), 'seven bits of each');
  t.match(desCrypt(octets(), './'), /^\.\/[./0-9A-Za-z]{11}$/);
  // Other methods of libcrypt are no DES, and have longer settings.
  for (const salt of ['$1', '$6', '_.', '*0', ':a', 'a\n', '\xe4\xe4', '\0\0'])
    t.equal(desCrypt(octets(65), salt), null, salt);
  for (const salt of ['', 'a', 'abc', '\u20ac\u20ac\u20ac']) t.throws(() => desCrypt(octets(65), salt), TypeError);
  // biome-ignore lint/suspicious/noExplicitAny: what a caller without types could do
  for (const password of ['text', undefined, new Float64Array(2)] as any[]) {
    t.throws(() => desCrypt(password, 'ab'), TypeError);
  }
});

t.test('no encoded hash makes a hasher throw', async () => {
  const mangled = fc
    .tuple(fc.constantFrom(...vectors), fc.nat(200), fc.string({ unit: 'binary', maxLength: 3 }))
    .map(([{ encoded }, at, text]) => encoded.slice(0, at) + text + encoded.slice(at + 1));
  const cheap = (encoded: string) => (hasherOf(encoded)?.work(encoded)?.seconds ?? 0) < 0.005;
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary', maxLength: 200 }), mangled), (encoded) => {
      // Only cheap hashes are verified; the daemon limits the cost of others.
      if (cheap(encoded)) verify(encoded, Buffer.from('secret'));
      const work = hasherOf(encoded)?.work(encoded);
      return work === undefined || (work.seconds >= 0 && work.memory >= 0);
    }),
    { numRuns: 20_000 },
  );
});

t.test('decoys cost as much as their model, and no password matches them', async (t) => {
  for (const { algorithm } of hashers) {
    const model = vectors.find(
      ({ encoded, expected }) => expected === true && hasherOf(encoded)?.algorithm === algorithm,
    );
    const encoded = model?.encoded as string;
    const [decoy = ''] = decoysOf([encoded]);
    t.equal(hasherOf(decoy)?.work(decoy)?.cost, hasherOf(encoded)?.work(encoded)?.cost, algorithm);
    t.not(decoy, encoded);
    for (const password of ['', 'secret', 'x']) t.equal(verify(decoy, Buffer.from(password)), false);
    t.same(paddingOf(encoded, [decoy]), [], `${algorithm}: a hash like all others needs no padding`);
  }
});

t.test('padding makes up for the work of a cheaper hash', async (t) => {
  const pbkdf2 = (iterations: number) => `pbkdf2_sha256$${iterations}$salt$${Buffer.alloc(32).toString('base64')}`;
  const iterations = (encoded: string) => Number(encoded.split('$')[1]);
  const decoys = decoysOf([
    ...Array.from({ length: 90 }, () => pbkdf2(600_000)),
    ...Array.from({ length: 10 }, () => pbkdf2(1_000_000)),
  ]);
  t.equal(decoys.length, 1);
  t.equal(iterations(decoys[0] as string), 1_000_000, 'the most expensive of the common hashes');
  t.same(paddingOf(pbkdf2(600_000), decoys).map(iterations), [400_000]);
  t.same(paddingOf(pbkdf2(1_000_000), decoys), []);
  const odd = decoysOf([...Array.from({ length: 499 }, () => pbkdf2(1000)), pbkdf2(10_000_000)]);
  t.equal(iterations(odd[0] as string), 1000, 'one odd hash does not slow down all users');
  const md5 = 'md5$seasalt$3f86d0d3d465b7b458c231bf3555c0e3';
  const mixed = decoysOf([...Array.from({ length: 10 }, () => pbkdf2(1000)), ...Array.from({ length: 10 }, () => md5)]);
  t.same(
    mixed.map((encoded) => hasherOf(encoded)?.algorithm),
    ['pbkdf2_sha256', 'md5'],
    'one of each kind',
  );
  t.same(
    paddingOf(md5, mixed).map((encoded) => hasherOf(encoded)?.algorithm),
    ['pbkdf2_sha256'],
  );
});
