import { SOURCES, type Source } from '../../metrics/counters.ts';
import { difference, type HistogramReport, quantile } from '../../metrics/histogram.ts';
import { hitRatio, type Report, rate, recentlyUnanswered } from '../../metrics/report.ts';
import { REASON_WORDS } from '../../status/reasons.ts';
import { age, count, duration, octets, perSecond, share } from '../../status/units.ts';
import { DEBTORS } from '../../throttle/limits.ts';
import { BUSY_REASONS, DENY_REASONS } from '../../verdict.ts';
import { bold, dim, fitList, type Line, label, render, sparkline, warning } from './lines.ts';
import { faultLines, siteTable } from './site-table.ts';

export interface ScreenOptions {
  /** The size of the terminal. Longer lines are cut; what does not fit is counted. */
  readonly columns: number;
  readonly rows: number;
  readonly colour: boolean;
}

/** A terminal with fewer rows has no empty lines but the one before the sites, and at most two lines on databases. */
const ROOMY = 30;

/** As many lines at least are left to sites, whoever is throttled. */
const SITE_ROWS = 4;

/**
 * A report as lines for a terminal, what somebody should look at first. Latencies and the hit ratio cover the time since
 * `before` if it is given and anything was answered since, otherwise the time since the start.
 */
export function screen(report: Report, options: ScreenOptions, before?: Report): string[] {
  const { rows } = options;
  const head: Line[] = [
    [
      bold(`djauthd ${report.version}`),
      `  up ${age(report.uptime_seconds)}  ${octets(report.memory_bytes)}  PBKDF2 by ${report.pbkdf2}`,
    ],
    ...fitList(faultLines(report), rows < ROOMY ? 2 : rows >> 2, 'more databases with a fault'),
    ...figures(report, options, before).filter((line) => rows >= ROOMY || line.length > 0),
  ];
  const throttled = throttleLines(report);
  const room = Math.max(2, rows - head.length - Math.min(report.sites.length, SITE_ROWS) - 2);
  const lines = [...head, ...fitList(throttled, room, 'more throttled')];
  const [titles, ...sites] = siteTable(report, options.columns);
  lines.push([], titles as Line);
  lines.push(...fitList(sites, rows - lines.length, 'more', report.sites_omitted));
  return lines.slice(0, rows).map((line) => render(line, options));
}

function figures(report: Report, { columns }: ScreenOptions, before?: Report): Line[] {
  const { verdicts, leased, hashing, connections, durations: all, reasons } = report;
  const durations = recent(all, report, before);
  const { returning, greylisted, other } = hashing.waiting;
  const waiting = returning + greylisted + other;
  const unanswered = recentlyUnanswered(report) > 0;
  const times = (source: Source) =>
    [0.5, 0.95, 0.99].map((each) => duration(quantile(durations[source], each)).padStart(9)).join('');
  return [
    [],
    [
      label('verdicts'),
      warning(`${count(verdicts.error)} error  ${count(verdicts.busy)} busy`, unanswered),
      `  ${count(verdicts.denied)} denied  ${count(verdicts.granted)} granted${leased > 0 ? `  ${count(leased)} on lease` : ''}`,
    ],
    ...given('denied', DENY_REASONS, reasons),
    ...given('busy', BUSY_REASONS, reasons),
    [
      label('checks/s'),
      bold(perSecond(rate(report, 10)).padEnd(9)),
      sparkline(report.per_second.checks, Math.min(60, columns - 24)),
    ],
    [label('hit ratio'), bold(share(hitRatio({ durations })).padEnd(9)), `${count(report.proofs)} proofs cached`],
    [
      label('hashes'),
      `${hashing.running} of ${hashing.workers} running  `,
      `${count(waiting)} waiting${waiting > 0 ? ` (${count(returning)} returning)` : ''}`,
      hashing.computed > 0 ? `  ${duration(hashing.average_seconds)} each` : '',
    ],
    [
      label('clients'),
      `${count(connections.open)} of ${count(connections.limit)} connections  ${count(report.bad_requests)} bad requests`,
    ],
    [],
    [dim(`${''.padEnd(12)}${'p50'.padStart(9)}${'p95'.padStart(9)}${'p99'.padStart(9)}${'answered'.padStart(12)}`)],
    ...SOURCES.map((source): Line => [label(source), times(source), count(all[source].count).padStart(12)]),
  ];
}

/** One line with the reasons of a verdict, the most frequent first; none if there was none. */
function given(title: string, some: readonly (keyof Report['reasons'])[], reasons: Report['reasons']): Line[] {
  const shown = some
    .filter((reason) => reasons[reason] !== undefined)
    .toSorted((a, b) => (reasons[b] as number) - (reasons[a] as number));
  if (shown.length === 0) return [];
  return [
    [label(title), shown.map((reason) => `${count(reasons[reason] as number)} ${REASON_WORDS[reason]}`).join(', ')],
  ];
}

function recent(all: Report['durations'], report: Report, before?: Report): Report['durations'] {
  const of = (source: Source): HistogramReport => {
    if (before === undefined || before.uptime_seconds > report.uptime_seconds) return all[source];
    const since = difference(before.durations[source], all[source]);
    return since.count > 0 ? since : all[source];
  };
  return { cached: of('cached'), hashed: of('hashed'), authorized: of('authorized') };
}

/** Nothing if nobody has been refused. */
function throttleLines({ throttle: { refusals, refused } }: Report): Line[] {
  if (DEBTORS.every((kind) => refusals[kind] === 0)) return [];
  const counts = DEBTORS.map((kind) => `${count(refusals[kind])} by ${kind}`).join(', ');
  const rows = refused.map(({ kind, site, who, seconds }): Line => {
    const where = site === '' ? '' : ` of ${site}`;
    return [`  for ${duration(seconds)}: ${kind} ${who}${where}`];
  });
  return [[label('throttled'), warning(counts, refused.length > 0)], ...rows];
}
