import { createHash } from 'node:crypto';
import type { Source, VerdictCounts } from '../metrics/counters.ts';
import { type HistogramReport, quantile } from '../metrics/histogram.ts';
import { hitRatio, type Report, rate, type SiteReport } from '../metrics/report.ts';
import { DEBTORS } from '../throttle/limits.ts';
import type { RefusedReport } from '../throttle/report.ts';
import { bar, histogram, rateChart } from './charts.ts';
import { html, Markup } from './markup.ts';
import { STYLE } from './style.ts';
import { age, count, duration, octets, perSecond, share } from './units.ts';

/** Nothing is fetched, no script runs, and only this style applies. The icon keeps browsers from requesting one. */
const POLICY = `default-src 'none'; img-src data:; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`;

/** Where the page says that it reloads itself: after the one element that every page has before it. */
const ROBOTS = '<meta name="robots" content="noindex">\n';

/** The page, reloading itself every so many seconds. A page is drawn once for all clients, whatever each asks for. */
export function withRefresh(page: string, seconds: number): string {
  return page.replace(ROBOTS, `${ROBOTS}<meta http-equiv="refresh" content="${seconds}">\n`);
}

/** The status page: one document that fetches nothing. */
export function toHtml(report: Report): string {
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><meta name="robots" content="noindex">
<link rel="icon" href="data:,"><title>djauthd: ${headline(report).text}</title><style>${new Markup(STYLE)}</style></head><body>
${header(report)}
<main>
${tiles(report)}
${throughput(report)}
${hashing(report)}
${latency(report)}
${sites(report)}
${throttled(report)}
${totals(report)}
</main>
<footer><a href="?refresh=5">refresh every 5 seconds</a> <a href="?auto">plain text</a> <a href="?json">JSON</a>
 <a href="?prometheus">Prometheus</a></footer>
</body></html>
`.text;
}

function headline({ sites, sites_omitted }: Report): { good: boolean; text: string } {
  const all = sites.length + sites_omitted;
  const down = sites.filter(({ database }) => database.up === false).length;
  const unknown = sites.filter(({ database }) => database.up === null).length;
  const of = `of ${plural(all, 'database')}`;
  if (down > 0) return { good: false, text: `${count(down)} ${of} down` };
  // Sites with a database that is down would not have been omitted.
  return {
    good: true,
    text: `${count(all - unknown)} ${of} up${unknown > 0 ? `, ${count(unknown)} not queried yet` : ''}`,
  };
}

function header(report: Report): Markup {
  const { good, text } = headline(report);
  return html`<header><h1>djauthd</h1>
<p class="${good ? 'state good' : 'state bad'}"><span class="dot"></span>${text}</p>
<p class="quiet">version ${report.version}, up ${age(report.uptime_seconds)}</p></header>`;
}

function tile(label: string, value: string, note: string, bad = false): Markup {
  return html`<div class="${bad ? 'tile bad' : 'tile'}"><dt>${label}</dt><dd>${value}<small>${note}</small></dd></div>`;
}

function tiles(report: Report): Markup {
  const { verdicts, leased, hashing, durations, uptime_seconds } = report;
  const { returning, other } = hashing.waiting;
  const unanswered = verdicts.busy + verdicts.error;
  const { cached, hashed } = durations;
  return html`<dl class="tiles">
${tile('Checks per second', perSecond(rate(report, 10)), `${perSecond((sum(verdicts) + leased) / Math.max(1, uptime_seconds))} on average since start`)}
${tile('Proof cache hits', share(hitRatio(report)), `${count(cached.count)} of ${count(cached.count + hashed.count)} passwords`)}
${tile('Hashes waiting', count(returning + other), `${hashing.running} of ${hashing.workers} workers active`)}
${tile('Busy or error', count(unanswered), `${count(verdicts.busy)} busy, ${plural(verdicts.error, 'error')}`, unanswered > 0)}
</dl>`;
}

function throughput({ per_second }: Report): Markup {
  const peak = Math.max(...per_second.checks, 0);
  const seconds = per_second.checks.length;
  return html`<section><h2>Checks per second</h2>
<p class="key"><span class="all">all</span> <span class="hashed">hashed</span> <span class="quiet">peak ${count(peak)}</span></p>
${rateChart(per_second, `Checks in each of the last ${seconds} seconds, peak ${peak}`)}
<p class="ends quiet"><span>${age(seconds)} ago</span><span>now</span></p></section>`;
}

const SOURCE_TITLES: readonly (readonly [Source, string])[] = [
  ['cached', 'Cached'],
  ['hashed', 'Hashed'],
  ['authorized', 'Authorized only'],
];

function latency({ durations }: Report): Markup {
  const shown = SOURCE_TITLES.filter(([source]) => source !== 'authorized' || durations.authorized.count > 0);
  const panel = ([source, title]: readonly [Source, string]) => html`<div><h3>${title}</h3>
<p class="quiet">${percentiles(durations[source])}</p>${histogram(durations[source], source)}</div>`;
  return html`<section class="wide"><h2>Response time</h2><div class="panels">${shown.map(panel)}</div></section>`;
}

function percentiles(durations: HistogramReport): string {
  if (durations.count === 0) return 'none yet';
  const each = [50, 95, 99].map((percent) => `p${percent} ${duration(quantile(durations, percent / 100))}`);
  return `${count(durations.count)} answered, ${each.join(', ')}`;
}

function hashing({
  hashing: { waiting, queue_capacity, running, workers, average_seconds, computed },
}: Report): Markup {
  const row = (label: string, value: number, limit: number) => html`<tr><th scope="row">${label}</th>
<td class="bars">${bar(value, limit, `${label}: ${value} of ${limit}`)}</td><td>${count(value)} of ${count(limit)}</td></tr>`;
  return html`<section><h2>Hash queue</h2><table class="plain">
${row('Running', running, workers)}
${row('Waiting, returning users', waiting.returning, queue_capacity)}
${row('Waiting, turned away before', waiting.greylisted, queue_capacity)}
${row('Waiting, others', waiting.other, queue_capacity)}
</table><p class="quiet">${count(computed)} computed${computed > 0 ? `, ${duration(average_seconds)} on average` : ''}</p></section>`;
}

function sites({ sites, sites_omitted, unknown_site }: Report): Markup {
  const unknown = sum(unknown_site);
  return html`<section class="wide"><h2>Sites</h2><table class="sites">
<thead><tr><th>Site</th><th>Database</th><th>State</th><th>Connections</th><th>Granted</th><th>Denied</th><th>Busy</th><th>Errors</th>
<th>Cached accounts</th></tr></thead><tbody>${sites.map(siteRow)}</tbody></table>
${sites_omitted > 0 ? html`<p>${plural(sites_omitted, 'more site')} omitted: the page would be too large.</p>` : ''}
${unknown > 0 ? html`<p class="quiet">${plural(unknown, 'check')} for a site that is not configured.</p>` : ''}</section>`;
}

function siteRow({ name, verdicts, leased, stale, accounts, database }: SiteReport): Markup {
  const { up, state_seconds, connections, last_failure } = database;
  const state =
    up === null
      ? html`<span class="state"><span class="dot"></span>not queried yet</span>`
      : html`<span class="${up ? 'state good' : 'state bad'}"><span class="dot"></span>${up ? 'up' : 'down'}</span>
<small>for ${age(state_seconds)}</small>`;
  const failure =
    last_failure && html`<small class="failure">${age(last_failure.seconds_ago)} ago: ${last_failure.message}</small>`;
  const used = connections
    ? html`${connections.open - connections.idle} of ${connections.limit}${connections.waiting > 0 ? html` <small>${connections.waiting} waiting</small>` : ''}`
    : '–';
  const cell = (label: string, value: Markup | string) => html`<td data-label="${label}"><div>${value}</div></td>`;
  return html`<tr><th scope="row">${name}</th>
${cell('Database', database.name)}${cell('State', html`${state}${failure ?? ''}`)}${cell('Connections', used)}
${cell('Granted', html`${count(verdicts.granted)}${leased > 0 ? html` <small>and ${count(leased)} on lease</small>` : ''}${stale > 0 ? html` <small>${count(stale)} while the database was away</small>` : ''}`)}${cell('Denied', count(verdicts.denied))}${cell('Busy', count(verdicts.busy))}
${cell('Errors', count(verdicts.error))}${cell('Cached accounts', count(accounts))}</tr>`;
}

/** Nothing if nobody has been refused. */
function throttled({ throttle: { refusals, refused_now, refused } }: Report): Markup {
  const all = DEBTORS.reduce((sum, kind) => sum + refusals[kind], 0);
  if (all === 0) return html``;
  const counts = DEBTORS.map((kind) => `${plural(refused_now[kind], kind)}`).join(', ');
  const row = ({ kind, site, who, seconds }: RefusedReport) => html`<tr><th scope="row">${kind}</th>
<td>${who}</td><td>${site}</td><td>${duration(seconds)}</td></tr>`;
  const list = html`<table class="plain"><thead><tr><th>Limit</th><th>Who</th><th>Site</th><th>For</th></tr></thead>
<tbody>${refused.map(row)}</tbody></table>`;
  return html`<section class="wide"><h2>Throttled</h2>
<p class="quiet">${count(all)} refused since start; now: ${counts}</p>${refused.length > 0 ? list : ''}</section>`;
}

function totals(report: Report): Markup {
  const { verdicts, leased, connections, reloads } = report;
  const rows: [string, string][] = [
    ['Granted', count(verdicts.granted)],
    ['Granted on lease', count(leased)],
    ['Denied', count(verdicts.denied)],
    ['Client connections', `${count(connections.open)} of ${count(connections.limit)}`],
    ['Bad requests', count(report.bad_requests)],
    ['Cached proofs', count(report.proofs)],
    ...(report.throttle.store_up === null
      ? []
      : ([['Store of the throttle', report.throttle.store_up ? 'up' : 'down']] as [string, string][])),
    ['Reloads', `${count(reloads.succeeded)}, ${count(reloads.failed)} failed`],
    ['Memory', octets(report.memory_bytes)],
    ['Node.js', report.node],
    ['Protocol', String(report.protocol)],
    ['PBKDF2 by', report.pbkdf2],
  ];
  return html`<section class="wide"><h2>Since start</h2><dl class="facts">${rows.map(
    ([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`,
  )}</dl></section>`;
}

function sum({ granted, denied, busy, error }: VerdictCounts): number {
  return granted + denied + busy + error;
}

function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}
