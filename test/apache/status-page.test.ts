import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import t, { type Test } from 'tap';
import { BOUNDS } from '../../daemon/metrics/histogram.ts';
import { statusPage } from '../../daemon/status/page.ts';
import { type Apache, publicDirectory, type Response, startApache } from '../fixtures/apache.ts';
import { type RunningDaemon, startDaemon } from '../fixtures/daemon.ts';
import { reportOf, siteOf } from '../fixtures/report.ts';
import { createSite } from '../fixtures/site.ts';

/** The name of a site that would inject elements into a page that does not escape it. */
const HOSTILE = '</td><script src="http://evil.example/x.js"></script><img src=x onerror=alert(1)>';

/** Screenshots, for inspection. */
const SCREENSHOTS = join(import.meta.dirname, '../../build/test/status-page');

/** What the browser shows of a page. */
interface Seen {
  overflow: number;
  styled: string;
  background: string;
  text: string;
  charts: number[];
  external: number;
}

interface World {
  apache: Apache;
  daemon: RunningDaemon;
  get(path: string, method?: string): Promise<Response>;
}

async function world(t: Test): Promise<World> {
  const directory = publicDirectory();
  const site = createSite(join(directory, 'db.sqlite3'), [{ username: 'alice', password: 'secret', isStaff: true }]);
  const daemon = await startDaemon({
    directory,
    listen: 'mode = "0666"',
    config: `[sites."mysite.settings"]\ndatabase = "${site.url}"
[sites.${JSON.stringify(HOSTILE)}]\ndatabase = "sqlite:///nowhere/<b>no&such</b>.sqlite3"`,
  });
  const apache = await startApache(
    `
DjangoAuthSocket ${daemon.socket}
DjangoAuthTimeout 60s
DjangoAuthLeases Off
ExtendedStatus On
<Location "/django-status">
  SetHandler django-auth-status
</Location>
<Location "/server-status">
  SetHandler server-status
</Location>
<Location "/private">
  AuthType Basic
  AuthName private
  AuthBasicProvider django
  DjangoSettingsModule mysite.settings
  Require valid-user
</Location>`,
    { files: { 'private/index.html': 'in' } },
  );
  t.teardown(async () => {
    await apache.stop();
    await daemon.stop();
    site.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const client = await daemon.connect();
  await client.check('alice', 'x', { site: HOSTILE }); // its database does not exist
  for (const [password, status] of [
    ['secret', 200],
    ['secret', 200],
    ['wrong', 401],
  ] as const) {
    t.equal((await apache.get('/private/', { user: 'alice', password })).status, status);
  }
  return { apache, daemon, get: (path, method = 'GET') => apache.get(path, { method }) };
}

t.test('SetHandler django-auth-status', async (t) => {
  const { get, daemon, apache } = await world(t);
  const page = await get('/django-status');
  t.equal(page.status, 200);
  t.equal(page.headers['content-type'], 'text/html; charset=utf-8');
  t.equal(page.headers['cache-control'], 'no-store');
  t.equal(page.headers['x-content-type-options'], 'nosniff');
  t.match(page.body, /mysite\.settings/);
  t.notMatch(page.body, /<script|<img|http-equiv="refresh"|alice|secret/);
  const refreshes = {
    '?refresh=5': '5',
    '?refresh': '10',
    '?refresh=0': '10',
    '?refresh=-1': '10',
    '?refresh=99999999999999999999': '10',
    '?x=1&refresh=60': '60',
  };
  for (const [query, seconds] of Object.entries(refreshes)) {
    t.ok(
      (await get(`/django-status${query}`)).body.includes(`<meta http-equiv="refresh" content="${seconds}">`),
      query,
    );
  }

  const text = await get('/django-status?auto');
  t.equal(text.headers['content-type'], 'text/plain; charset=utf-8');
  t.match(text.body, /^Granted: 2$/m);
  t.match(text.body, /^DatabasesDown: 1$/m);
  const metrics = await get('/django-status?prometheus');
  t.equal(metrics.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  t.match(metrics.body, /^djauthd_verdicts_total\{site="mysite\.settings",verdict="granted"\} 2$/m);
  const json = await get('/django-status?json');
  t.equal(json.headers['content-type'], 'application/json');
  const report = JSON.parse(json.body);
  t.match(report, {
    verdicts: { granted: 2, denied: 1, error: 1 },
    durations: { cached: { count: 1 }, hashed: { count: 2 } },
  });
  t.equal(report.durations.cached.buckets.length, BOUNDS.length + 1);
  t.match(report.sites[1], { name: HOSTILE, database: { up: false } });

  const head = await get('/django-status', 'HEAD');
  t.same([head.status, head.body], [200, '']);
  t.ok(Number(head.headers['content-length']) > 1000, 'Content-Length is that of the page');
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
    const refused = await get('/django-status', method);
    t.equal(refused.status, 405, method);
    t.match(refused.headers.allow, /GET/);
  }
  t.equal((await get('/index.html')).body, 'hello', 'other paths are not handled');

  const short = await get('/server-status?auto');
  t.match(short.body, /^DjauthdServer: djauthd \d/m);
  t.match(short.body, /^DjauthdGranted: 2$/m);
  const block = await get('/server-status');
  t.match(block.body, /Django accounts \(djauthd\)[\s\S]*<dt>Granted: 2<\/dt>/);
  t.match(block.body, /<dt>Site2Name: &lt;\/td&gt;&lt;script/, 'ExtendedStatus shows sites, escaped');
  t.notMatch(block.body, /<script src/);

  await daemon.stop();
  const down = await get('/django-status');
  t.equal(down.status, 503);
  t.equal(down.headers['cache-control'], 'no-store');
  t.match(apache.errorLog(), /no status page from djauthd at .*auth\.sock/);
  const still = await get('/server-status?auto');
  t.equal(still.status, 200, 'the page of mod_status is still served');
  t.match(still.body, /^DjauthdState: not answering$/m);
});

t.test('mod_status has no block if the module is not used', async (t) => {
  const apache = await startApache('<Location "/server-status">\n  SetHandler server-status\n</Location>');
  t.teardown(() => apache.stop());
  t.notMatch((await apache.get('/server-status?auto')).body, /Djauthd/);
});

t.test('the status page in a browser', async (t) => {
  const { apache } = await world(t);
  const quiet = ['no-first-run', 'background-networking', 'component-update', 'sync'].map((each) =>
    each.startsWith('no-') ? `--${each}` : `--disable-${each}`,
  );
  const browser: Browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', ...quiet],
  });
  t.teardown(() => browser.close());
  mkdirSync(SCREENSHOTS, { recursive: true });
  for (const [name, width, colorScheme] of [
    ['phone', 390, 'light'],
    ['phone-dark', 390, 'dark'],
    ['tablet', 900, 'light'],
    ['desktop', 1280, 'light'],
    ['desktop-dark', 1280, 'dark'],
  ] as const) {
    const context = await browser.newContext({ viewport: { width, height: 844 }, colorScheme });
    const page = await context.newPage();
    const requests: string[] = [];
    const messages: string[] = [];
    page.on('request', (request) => requests.push(request.url()));
    page.on('console', (message) => messages.push(message.text()));
    page.on('dialog', (dialog) => messages.push(dialog.message()));
    await page.goto(`${apache.url}/django-status`, { waitUntil: 'networkidle' });
    t.same(
      requests.filter((url) => url !== 'data:,'),
      [`${apache.url}/django-status`],
      `${name}: it fetches nothing else`,
    );
    t.same(messages, [], 'no script ran, and nothing was blocked by the content security policy');
    const seen: Seen = await page.evaluate(`({
      overflow: document.documentElement.scrollWidth - window.innerWidth,
      styled: getComputedStyle(document.querySelector('section')).borderTopStyle,
      background: getComputedStyle(document.body).backgroundColor,
      text: document.body.innerText,
      charts: [...document.querySelectorAll('svg')].map((svg) => svg.getBoundingClientRect().width),
      external: document.querySelectorAll('script, img, iframe').length,
    })`);
    t.ok(seen.overflow <= 0, 'nothing is wider than the screen');
    t.equal(seen.styled, 'solid');
    t.equal(seen.background === 'rgb(16, 20, 24)', colorScheme === 'dark');
    t.equal(seen.external, 0);
    t.ok(seen.charts.length >= 6 && seen.charts.every((drawn) => drawn > 50 && drawn < width), 'charts are drawn');
    for (const text of [
      'Checks per second',
      'Passwords being hashed',
      'Why people were denied',
      'wrong password',
      'Response time',
      'mysite.settings',
      '1 of 2 databases down',
      HOSTILE,
    ]) {
      t.ok(seen.text.includes(text), text);
    }
    await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true });
    await context.close();
  }
  const long = { ...siteOf('x'.repeat(100)), reasons: { 'wrong-password': 3 } };
  const refused = { kind: 'name', site: long.name, who: 'w'.repeat(120), seconds: 70 } as const;
  const throttle = { ...reportOf({}).throttle, refused: [refused] };
  const narrow = await browser.newPage({ viewport: { width: 390, height: 844 } });
  await narrow.setContent(statusPage(reportOf({ sites: [long, siteOf('b')], throttle }), 'html').body);
  t.equal(await narrow.evaluate('document.documentElement.scrollWidth'), 390, 'long names are broken');
  const page = await browser.newPage();
  await page.goto(`${apache.url}/django-status?refresh=1`);
  await page.waitForEvent('framenavigated');
  t.pass('?refresh reloads it without JavaScript');
});
