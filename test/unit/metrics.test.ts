import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import t from 'tap';
import type { Account } from '../../daemon/account/account.ts';
import { Fault } from '../../daemon/fault.ts';
import { Counters, REASONS } from '../../daemon/metrics/counters.ts';
import { BOUNDS, difference, Histogram, quantile } from '../../daemon/metrics/histogram.ts';
import { METRICS, totals } from '../../daemon/metrics/metrics.ts';
import { toPrometheus } from '../../daemon/metrics/prometheus.ts';
import { RateWindow, WINDOW_SECONDS } from '../../daemon/metrics/rate-window.ts';
import { ailing, hitRatio, rate, recentlyUnanswered, sinceStart } from '../../daemon/metrics/report.ts';
import { InstrumentedStore } from '../../daemon/store/instrumented-store.ts';
import { Outage } from '../../daemon/store/query-error.ts';
import { NO_RIGHTS } from '../../daemon/store/rights.ts';
import type { Store } from '../../daemon/store/store.ts';
import { BUSY_REASONS, type BusyReason, DENY_REASONS, type DenyReason, type Verdict } from '../../daemon/verdict.ts';
import { HOSTILE, reportOf, siteOf } from '../fixtures/report.ts';

t.test('histograms', async (t) => {
  const histogram = new Histogram();
  t.equal(quantile(histogram.report(), 0.5), undefined, 'without observations');
  for (const seconds of [0.0001, 0.0002, 0.3, 99]) histogram.observe(seconds);
  const report = histogram.report();
  t.equal(report.count, 4);
  t.equal(Math.round(report.sum_seconds * 1e4), 993003);
  t.equal(report.buckets[0], 1, 'a bound belongs to its bucket, as in Prometheus');
  t.equal(report.buckets.at(-1), 1, 'above the last bound');
  t.equal(quantile(report, 1), BOUNDS.at(-1), 'at most the last bound');
  histogram.observe(0.3);
  const later = histogram.report();
  t.same(difference(report, later).buckets.indexOf(1), later.buckets.indexOf(2));
  t.equal(difference(report, later).count, 1);

  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0, max: 9.9, noNaN: true }), { minLength: 1 }),
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      (times, share) => {
        const one = new Histogram();
        for (const seconds of times) one.observe(seconds);
        const exact = times.toSorted((a, b) => a - b)[Math.ceil(share * times.length - 1e-9) - 1] as number;
        const bucket = BOUNDS.findIndex((bound) => exact <= bound);
        const estimate = quantile(one.report(), share) as number;
        return estimate <= (BOUNDS[bucket] as number) + 1e-12 && estimate >= (BOUNDS[bucket - 1] ?? 0);
      },
    ),
  );
});

t.test('the rate window', async (t) => {
  const rates = new RateWindow();
  const start = 1_000_000;
  for (const [second, checks] of [
    [0, 3],
    [1, 1],
    [WINDOW_SECONDS, 2],
  ] as const) {
    for (let i = 0; i < checks; i++) rates.add(start + second * 1000, i === 0, i === 2);
  }
  const { checks, hashed, unanswered } = rates.report(start + 2000);
  t.equal(checks.length, WINDOW_SECONDS);
  t.same(checks.slice(-2), [3, 1], 'each second has its own count');
  t.same(hashed.slice(-2), [1, 1]);
  t.same(unanswered.slice(-2), [1, 0]);
  t.same(rates.report(start + 1500).checks.at(-1), 3, 'the current second is not included');
  t.same(rates.report(start + (WINDOW_SECONDS + 1) * 1000).checks.slice(0, 2), [1, 0], 'the oldest second');
  const muchLater = rates.report(start + 3 * WINDOW_SECONDS * 1000).checks;
  t.ok(
    muchLater.every((count) => count === 0),
    'older seconds count as zero',
  );
  t.ok(
    new RateWindow().report(0).checks.every((count) => count === 0),
    'so do seconds before the start',
  );
});

t.test('the counters', async (t) => {
  const counters = new Counters();
  counters.configure(['a', 'b']);
  const fault: Verdict = { kind: 'error', reason: 'the database is away' };
  counters.record('a', { kind: 'granted', account: {} as Account }, 'cached', 1, 0);
  counters.record('a', { kind: 'denied', reason: 'not-staff' }, 'hashed', 100, 0);
  counters.record('b', fault, 'hashed', 5000, 0);
  counters.record('never configured', fault, undefined, 0, 0);
  counters.record(undefined, fault, undefined, 0, 0);
  t.same(counters.verdicts('a'), { granted: 1, denied: 1, busy: 0, error: 0 });
  t.same(
    counters.verdicts(undefined),
    { granted: 0, denied: 0, busy: 0, error: 2 },
    'unknown names do not create entries',
  );
  t.equal(counters.durations.hashed.report().count, 1, 'the duration of a fault is not recorded');
  const checks = () => counters.rates.report(1_000).checks.at(-1);
  const before = checks() as number;
  counters.recordLeased('a', 40, 0);
  counters.recordLeased('a', 2, 0);
  counters.recordLeased('never configured', 1, 0);
  counters.recordLeased(undefined, 1, 0);
  t.same([counters.leased('a'), counters.leased('b'), counters.leased('never configured')], [42, 0, 0]);
  t.equal(counters.verdicts('a').granted, 1, 'a grant on lease is no verdict');
  t.equal(checks(), before + 42, 'and a check');
  for (let i = 0; i < 70_000; i++) counters.recordLeased('b', 0xffff_ffff, 0);
  t.equal(counters.leased('b'), 2 ** 48, 'a lie has an end');
  t.equal(checks(), 0xffff_ffff);
  t.same(counters.reasons('a'), { 'not-staff': 1 }, 'only reasons that occurred');
  for (const reason of REASONS) {
    const verdict = DENY_REASONS.find((each) => each === reason)
      ? { kind: 'denied' as const, reason: reason as DenyReason }
      : { kind: 'busy' as const, reason: reason as BusyReason, retryAfter: 1 };
    counters.record('b', verdict, undefined, 0, 0);
  }
  t.same(counters.reasons('b'), Object.fromEntries(REASONS.map((reason) => [reason, 1])), 'each reason by itself');
  t.same(counters.verdicts('b'), { granted: 0, denied: DENY_REASONS.length, busy: BUSY_REASONS.length, error: 1 });
  t.same(counters.reasons('elsewhere'), {});
  counters.configure(['a', 'c']);
  t.equal(counters.leased('a'), 42);
  t.equal(counters.verdicts('a').granted, 1, 'a site that is still configured keeps its counts');
  t.equal(counters.verdicts('b').error, 0);
});

t.test('an instrumented store', async (t) => {
  const clock = { time: 0, now: () => clock.time };
  let failure: Error | undefined;
  const query = async () => {
    if (failure) throw failure;
    return null;
  };
  const inner: Store = {
    name: 'sqlite x',
    accountByName: query,
    accountById: query,
    sample: async () => ({ encoded: [], last: undefined }),
    memberships: async () => [],
    rights: async () => NO_RIGHTS,
    close: async () => {},
  };
  const store = new InstrumentedStore(inner, clock);
  t.match(store.report(), { name: 'sqlite x', up: null, queries: 0, last_failure: null, connections: null });
  clock.time = 1000;
  await store.accountByName('a');
  clock.time = 3000;
  t.match(store.report(), { up: true, state_seconds: 2, queries: 1, failures: 0 });
  failure = new Error('gone\naway');
  await t.rejects(store.accountByName('a'), failure, 'the caller gets the original error');
  clock.time = 4000;
  await t.rejects(store.accountByName('a'));
  clock.time = 6000;
  t.match(store.report(), {
    up: false,
    state_seconds: 3,
    failures: 2,
    last_failure: { message: 'gone away', seconds_ago: 2 },
  });
  failure = undefined;
  await store.accountByName('a');
  t.match(
    store.report(),
    { up: true, state_seconds: 0, last_failure: { message: 'gone away' } },
    'the last failure is kept',
  );
  failure = new Fault('more than one account');
  await t.rejects(store.accountByName('a'));
  t.match(store.report(), { up: true, failures: 3 }, 'a fault that is no outage');
  failure = new Outage('no answer');
  await t.rejects(store.accountByName('a'));
  t.match(store.report(), { up: false, failures: 4 }, 'an outage');
});

t.test('rates', async (t) => {
  t.equal(
    rate(reportOf({ uptime_seconds: 1000, per_second: { checks: [0, 0, 4, 8], hashed: [], unanswered: [] } }), 2),
    6,
  );
  t.equal(
    rate(reportOf({ uptime_seconds: 1.5, per_second: { checks: [0, 0, 0, 8], hashed: [], unanswered: [] } }), 10),
    8,
    'shortly after the start',
  );
  const young = sinceStart(reportOf({ uptime_seconds: 41.2 }));
  t.same([young.checks.length, young.hashed.length, young.unanswered.length], [42, 42, 42], 'not before the start');
  t.equal(sinceStart(reportOf({ uptime_seconds: 0 })).checks.length, 1);
  t.equal(sinceStart(reportOf({})).checks.length, WINDOW_SECONDS);
  t.equal(recentlyUnanswered(reportOf({})), 1);
  const failed = (up: boolean, seconds_ago: number) =>
    ailing({ ...siteOf('a').database, up, last_failure: { message: 'x', seconds_ago } });
  t.same([failed(true, 4), failed(true, 4000), failed(false, 4000)], [true, false, true], 'an old outage is history');
  t.equal(hitRatio(reportOf({})), 0.75);
  const { durations } = new Counters();
  const none = {
    cached: durations.cached.report(),
    hashed: durations.hashed.report(),
    authorized: durations.authorized.report(),
  };
  t.equal(hitRatio({ durations: none }), undefined, 'without password checks');
});

t.test('the table of metrics', async (t) => {
  const names = METRICS.map(({ name }) => name);
  t.equal(new Set(names).size, names.length);
  for (const { name, kind, unit, help } of METRICS) {
    t.match(name, /^[a-z][a-z_]*$/);
    t.match(help, /^[A-Z][^\n|]*\.$/, `${name}: one sentence`);
    t.equal(name.endsWith('_total'), kind === 'counter', `${name}: only counters end in _total`);
    if (unit) t.ok(name.endsWith(`_${unit}`), `${name} names its unit`);
  }
  const report = reportOf({});
  const sums = totals(report);
  t.match(sums, {
    granted: 40,
    leased: 1_234,
    denied: 8,
    busy: 1,
    error: 3,
    hashes: 2,
    hashes_queued: 8,
    accounts: 12,
    cached: 3,
    hashed: 1,
  });
  t.ok(Object.values(sums).every(Number.isSafeInteger), 'whole numbers');
});

t.test('Prometheus parses the output', async (t) => {
  const text = toPrometheus(reportOf({}));
  const program = `
import json, sys
from prometheus_client.parser import text_string_to_metric_families
print(json.dumps([[f.name, f.type, [[s.name, s.labels, s.value] for s in f.samples]] for f in text_string_to_metric_families(sys.stdin.read())]))`;
  const { status, stdout, stderr } = spawnSync('/usr/bin/python3', ['-c', program], { input: text, encoding: 'utf8' });
  t.equal(status, 0, stderr);
  const families: [string, string, [string, Record<string, string>, number][]][] = JSON.parse(stdout);
  t.equal(families.length, METRICS.length);
  const samples = (name: string) => families.find(([family]) => family === `djauthd_${name}`)?.[2] ?? [];
  const ofSite = samples('database_up').map(([, labels, value]) => [labels.site, value]);
  t.same(
    ofSite,
    [
      ['mysite.settings', 1],
      [HOSTILE, 0],
    ],
    'a hostile name is preserved',
  );
  t.same(samples('verdicts').find(([, { verdict }]) => verdict === 'denied')?.[2], 5);
  const cached = samples('decision_duration_seconds').filter(([, labels]) => labels.source === 'cached');
  const buckets = cached.filter(([name]) => name.endsWith('_bucket'));
  t.equal(buckets.length, BOUNDS.length + 1);
  t.ok(
    buckets.every(([, , value], index) => value >= (buckets[index - 1]?.[2] ?? 0)),
    'buckets are cumulative',
  );
  t.equal(buckets.at(-1)?.[1].le, '+Inf');
  t.equal(buckets.at(-1)?.[2], cached.find(([name]) => name.endsWith('_count'))?.[2]);
});
