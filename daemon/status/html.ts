import { createHash } from 'node:crypto';
import { quantile } from '../metrics/histogram.ts';
import { hitRatio, type Report, rate, recentlyUnanswered } from '../metrics/report.ts';
import { html, Markup } from './markup.ts';
import { denials, hashing, latency, sites, throttled, throughput, totals } from './sections.ts';
import { STYLE } from './style.ts';
import { age, count, duration, perSecond, plural, share } from './units.ts';

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
${denials(report)}
${sites(report)}
${throttled(report)}
${latency(report)}
${hashing(report)}
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
<p class="quiet">version ${report.version}, started ${age(report.uptime_seconds)} ago</p></header>`;
}

function tile(label: string, value: string, note: string, bad = false): Markup {
  return html`<div class="${bad ? 'tile bad' : 'tile'}"><dt>${label}</dt><dd>${value}<small>${note}</small></dd></div>`;
}

function tiles(report: Report): Markup {
  const { verdicts, leased, durations, uptime_seconds, per_second } = report;
  const { cached, hashed, authorized } = durations;
  const all = leased + verdicts.granted + verdicts.denied + verdicts.busy + verdicts.error;
  const unanswered = recentlyUnanswered(report);
  const slowest = [cached, hashed, authorized].reduce((sum, each) => ({
    count: sum.count + each.count,
    sum_seconds: sum.sum_seconds + each.sum_seconds,
    buckets: sum.buckets.map((own, index) => own + (each.buckets[index] ?? 0)),
  }));
  return html`<dl class="tiles">
${tile('Checks per second', perSecond(rate(report, 10)), `${perSecond(all / Math.max(1, uptime_seconds))} on average since the start`)}
${tile('Answered without hashing', share(hitRatio(report)), `${count(cached.count)} of ${plural(cached.count + hashed.count, 'password')}`)}
${tile('99 % of answers within', duration(quantile(slowest, 0.99)), `half within ${duration(quantile(slowest, 0.5))}`)}
${tile(`Not answered in ${age(per_second.checks.length)}`, count(unanswered), `since the start ${count(verdicts.busy)} busy, ${plural(verdicts.error, 'fault')}`, unanswered > 0)}
</dl>`;
}
