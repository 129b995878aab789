import { inspect } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import { createLog } from '../../daemon/log/log.ts';
import { Password } from '../../daemon/password.ts';
import { decodeTyped } from '../../daemon/request/typed-text.ts';

t.test('a typed password becomes the octets that Django hashes', async (t) => {
  const cases: [string, string][] = [
    ['c3a9', 'c3a9'], // é in UTF-8
    ['e9', 'c3a9'], // é in Latin-1
    ['', ''],
    ['6100', '6100'],
    ['c080', 'c380c280'], // an overlong form is not UTF-8
    ['eda080', 'c3adc2a0c280'], // neither is a surrogate
    ['f09f9880', 'f09f9880'],
    ['f09f98', 'c3b0c29fc298'], // cut short
  ];
  for (const [typed, hashed] of cases) {
    t.equal(Password.fromTyped(Buffer.from(typed, 'hex')).octets.toString('hex'), hashed, typed);
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (array) => {
      const typed = Buffer.from(array);
      const utf8 = Buffer.from(typed).toString('utf8');
      const expected = Buffer.from(utf8).equals(typed) ? utf8 : Buffer.from(typed).toString('latin1');
      // A username and a password of the same octets are the same text.
      return decodeTyped(typed) === expected && Password.fromTyped(typed).octets.toString() === expected;
    }),
    { numRuns: 5000 },
  );
});

t.test('a password cannot be printed', async (t) => {
  const password = Password.fromTyped(Buffer.from('hunter2'));
  let logged = '';
  const write = (line: string) => {
    logged += line;
  };
  const log = createLog('trace', { write });
  log.info({ password, deep: { password } }, `said ${password}`);
  log.error({ err: new Error(String(password)) });
  const printed = [
    String(password),
    `${password}`,
    JSON.stringify({ password }),
    inspect(password, { showHidden: true }),
  ];
  printed.push(inspect({ deep: [password] }, { depth: 9 }), JSON.stringify(structuredClone(password)), logged);
  for (const text of printed) {
    t.notMatch(text, /hunter2/);
    t.notMatch(text, /68756e74|aHVudGVyMg|104,117,110/);
  }
});

t.test('wiping a password leaves its copies', async (t) => {
  const password = Password.fromTyped(Buffer.from('hunter2'));
  const copy = password.copy();
  const memory = password.octets;
  password.wipe();
  t.same(memory, Buffer.alloc(7));
  t.equal(copy.octets.toString(), 'hunter2');
  const typed = Buffer.from('hunter2');
  const apart = Password.fromTyped(typed);
  typed.fill(0);
  t.equal(apart.octets.toString(), 'hunter2', 'its frame may be wiped');
});

t.test('a view is valid for as long as its frame, and independent once it is kept', async (t) => {
  const frame = Buffer.from('xxhunter2xx');
  const view = Password.viewOf(frame.subarray(2, 9));
  t.equal(view.octets.toString(), 'hunter2');
  const kept = Password.viewOf(frame.subarray(2, 9));
  kept.keep();
  const moved = Password.viewOf(frame.subarray(2, 9)).memory;
  frame.fill(0);
  t.same(view.octets, Buffer.alloc(7), 'wiping the frame wipes the view');
  t.equal(kept.octets.toString(), 'hunter2');
  t.equal(Buffer.from(moved).toString(), 'hunter2', 'the memory to be transferred to a thread is independent too');
  kept.wipe();
  t.same(kept.octets, Buffer.alloc(7));

  const latin = Buffer.from('pässword', 'latin1');
  const converted = Password.viewOf(latin);
  latin.fill(0);
  t.equal(converted.octets.toString(), 'pässword');
});
