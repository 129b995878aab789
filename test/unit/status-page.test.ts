import fc from 'fast-check';
import t from 'tap';
import { axisTop } from '../../daemon/status/charts.ts';
import { withRefresh } from '../../daemon/status/html.ts';
import { html } from '../../daemon/status/markup.ts';
import { statusPage } from '../../daemon/status/page.ts';
import { age, count, duration, perSecond, share } from '../../daemon/status/units.ts';
import { FRAME_MAX } from '../../protocol/limits.ts';
import { encodeReply } from '../../protocol/reply.ts';
import { STATUS_FORMATS } from '../../protocol/request.ts';
import { HOSTILE, reportOf, siteOf } from '../fixtures/report.ts';

t.test('markup', async (t) => {
  t.equal(
    html`<p title="${'"\'<>&'}">${['a', html`<b>${'<'}</b>`, 1, undefined]}</p>`.text,
    '<p title="&#34;&#39;&#60;&#62;&#38;">a<b>&#60;</b>1</p>',
  );
});

t.test('formatted numbers', async (t) => {
  t.same([0.00007, 0.0012, 0.31, 2.5, 99, undefined].map(duration), [
    '70 µs',
    '1.2 ms',
    '310 ms',
    '2.5 s',
    '99 s',
    '–',
  ]);
  t.same([5, 65, 3700, 93_784].map(age), ['5 s', '1 min', '1 h 1 min', '1 d 2 h']);
  t.same([0, 0.5, 0.9999, 1, undefined].map(share), ['0 %', '50.0 %', '99.9 %', '100 %', '–']);
  t.same([0, 0.01, 3.14, 1234.5].map(perSecond), ['0', '< 0.1', '3.1', '1,235']);
  t.equal(count(1234567), '1,234,567');
});

t.test('formats', async (t) => {
  const page = (format: (typeof STATUS_FORMATS)[number]) => statusPage(reportOf({}), format);
  const { type, body } = page('html');
  t.equal(type, 'text/html; charset=utf-8');
  for (const text of [
    'Checks per second',
    'mysite.settings',
    'Passwords being hashed',
    'Why people were denied',
    '1 of 2 databases down',
    '1.2.3',
    '75.0 %',
  ]) {
    t.ok(body.includes(text), text);
  }
  t.notMatch(body, /http-equiv="refresh"/);
  t.match(withRefresh(page('html').body, 5), /<meta http-equiv="refresh" content="5">/);
  t.same(
    body.match(/<(?:script|img|iframe|object|embed|link(?! rel="icon" href="data:,")|form)\b/g),
    null,
    'no element that runs or fetches anything',
  );
  t.same(body.match(/\b(?:on[a-z]+|src|style)=(?=[^&]*>)/g), null, 'and no such attribute');
  t.match(page('json'), { type: 'application/json' });
  t.same(JSON.parse(page('json').body).durations, reportOf({}).durations);
  t.match(page('prometheus').type, /version=0\.0\.4/);
  const lines = page('text').body.trimEnd().split('\n');
  t.ok(
    lines.every((line) => /^[A-Z][A-Za-z0-9]*: \S/.test(line)),
    'each line has a name and a value',
  );
  t.ok(lines.includes('HitRatio: 0.75') && lines.includes('DatabasesDown: 1'));
});

t.test('an idle daemon: no division by zero', async (t) => {
  const nothing = { count: 0, sum_seconds: 0, buckets: Array.from({ length: 17 }, () => 0) };
  const none = { granted: 0, denied: 0, busy: 0, error: 0 };
  const site = siteOf('a', { verdicts: none, accounts: 0 });
  const database = { ...site.database, up: null, connections: null };
  const zeros = Array.from({ length: 300 }, () => 0);
  const report = reportOf({
    ...{ uptime_seconds: 0, verdicts: none, unknown_site: none, sites: [{ ...site, database }] },
    durations: { cached: nothing, hashed: nothing, authorized: nothing },
    reasons: {},
    per_second: { checks: zeros, hashed: zeros, unanswered: zeros },
  });
  for (const format of STATUS_FORMATS) {
    t.notMatch(statusPage(report, format).body, /NaN|Infinity|undefined|\[object/, format);
  }
  t.match(statusPage(report, 'html').body, /0 of 1 database up, 1 not queried yet/);
});

t.test('what the page says about denials, faults and time', async (t) => {
  const page = (rest: Parameters<typeof reportOf>[0]) => statusPage(reportOf(rest), 'html').body;
  const words = (body: string) =>
    body
      .replace(/<svg[\s\S]*?<\/svg>/g, '')
      .replace(/<[^>]*>/g, ' ')
      .replace(/\s+/g, ' ');
  const text = words(page({}));
  t.match(
    text,
    /Why people were denied wrong password mysite\.settings 3, .* 6 not staff mysite\.settings 2 2 Why checks were turned away/,
  );
  t.match(text, /99 % within 498 ms/);
  t.match(text, /peak 116\/s/);

  const long = siteOf('a', {
    database: { ...siteOf('').database, last_failure: { message: 'it was restarted', seconds_ago: 40_000 } },
  });
  const none = { ...reportOf({}).per_second, unanswered: reportOf({}).per_second.checks.map(() => 0) };
  const healthy = page({ sites: [long], per_second: none });
  t.match(healthy, /it was restarted/, 'an old fault is still told');
  t.notMatch(healthy, /class="(?:failure|tile bad|state bad)"/, 'but nothing is red');
  t.match(page({}), /class="tile bad"/, 'a check that was not answered some minutes ago is');

  const young = page({ uptime_seconds: 42 });
  t.match(young, /started 42 s ago/, 'the curve begins with the daemon');
  t.equal(young.match(/<polyline class="all" points="([^"]*)"/)?.[1]?.split(' ').length, 42);
  t.match(page({}), /<span>5 min ago<\/span>/);
  t.match(page({}), /<span>200\/s<\/span><span>100\/s<\/span><span>0<\/span>/, 'an axis');
  t.same([0, 1, 3, 30, 61, 99, 101, 4001].map(axisTop), [2, 2, 4, 40, 80, 100, 200, 6000]);
});

t.test('the page fits a frame, and databases that are down are never omitted first', async (t) => {
  for (const sites of [100, 2000]) {
    const all = Array.from({ length: sites }, (_, index) => siteOf(`site ${index} ${HOSTILE.repeat(index % 9)}`));
    all.push(reportOf({}).sites[1] as (typeof all)[number]);
    for (const format of STATUS_FORMATS) {
      const page = statusPage(reportOf({ sites: all }), format);
      const frame = encodeReply(0xffff_ffff, { status: 0, content: page });
      t.ok(
        frame.length <= FRAME_MAX + 4 && frame.includes('ECONNREFUSED') === (format !== 'prometheus'),
        `${sites}, ${format}`,
      );
      t.equal(frame[11], 0, 'the reply is the page, not an error');
    }
    const { sites_omitted } = JSON.parse(statusPage(reportOf({ sites: all }), 'json').body);
    t.equal(sites_omitted > 0, sites === 2000, 'sites are omitted only if necessary');
    t.match(statusPage(reportOf({ sites: all }), 'html').body, /more sites omitted/);
  }
});

t.test('arbitrary names and messages', async () => {
  // Characters with a meaning in HTML, on terminals or in Prometheus' format, and invalid ones.
  const wild = fc.string({
    unit: fc.constantFrom(...'<>&"\'`\\\n\r\t\0\u001b\u0085\u2028\u202e\ud800😀é =/{}#;', 'script', '-->', ']]>'),
    maxLength: 60,
  });
  fc.assert(
    fc.property(wild, wild, wild, (name, database, message) => {
      const site = siteOf(name, {
        database: { ...siteOf('').database, name: database, up: false, last_failure: { message, seconds_ago: 1 } },
      });
      const plain = siteOf('x', {
        database: { ...siteOf('').database, name: 'x', up: false, last_failure: { message: 'x', seconds_ago: 1 } },
      });
      const tags = (body: string) => body.match(/<[^>]*>/g)?.join('');
      const page = (format: (typeof STATUS_FORMATS)[number], each = site) =>
        statusPage(reportOf({ sites: [each] }), format).body;
      const bodies = STATUS_FORMATS.map((format) => page(format));
      return (
        tags(page('html')) === tags(page('html', plain)) &&
        page('text').split('\n').length === page('text', plain).split('\n').length &&
        page('prometheus').split('\n').length === page('prometheus', plain).split('\n').length &&
        bodies.every((body) => !/[^\P{Cc}\n]|\u2028|\u202e/u.test(body) && Buffer.from(body).toString() === body)
      );
    }),
  );
});
