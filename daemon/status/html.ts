import { createHash } from 'node:crypto';
import type { Way } from '../metrics/counters.ts';
import { type HistogramReport, quantile } from '../metrics/histogram.ts';
import { hitRatio, type Report, rate, type SiteReport } from '../metrics/report.ts';
import { bar, course, histogram } from './charts.ts';
import { html, Markup } from './markup.ts';
import { STYLE } from './style.ts';
import { count, lasting, octets, perSecond, share, took } from './units.ts';

/** Nothing may be fetched and nothing may run; the style is this one. The icon keeps browsers from asking for one. */
const POLICY = `default-src 'none'; img-src data:; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`;

/** The status page: one document that asks for nothing else. @param refresh after how many seconds it asks anew */
export function toHtml(report: Report, refresh?: number): string {
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><meta name="robots" content="noindex">
${refresh === undefined ? '' : html`<meta http-equiv="refresh" content="${refresh}">`}
<link rel="icon" href="data:,"><title>djauthd: ${headline(report).text}</title><style>${new Markup(STYLE)}</style></head><body>
${header(report)}
<main>
${tiles(report)}
${throughput(report)}
${hashing(report)}
${latency(report)}
${sites(report)}
<section class="wide"><h2>Throttled</h2><p class="quiet">No throttling is configured: no name and no address is held back.</p></section>
${totals(report)}
</main>
<footer><a href="?refresh=5">every 5 seconds</a> <a href="?auto">plain text</a> <a href="?json">JSON</a>
 <a href="?prometheus">Prometheus</a></footer>
</body></html>
`.text;
}

function headline({ sites, sites_left_out }: Report): { good: boolean; text: string } {
  const all = sites.length + sites_left_out;
  const down = sites.filter(({ database }) => database.up === false).length;
  const databases = all === 1 ? 'database' : 'databases';
  if (down > 0) return { good: false, text: `${down} of ${all} ${databases} ${down === 1 ? 'does' : 'do'} not answer` };
  return { good: true, text: all === 1 ? 'the database answers' : `all ${all} databases answer` };
}

function header(report: Report): Markup {
  const { good, text } = headline(report);
  return html`<header><h1>djauthd</h1>
<p class="${good ? 'state good' : 'state bad'}"><span class="dot"></span>${text}</p>
<p class="quiet">version ${report.version}, up for ${lasting(report.uptime)}</p></header>`;
}

function tile(label: string, value: string, note: string, bad = false): Markup {
  return html`<div class="${bad ? 'tile bad' : 'tile'}"><dt>${label}</dt><dd>${value}<small>${note}</small></dd></div>`;
}

function tiles(report: Report): Markup {
  const { verdicts, hashing, durations, uptime } = report;
  const { known, stranger } = hashing.waiting;
  const asked = verdicts.granted + verdicts.denied + verdicts.busy + verdicts.error;
  const unanswered = verdicts.busy + verdicts.error;
  return html`<dl class="tiles">
${tile('Checks a second', perSecond(rate(report, 10)), `${perSecond(asked / Math.max(1, uptime))} since the start`)}
${tile('Passwords known', share(hitRatio(report)), `${count(durations.cached.count)} of ${count(durations.cached.count + durations.hashed.count)}`)}
${tile('Hashes waiting', count(known + stranger), `${hashing.running} of ${hashing.workers} workers busy`)}
${tile('Without a verdict', count(unanswered), `${count(verdicts.busy)} busy, ${count(verdicts.error)} ${verdicts.error === 1 ? 'fault' : 'faults'}`, unanswered > 0)}
</dl>`;
}

function throughput({ recent }: Report): Markup {
  const most = Math.max(...recent.checks, 0);
  return html`<section><h2>Checks a second</h2>
<p class="key"><span class="all">all</span> <span class="hashed">hashed</span> <span class="quiet">most ${count(most)}</span></p>
${course(recent, `Checks in each of the last ${recent.checks.length} seconds, ${most} at most`)}
<p class="ends quiet"><span>${lasting(recent.checks.length)} ago</span><span>now</span></p></section>`;
}

const WAY_TITLES: readonly (readonly [Way, string])[] = [
  ['cached', 'Password known'],
  ['hashed', 'Password hashed'],
  ['authorized', 'Authenticated elsewhere'],
];

function latency({ durations }: Report): Markup {
  const shown = WAY_TITLES.filter(([way]) => way !== 'authorized' || durations.authorized.count > 0);
  const panel = ([way, title]: readonly [Way, string]) => html`<div><h3>${title}</h3>
<p class="quiet">${percentiles(durations[way])}</p>${histogram(durations[way], way)}</div>`;
  return html`<section class="wide"><h2>How long an answer takes</h2><div class="panels">${shown.map(panel)}</div></section>`;
}

function percentiles(durations: HistogramReport): string {
  if (durations.count === 0) return 'none yet';
  const each = [50, 95, 99].map((percent) => `${percent} % within ${took(quantile(durations, percent / 100))}`);
  return `${count(durations.count)}: ${each.join(', ')}`;
}

function hashing({ hashing: { waiting, room, running, workers, average, computed } }: Report): Markup {
  const row = (label: string, value: number, most: number) => html`<tr><th scope="row">${label}</th>
<td class="bars">${bar(value, most, `${label}: ${value} of ${most}`)}</td><td>${count(value)} of ${count(most)}</td></tr>`;
  return html`<section><h2>Hash queue</h2><table class="plain">
${row('Running', running, workers)}
${row('Waiting, got in lately', waiting.known, room)}
${row('Waiting, all others', waiting.stranger, room)}
</table><p class="quiet">${count(computed)} computed${computed > 0 ? `, ${took(average)} each lately` : ''}</p></section>`;
}

function sites({ sites, sites_left_out, elsewhere }: Report): Markup {
  const stray = elsewhere.granted + elsewhere.denied + elsewhere.busy + elsewhere.error;
  return html`<section class="wide"><h2>Sites</h2><table class="sites">
<thead><tr><th>Site</th><th>Database</th><th>State</th><th>Connections</th><th>Granted</th><th>Denied</th><th>Busy</th><th>Faults</th>
<th>Accounts kept</th></tr></thead><tbody>${sites.map(siteRow)}</tbody></table>
${sites_left_out > 0 ? html`<p>${sites_left_out} more ${sites_left_out === 1 ? 'site is' : 'sites are'} not shown: there is no room.</p>` : ''}
${stray > 0 ? html`<p class="quiet">${count(stray)} ${stray === 1 ? 'question was' : 'questions were'} about no site that is configured.</p>` : ''}</section>`;
}

function siteRow({ name, verdicts, accounts, database }: SiteReport): Markup {
  const { up, since, connections, last_failure } = database;
  const state =
    up === null
      ? html`<span class="state"><span class="dot"></span>not asked yet</span>`
      : html`<span class="${up ? 'state good' : 'state bad'}"><span class="dot"></span>${up ? 'answers' : 'does not answer'}</span>
<small>for ${lasting(since)}</small>`;
  const failure =
    last_failure && html`<small class="failure">${lasting(last_failure.ago)} ago: ${last_failure.message}</small>`;
  const used = connections
    ? html`${connections.open - connections.idle} of ${connections.limit}${connections.waiting > 0 ? html` <small>${connections.waiting} wait</small>` : ''}`
    : '–';
  const cell = (label: string, value: Markup | string) => html`<td data-label="${label}"><div>${value}</div></td>`;
  return html`<tr><th scope="row">${name}</th>
${cell('Database', database.name)}${cell('State', html`${state}${failure ?? ''}`)}${cell('Connections', used)}
${cell('Granted', count(verdicts.granted))}${cell('Denied', count(verdicts.denied))}${cell('Busy', count(verdicts.busy))}
${cell('Faults', count(verdicts.error))}${cell('Accounts kept', count(accounts))}</tr>`;
}

function totals(report: Report): Markup {
  const { verdicts, connections, reloads } = report;
  const rows: [string, string][] = [
    ['Granted', count(verdicts.granted)],
    ['Denied', count(verdicts.denied)],
    ['Connections of clients', `${count(connections.open)} of ${count(connections.most)}`],
    ['Closed for misuse', count(report.bad_requests)],
    ['Passwords remembered', count(report.proofs)],
    ['Configurations read', `${count(reloads.taken + 1)}, ${count(reloads.refused)} refused`],
    ['Memory', octets(report.memory)],
    ['Node.js', report.node],
    ['Protocol', String(report.protocol)],
    ['PBKDF2 by', report.pbkdf2],
  ];
  return html`<section class="wide"><h2>Since the start</h2><dl class="facts">${rows.map(
    ([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`,
  )}</dl></section>`;
}
