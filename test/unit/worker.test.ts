import { createHash, pbkdf2Sync } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import type { Hasher } from '../../daemon/hasher/hasher.ts';
import { hasherOf } from '../../daemon/hasher/hashers.ts';
import { answersTo, type HashAnswer, type HashQuestion } from '../../daemon/hasher/worker.ts';

const pbkdf2 = (password: string, iterations: number) =>
  `pbkdf2_sha256$${iterations}$salt$${pbkdf2Sync(password, 'salt', iterations, 32, 'sha256').toString('base64')}`;
const md5 = (password: string) => `md5$salt$${createHash('md5').update(`salt${password}`).digest('hex')}`;
/** Cannot be computed while `sha1` is out of order. */
const FAILING = `sha1$salt$${'0'.repeat(40)}`;
const UNKNOWN = 'rot13$salt$hash';

const password = fc.constantFrom('secret', 'other', '');
const encoded = fc.oneof(
  fc.tuple(password, fc.integer({ min: 1, max: 40 })).map(([text, iterations]) => pbkdf2(text, iterations)),
  password.map(md5),
);

/** What a question comes to if every hash is computed by itself. */
function alone(typed: string, { encoded, padding }: Pick<HashQuestion, 'encoded' | 'padding'>): HashAnswer | 'fault' {
  const hasher = hasherOf(encoded);
  if (hasher === undefined || [encoded, ...padding].includes(FAILING)) return 'fault';
  return { matches: hasher.verify(Buffer.from(typed), encoded) };
}

t.test('questions that are computed together have the answers that each has alone', async (t) => {
  const sha1 = hasherOf(FAILING) as Hasher;
  const { verify } = sha1;
  t.teardown(() => Object.assign(sha1, { verify }));
  Object.assign(sha1, {
    verify: () => {
      throw new Error('out of order');
    },
  });
  const question = fc.record({
    typed: password,
    encoded: fc.oneof({ weight: 8, arbitrary: encoded }, fc.constantFrom(FAILING, UNKNOWN)),
    padding: fc.array(fc.oneof({ weight: 12, arbitrary: encoded }, fc.constant(FAILING)), { maxLength: 4 }),
  });
  const grants = { yes: 0, no: 0, fault: 0 };
  fc.assert(
    fc.property(fc.array(question, { minLength: 1, maxLength: 3 }), (asked) => {
      const questions = asked.map(({ typed, ...rest }) => ({ ...rest, password: new Uint8Array(Buffer.from(typed)) }));
      const answers = answersTo(questions);
      for (const { password } of questions) {
        if (password.some((octet) => octet !== 0)) throw new Error('a password is not wiped');
      }
      return asked.every((each, at) => {
        const expected = alone(each.typed, each);
        const answer = answers[at] as HashAnswer;
        if (expected === 'fault') return ++grants.fault && 'fault' in answer;
        if (!('matches' in expected)) return false;
        grants[expected.matches ? 'yes' : 'no']++;
        return 'matches' in answer && answer.matches === expected.matches;
      });
    }),
    { numRuns: 2000 },
  );
  t.ok(grants.yes > 200 && grants.no > 200 && grants.fault > 200, JSON.stringify(grants));
});

t.test('two of the same algorithm are computed at once', async (t) => {
  const hasher = hasherOf(pbkdf2('x', 1));
  const original = hasher?.verifyTwo;
  const pairs: string[] = [];
  t.teardown(() => Object.assign(hasher ?? {}, { verifyTwo: original }));
  Object.assign(hasher ?? {}, {
    verifyTwo: (first: { encoded: string }, second: { encoded: string }) => {
      pairs.push(`${first.encoded.split('$')[1]} ${second.encoded.split('$')[1]}`);
      return [false, false];
    },
  });
  const of = (iterations: number, ...padding: string[]): HashQuestion => ({
    password: new Uint8Array(3),
    encoded: pbkdf2('secret', iterations),
    padding,
  });
  answersTo([of(30, pbkdf2('x', 10)), of(20, md5('x'), pbkdf2('x', 20))]);
  t.same(pairs, ['30 20', '20 10'], 'those of like work together');
  pairs.length = 0;
  answersTo([of(30, md5('x'))]);
  t.same(pairs, []);
});
