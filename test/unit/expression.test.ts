import fc from 'fast-check';
import t from 'tap';
import { type Expression, ExpressionError, judge, parseExpression } from '../../daemon/policy/expression.ts';
import type { Requirements } from '../../daemon/policy/requirement.ts';

const NOTHING: Requirements = { staff: false, superuser: false, permissions: [], groups: [] };

function refusal(text: string): string {
  try {
    parseExpression(text);
    return '';
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    return error.message;
  }
}

/** What the whole comes to for a user of these groups. */
const outcome = (text: string, groups: string[]) =>
  judge(parseExpression(text), (line) => line.groups.some((name) => groups.includes(name)))[0]?.outcome;

t.test('what is read', async (t) => {
  t.same(parseExpression('django-staff'), {
    kind: 'line',
    text: 'django-staff',
    negated: false,
    required: { ...NOTHING, staff: true },
  });
  t.match(parseExpression(' django-group  A "B \\"C\\", (D)" \'E F\' '), {
    text: 'django-group A "B \\"C\\", (D)" "E F"',
    required: { groups: ['A', 'B "C", (D)', 'E F'] },
  });
  t.match(parseExpression('django-permission svn.commit polls.can_vote'), {
    required: { permissions: ['svn.commit', 'polls.can_vote'] },
  });
  t.match(parseExpression('all(any(django-group A),not django-staff)'), {
    kind: 'all',
    inner: [
      { kind: 'any', inner: [{ text: 'django-group A' }] },
      { text: 'not django-staff', negated: true },
    ],
  });
  t.match(parseExpression('django-staff, valid-user'), { kind: 'any', inner: [{}, { text: 'valid-user' }] });
  t.match(parseExpression('django-group "all" any not'), { required: { groups: ['all', 'any', 'not'] } });
});

t.test('what is refused, with one sentence and what is accepted', async (t) => {
  for (const [text, sentence] of [
    ['', 'empty'],
    ['   ', 'empty'],
    ['django-staf', 'unknown requirement "django-staf"'],
    ['user alice', 'unknown requirement "user"'],
    ['django-group', 'django-group needs a name'],
    ['django-group ""', 'django-group has an empty name'],
    ['django-staff x', 'django-staff takes no names, but has "x"'],
    ['django-permission commit', 'invalid permission "commit": a permission is app_label.codename'],
    ['django-permission 1a.b', 'invalid permission "1a.b"'],
    ['django-group "%{env:TEAM}"', 'depends on the request: write its value'],
    ['django-group "A', 'a quotation mark is not closed: "\\"A"'],
    ['all(django-staff', 'all( is not closed'],
    ['all(django-staff))', '")" without "("'],
    ['all()', '")" where a requirement is expected'],
    ['django-staff,', 'the end where a requirement is expected'],
    ['not django-staff', 'not django-staff has no effect in any(…) or at the top'],
    ['any(not django-staff)', 'not django-staff has no effect in any(…)'],
    ['none(django-staff)', 'none(…) has no effect in any(…) or at the top'],
    ['none(none(django-staff))', 'has no effect'],
    ['all(not django-staff)', 'all(…) of negative lines only'],
    ['all(none(django-staff))', 'all(…) of negative lines only'],
    ['all(not any(django-staff), django-staff)', '"not" before any(…); write none(…)'],
    [`${'all('.repeat(9)}django-staff${')'.repeat(9)}`, 'nested more than 8 deep'],
    [Array.from({ length: 65 }, () => 'django-staff').join(','), 'more than 64 lines and sections'],
    [`django-group ${'x'.repeat(5_000)}`, 'more than 4096 octets'],
    [`django-group ${'x '.repeat(65)}`, 'django-group takes at most 64 names'],
  ] as const) {
    const message = refusal(text);
    t.ok(message.startsWith('invalid expression: ') && message.includes(sentence), `${text.slice(0, 60)}: ${message}`);
    t.match(message, /; accepted: django-staff, .*none\(…\) of these$/);
    t.notMatch(message, /\n/);
  }
});

t.test('what it comes to, as httpd counts', async (t) => {
  for (const [text, groups, expected] of [
    ['django-group A', ['A'], 'granted'],
    ['django-group A', [], 'denied'],
    ['django-group A, django-group B', ['B'], 'granted'],
    ['all(django-group A, django-group B)', ['B'], 'denied'],
    ['all(django-group A, not django-group B)', ['A'], 'granted'],
    ['all(django-group A, not django-group B)', ['A', 'B'], 'denied'],
    ['all(valid-user, none(django-group A, django-group B))', [], 'granted'],
    ['all(valid-user, none(django-group A, django-group B))', ['B'], 'denied'],
    ['any(all(valid-user, not django-group A), django-group B)', ['A', 'B'], 'granted'],
  ] as const) {
    t.equal(outcome(text, [...groups]), expected, `${text} of ${groups}`);
  }
  const judged = judge(parseExpression('any(django-group A, django-group B)'), () => true);
  t.same(
    judged.map(({ depth, outcome }) => [depth, outcome]),
    [
      [0, 'granted'],
      [1, 'granted'],
      [1, 'unseen'],
    ],
  );
  const faulty = (text: string) =>
    judge(parseExpression(text), (line) => (line.staff ? undefined : line.groups.length > 0))[0]?.outcome;
  t.equal(faulty('all(valid-user, not django-staff)'), 'fault', 'a fault under "not" is no grant');
  t.equal(faulty('any(django-staff, django-group A)'), 'fault', 'a fault ends it');
  t.equal(faulty('any(django-group A, django-staff)'), 'granted', 'what httpd does not come to is no fault');
});

t.test('whatever is typed is read or refused, and what is read is read again from its own spelling', async (t) => {
  const word = fc.oneof(
    {
      weight: 3,
      arbitrary: fc.constantFrom('all', 'any', 'none', '(', ')', ',', ' ', 'not', 'django-staff', 'valid-user'),
    },
    { weight: 2, arbitrary: fc.constantFrom('django-group', 'django-permission', 'a.b', 'A', '"A B"', "'", '"', '\\') },
    fc.string({ maxLength: 4, unit: 'binary' }),
  );
  const spelled = (part: Expression): string =>
    part.kind === 'line' ? part.text : `${part.kind}(${part.inner.map(spelled).join(',')})`;
  let read = 0;
  fc.assert(
    fc.property(fc.array(word, { maxLength: 24 }), (words) => {
      const text = words.join(' ');
      if (refusal(text) !== '') return;
      read++;
      const parsed = parseExpression(text);
      t.strictSame(parseExpression(spelled(parsed)), parsed) || t.fail(text);
    }),
    { numRuns: 5_000 },
  );
  t.ok(read > 20, `${read} were expressions`);
});
