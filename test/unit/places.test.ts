import fc from 'fast-check';
import t from 'tap';
import { placesBetween } from '../../daemon/store/places.ts';

t.test('places are spread evenly between two keys', (t) => {
  t.same(placesBetween('1', '1000001', 4, 0), ['1', '250001', '500001', '750001']);
  t.same(placesBetween('-100', '100', 2, 0.5), ['-50', '50']);
  t.same(placesBetween('000', '100', 2, 0.5), ['025', '075'], 'texts of digits keep their zeros');
  t.same(placesBetween('7', '7', 2, 0.5), ['7', '7']);
  const [first, last] = ['00000000-0000-4000-8000-000000000000', 'ffffffff-ffff-4fff-bfff-ffffffffffff'];
  t.match(placesBetween(first, last, 4, 0).join(), /^00000000-.*,40000000-.*,7fffffff-.*,bfffffff-/);
  t.match(placesBetween('0'.repeat(32), 'F'.repeat(32), 2, 0.5).join(), /^3F{11}[0-9A-F]{20},BF{11}[0-9A-F]{20}$/);
  t.match(placesBetween('adam', 'zoe', 3, 0.5).join(), /^e\w+,n\w+,v\w+$/);
  t.match(placesBetween('id-ADAM', 'id-ZOE', 2, 0.5).join(), /^id-G\w+,id-T\w+$/);
  t.end();
});

t.test('places of any keys lie between them, in order', (t) => {
  const bounds = fc.tuple(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n }), fc.bigInt({ min: 0n, max: 2n ** 64n }));
  fc.assert(
    fc.property(
      bounds,
      fc.integer({ min: 1, max: 70 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (ends, n, phase) => {
        const [first, last] = [ends[0], ends[0] + ends[1]];
        const width = String(first).length === String(last).length ? String(first).length : 0;
        const places = placesBetween(String(first), String(last), n, phase).map(BigInt);
        return (
          width >= 0 && places.length === n && places.every((at, i) => at >= (places[i - 1] ?? first) && at <= last)
        );
      },
    ),
  );
  const hex = fc.stringMatching(/^[0-9a-f]{32}$/);
  fc.assert(
    fc.property(hex, hex, (a, b) => {
      const [first, last] = [a, b].sort() as [string, string];
      const places = placesBetween(first, last, 9, 0.3);
      return places.every((at, i) => /^[0-9a-f]{32}$/.test(at) && at >= (places[i - 1] ?? first) && at <= last);
    }),
  );
  // Of other texts it is only asked that there are as many, without anything that a database does not take.
  fc.assert(
    fc.property(fc.string(), fc.string(), (a, b) => placesBetween(a, b, 5, 0.5).every((at) => typeof at === 'string')),
  );
  t.end();
});
