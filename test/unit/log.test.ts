import fc from 'fast-check';
import t from 'tap';
import { LineBatch } from '../../daemon/log/batch.ts';
import { LineRate } from '../../daemon/log/line-rate.ts';
import { createLog } from '../../daemon/log/log.ts';
import { nameInLog, shortened } from '../../daemon/log/names.ts';
import { Observer } from '../../daemon/log/observer.ts';
import { verdictLine } from '../../daemon/log/verdict-line.ts';
import { Counters } from '../../daemon/metrics/counters.ts';
import type { Decision, Question } from '../../daemon/request/question.ts';
import type { Verdict } from '../../daemon/verdict.ts';

t.test('names', async (t) => {
  const name = fc.oneof(
    fc.string({ maxLength: 12, unit: 'binary' }),
    fc.string({
      maxLength: 6,
      unit: fc.constantFrom('\\', '\u202e', '\n', 'u', '{', '}', 'a', '\u0000', '\ud800', '('),
    }),
  );
  fc.assert(
    fc.property(name, name, (one, other) => {
      const [a, b] = [shortened(one), shortened(other)];
      return (a === b) === (one === other) && !/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(a);
    }),
    { numRuns: 5_000 },
  );
  t.equal(shortened('a\nb\u202e\\'), 'a\\u{a}b\\u{202e}\\\\');
  const digest = nameInLog('hunter2', false, 'digest');
  t.match(digest, /^\\\([0-9a-f]{12}\)$/);
  t.equal(nameInLog('hunter2', false, 'digest'), digest, 'the same as long as the process lives');
  t.not(nameInLog('hunter3', false, 'digest'), digest);
  t.equal(nameInLog('hunter2', false, 'none'), undefined);
  t.equal(nameInLog('hunter2', false, 'full'), 'hunter2');
  for (const mode of ['digest', 'none', 'full'] as const) t.equal(nameInLog('alice', true, mode), 'alice');
});

const QUESTION: Question = {
  site: 's',
  username: 'hunter2',
  evidence: { kind: 'vouched', secret: undefined },
  tooLong: false,
  requirements: { staff: false, superuser: false, permissions: [], groups: [] },
  client: { address: '', service: '' },
  peer: { uid: 33, pid: 77 },
  deadlineAt: 0,
  wantPermissions: false,
  lease: false,
  leased: 0,
};

/** An observer, and the lines that it writes. */
function observer(lines: number) {
  const written: Record<string, unknown>[] = [];
  const log = createLog('info', { write: (line: string) => written.push(JSON.parse(line)) });
  const it = new Observer(log, new Counters());
  it.configure({ unknown_names: 'digest', lines });
  const decide = (verdict: Verdict, known: boolean) =>
    it.decided(QUESTION, { verdict, site: 's', known, source: undefined } as Decision, 0, 1);
  return { it, written, decide };
}

t.test('the line of a verdict', async (t) => {
  const { it, written, decide } = observer(0);
  for (const verdict of [
    { kind: 'denied', reason: 'unknown-user' },
    { kind: 'busy', reason: 'queue-full', retryAfter: 1 },
    { kind: 'error', reason: 'the database is down' },
  ] as const) {
    decide(verdict, false);
    t.notMatch(JSON.stringify(written.at(-1)), /hunter2/);
    t.match(written.at(-1), { user: /^\\\([0-9a-f]{12}\)$/, uid: 33, pid: 77 });
    decide(verdict, true);
    t.match(written.at(-1), { user: 'hunter2' });
  }
  it.misused('what it did', { uid: 5, pid: 6 });
  t.match(written.at(-1), { level: 40, msg: 'what it did', uid: 5, pid: 6 });
});

t.test('the line of a verdict has the octets that pino gives it', async () => {
  const lines: string[] = [];
  const log = createLog('info', { write: (line: string) => lines.push(line) });
  const name = fc.oneof(
    fc.string({ maxLength: 130 }),
    fc.string({ maxLength: 12, unit: 'binary' }),
    fc.string({ maxLength: 6, unit: fc.constantFrom('\\', '"', '\u202e', '\n', '\u007f', 'é', '\u{1f511}', '\ud800') }),
  );
  const number = fc.nat(70_000);
  const fields = fc.record({
    site: fc.option(name, { nil: undefined }),
    user: fc.option(name, { nil: undefined }),
    service: name,
    address: name,
    reason: fc.option(fc.string({ maxLength: 130, unit: 'grapheme' }), { nil: undefined }),
    asker: fc.option(fc.record({ uid: number, pid: number }), { nil: undefined }),
    ms: fc.oneof(fc.double({ min: 0, max: 1e9, noNaN: true }), fc.nat(2_000)),
    cached: fc.boolean(),
    verdict: fc.constantFrom('granted', 'denied', 'busy', 'error'),
    level: fc.constantFrom('info', 'warn', 'error'),
  });
  fc.assert(
    fc.property(fields, ({ level, asker, verdict, reason, ...given }) => {
      const names = {
        site: given.site && shortened(given.site),
        user: given.user && shortened(given.user),
        service: shortened(given.service),
        address: shortened(given.address),
      };
      log[level as 'info'](
        { ...names, reason, ...asker, ms: Math.round(given.ms * 1000) / 1000, cached: given.cached },
        verdict,
      );
      const time = /,"time":"[^"]*"/.exec(lines.at(-1) as string)?.[0] as string;
      const value = log.levels.values[level] as number;
      const { ms, cached } = given;
      return verdictLine({ ...names, level: value, time, reason, asker, ms, cached, verdict }) === lines.pop();
    }),
    { numRuns: 3_000 },
  );
});

t.test('a line that is written past pino is batched by its level too', async (t) => {
  const passed: string[] = [];
  const batch = new LineBatch({ write: (lines) => passed.push(lines.toString()), flushSync() {} });
  const log = createLog('info', batch);
  const it = new Observer(log, new Counters());
  it.configure({ unknown_names: 'digest', lines: 0 });
  const decide = (verdict: Verdict) =>
    it.decided(QUESTION, { verdict, site: 's', known: true, source: 'cached' } as Decision, 0, 1);
  decide({ kind: 'granted', account: {} as never });
  t.equal(passed.length, 0, 'a grant waits for others');
  decide({ kind: 'error', reason: 'the database is down' });
  t.match(passed, [/"granted"\}\n\{.*"error"\}\n$/], 'an error does not, nor what is before it');
  decide({ kind: 'granted', account: {} as never });
  log.level = 'warn';
  decide({ kind: 'granted', account: {} as never });
  log.fatal('the end');
  t.match(passed[1], /^[^\n]*"granted"\}\n[^\n]*"the end"\}\n$/, 'the level of the log counts as it is now');
});

t.test('lines per second', async (t) => {
  const omitted: [string, number][] = [];
  const rate = new LineRate((kind, count) => omitted.push([kind, count]));
  for (let count = 0; count < 9; count++) t.ok(rate.admits('denied'), 'without a bound');
  rate.perSecond = 5;
  const admitted = Array.from({ length: 1_209 }, () => rate.admits('denied')).filter(Boolean).length;
  t.equal(admitted, 5);
  t.ok(rate.admits('busy'), 'each kind has its own');
  rate.end();
  t.same(omitted, [['denied', 1_204]]);
  t.ok(rate.admits('denied'));
  rate.end();
  t.equal(omitted.length, 1);

  const { written, decide } = observer(5);
  for (let count = 0; count < 1_209; count++) decide({ kind: 'denied', reason: 'wrong-password' }, true);
  t.equal(written.length, 5);
  for (let count = 0; count < 50; count++) decide({ kind: 'granted', account: {} as never }, true);
  t.equal(written.length, 55, 'grants have no bound');
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  t.match(written.at(-1), { level: 30, omitted: 1_204, msg: 'and 1,204 more lines: denied' });
});
