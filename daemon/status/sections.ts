import type { HearingReport } from '../account/hearing.ts';
import { KINDS, REASONS, type Reason, type Source } from '../metrics/counters.ts';
import { type HistogramReport, quantile } from '../metrics/histogram.ts';
import { ailing, type Report, type SiteReport, sinceStart } from '../metrics/report.ts';
import { DEBTORS } from '../throttle/limits.ts';
import type { RefusedReport } from '../throttle/report.ts';
import { DENY_REASONS } from '../verdict.ts';
import { axisTop, bar, histogram, rateChart } from './charts.ts';
import { html, type Markup } from './markup.ts';
import { REASON_WORDS } from './reasons.ts';
import { age, count, duration, octets, plural } from './units.ts';

/** Checks in each of the last seconds, from the start of the daemon on if that is later. */
export function throughput(report: Report): Markup {
  const shown = sinceStart(report);
  const seconds = shown.checks.length;
  const peak = Math.max(...shown.checks, 0);
  const top = axisTop(peak);
  const whole = report.per_second.checks.length > seconds;
  const first = whole ? `started ${age(seconds)} ago` : `${age(seconds)} ago`;
  return html`<section><h2>Checks per second</h2>
<p class="key"><span class="all">all</span> <span class="hashed">password hashed</span> <span class="quiet">peak ${count(peak)}/s</span></p>
<div class="plot"><p class="axis quiet"><span>${count(top)}/s</span><span>${count(top / 2)}/s</span><span>0</span></p>
${rateChart(shown, top, `Checks in each of the last ${seconds} seconds, peak ${peak}`)}
<p class="ends quiet"><span>${first}</span><span>${seconds < 4 ? '' : `${count(seconds / 2)} s ago`}</span><span>now</span></p></div></section>`;
}

/** Why people were denied, and why others got no answer, by reason. */
export function denials({ reasons, sites, verdicts }: Report): Markup {
  const given = REASONS.filter((reason) => (reasons[reason] ?? 0) > 0).toSorted(
    (a, b) => (reasons[b] as number) - (reasons[a] as number),
  );
  const peak = Math.max(...given.map((reason) => reasons[reason] as number), 0);
  const row = (reason: Reason) => {
    const number = reasons[reason] as number;
    const words = REASON_WORDS[reason];
    return html`<tr><th scope="row">${words}${where(reason, sites)}</th>
<td class="bars">${bar(number, peak, `${words}: ${number}`)}</td><td>${count(number)}</td></tr>`;
  };
  const table = (some: readonly Reason[]) => html`<table class="plain words">${some.map(row)}</table>`;
  const denied = given.filter(isDenial);
  const busy = given.filter((reason) => !isDenial(reason));
  return html`<section><h2>Why people were denied</h2>
${denied.length > 0 ? table(denied) : html`<p class="quiet">Nobody was denied since the start.</p>`}
${busy.length > 0 ? html`<h2>Why checks were turned away as busy</h2>${table(busy)}` : ''}
${verdicts.error > 0 ? html`<p class="quiet">${plural(verdicts.error, 'check')} could not be answered because of a fault: the log says which.</p>` : ''}</section>`;
}

function isDenial(reason: Reason): boolean {
  return (DENY_REASONS as readonly Reason[]).includes(reason);
}

/** The sites where a reason was given most, if it is not obvious. */
function where(reason: Reason, sites: readonly SiteReport[]): Markup | string {
  if (sites.length < 2) return '';
  const own = sites.filter(({ reasons }) => reasons[reason] !== undefined);
  const most = own.toSorted((a, b) => (b.reasons[reason] as number) - (a.reasons[reason] as number)).slice(0, 3);
  const more = own.length > most.length ? ` and ${plural(own.length - most.length, 'more site')}` : '';
  return html`<small>${most.map((site) => `${site.name} ${count(site.reasons[reason] as number)}`).join(', ')}${more}</small>`;
}

const SOURCE_TITLES: readonly (readonly [Source, string])[] = [
  ['cached', 'Without hashing'],
  ['hashed', 'Password hashed'],
  ['authorized', 'Rights only, no password'],
];

export function latency({ durations }: Report): Markup {
  const shown = SOURCE_TITLES.filter(([source]) => source !== 'authorized' || durations.authorized.count > 0);
  const panel = ([source, title]: readonly [Source, string]) => html`<div><h3>${title}</h3>
<p class="quiet">${percentiles(durations[source])}</p>${histogram(durations[source], source)}</div>`;
  return html`<section class="wide"><h2>Response time</h2><div class="panels">${shown.map(panel)}</div></section>`;
}

function percentiles(durations: HistogramReport): Markup | string {
  if (durations.count === 0) return 'none yet';
  const part = (text: string) => html`<span class="line">${text}</span>`;
  return html`${part(`99 % within ${duration(quantile(durations, 0.99))}`)}, ${part(`half within ${duration(quantile(durations, 0.5))}`)},
${part(`${count(durations.count)} answered`)}`;
}

export function hashing({
  hashing: { waiting, queue_capacity, running, workers, average_seconds, computed },
}: Report): Markup {
  const row = (label: string, value: number, limit: number) => html`<tr><th scope="row">${label}</th>
<td class="bars">${bar(value, limit, `${label}: ${value} of ${limit}`)}</td><td>${count(value)} of ${count(limit)}</td></tr>`;
  return html`<section><h2>Passwords being hashed</h2><table class="plain words">
${row('Running', running, workers)}
${row('Waiting, returning users', waiting.returning, queue_capacity)}
${row('Waiting, turned away before', waiting.greylisted, queue_capacity)}
${row('Waiting, others', waiting.other, queue_capacity)}
</table><p class="quiet">${count(computed)} computed since the start${computed > 0 ? `, ${duration(average_seconds)} each` : ''}</p></section>`;
}

export function sites({ sites, sites_omitted, unknown_site }: Report): Markup {
  const unknown = KINDS.reduce((sum, kind) => sum + unknown_site[kind], 0);
  return html`<section class="wide"><h2>Sites</h2><table class="sites">
<thead><tr><th>Site</th><th>Database</th><th>State</th><th>Connections</th><th>Granted</th><th>Denied</th><th>Busy</th><th>Faults</th>
<th>Accounts</th></tr></thead><tbody>${sites.map(siteRow)}</tbody></table>
${sites_omitted > 0 ? html`<p>${plural(sites_omitted, 'more site')} omitted: the page would be too large.</p>` : ''}
${unknown > 0 ? html`<p class="quiet">${plural(unknown, 'check')} for a site that is not configured.</p>` : ''}</section>`;
}

function siteRow({ name, verdicts, leased, stale, accounts, database, hearing }: SiteReport): Markup {
  const { up, state_seconds, connections, last_failure } = database;
  const state =
    up === null
      ? html`<span class="state"><span class="dot"></span>not queried yet</span>`
      : html`<span class="${up ? 'state good' : 'state bad'}"><span class="dot"></span>${up ? 'up' : 'down'}</span>
<small>for ${age(state_seconds)}</small>`;
  // Red is for what somebody should look at: an outage that is over for long is history.
  const failure =
    last_failure &&
    html`<small class="${ailing(database) ? 'failure' : 'past'}">${up ? 'last fault ' : ''}${age(last_failure.seconds_ago)} ago: ${last_failure.message}</small>`;
  const heard = hearing && (hearing.hears ? heardNote(hearing) : notHeardNote(hearing));
  const used = connections
    ? html`${connections.open - connections.idle} of ${connections.limit}${connections.waiting > 0 ? html` <small>${connections.waiting} waiting</small>` : ''}`
    : '–';
  const cell = (label: string, value: Markup | string) => html`<td data-label="${label}"><div>${value}</div></td>`;
  return html`<tr><th scope="row">${name}</th>
${cell('Database', database.name)}${cell('State', html`${state}${failure ?? ''}${heard ?? ''}`)}${cell('Connections', used)}
${cell('Granted', html`${count(verdicts.granted)}${leased > 0 ? html` <small>and ${count(leased)} on lease</small>` : ''}${stale > 0 ? html` <small>${count(stale)} while the database was away</small>` : ''}`)}${cell('Denied', count(verdicts.denied))}${cell('Busy', count(verdicts.busy))}
${cell('Faults', count(verdicts.error))}${cell('Accounts', count(accounts))}</tr>`;
}

function heardNote({ state_seconds, notifications, canary_seconds }: HearingReport): Markup {
  const proof = canary_seconds === null ? '' : `, last proven ${age(canary_seconds)} ago`;
  return html`<small>hears changes for ${age(state_seconds)}: ${count(notifications)} told${proof}</small>`;
}

function notHeardNote({ state_seconds, reason }: HearingReport): Markup {
  return html`<small class="failure">changes not heard for ${age(state_seconds)}: ${reason ?? ''}</small>`;
}

/** Nothing if nobody has been refused. */
export function throttled({ throttle: { refusals, refused_now, refused } }: Report): Markup {
  const all = DEBTORS.reduce((sum, kind) => sum + refusals[kind], 0);
  if (all === 0) return html``;
  const counts = DEBTORS.map((kind) => `${plural(refused_now[kind], kind)}`).join(', ');
  const row = ({ kind, site, who, seconds }: RefusedReport) => html`<tr><th scope="row">${kind}</th>
<td>${who}</td><td>${site}</td><td>${duration(seconds)}</td></tr>`;
  const list = html`<table class="plain refused"><thead><tr><th>Limit</th><th>Who</th><th>Site</th><th>For</th></tr></thead>
<tbody>${refused.map(row)}</tbody></table>`;
  return html`<section class="wide"><h2>Held back after too many wrong passwords</h2>
<p class="quiet">${plural(all, 'guess')} turned away since the start; held back now: ${counts}</p>${refused.length > 0 ? list : ''}</section>`;
}

export function totals(report: Report): Markup {
  const { verdicts, leased, connections, reloads } = report;
  const rows: [string, string][] = [
    ['Granted', count(verdicts.granted)],
    ['Granted on lease', count(leased)],
    ['Denied', count(verdicts.denied)],
    ['Client connections', `${count(connections.open)} of ${count(connections.limit)}`],
    ['Bad requests', count(report.bad_requests)],
    ['Proofs in memory', count(report.proofs)],
    ...(report.throttle.store_up === null
      ? []
      : ([['Store of the throttle', report.throttle.store_up ? 'up' : 'down']] as [string, string][])),
    ['Reloads', `${count(reloads.succeeded)}, ${count(reloads.failed)} failed`],
    ['Memory', octets(report.memory_bytes)],
    ['Node.js', report.node],
    ['Protocol', String(report.protocol)],
    ['PBKDF2 by', report.pbkdf2],
  ];
  return html`<section><h2>Since the start</h2><dl class="facts">${rows.map(
    ([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`,
  )}</dl></section>`;
}
