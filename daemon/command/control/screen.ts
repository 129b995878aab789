import { SOURCES, type Source } from '../../metrics/counters.ts';
import { difference, type HistogramReport, quantile } from '../../metrics/histogram.ts';
import { hitRatio, type Report, rate, type SiteReport } from '../../metrics/report.ts';
import { age, count, duration, octets, perSecond, share } from '../../status/units.ts';
import { DEBTORS } from '../../throttle/limits.ts';

export interface ScreenOptions {
  /** The size of the terminal. Longer lines are cut, further lines are omitted. */
  readonly columns: number;
  readonly rows: number;
  readonly colour: boolean;
}

/**
 * A report as lines for a terminal. Latencies and the hit ratio cover the time since `before` if it is given and
 * anything was answered since, otherwise the time since the start.
 */
export function screen(report: Report, options: ScreenOptions, before?: Report): string[] {
  const { verdicts, leased, hashing, connections } = report;
  const recent = (source: Source): HistogramReport => {
    const all = report.durations[source];
    const since =
      before !== undefined &&
      before.uptime_seconds <= report.uptime_seconds &&
      difference(before.durations[source], all);
    return since && since.count > 0 ? since : all;
  };
  const durations = { cached: recent('cached'), hashed: recent('hashed'), authorized: recent('authorized') };
  const lines: Line[] = [
    [
      bold(`djauthd ${report.version}`),
      `  up ${age(report.uptime_seconds)}  ${octets(report.memory_bytes)}  PBKDF2 by ${report.pbkdf2}`,
    ],
    [],
    [
      label('checks/s'),
      bold(perSecond(rate(report, 10)).padEnd(9)),
      sparkline(report.per_second.checks, Math.min(60, options.columns - 24)),
    ],
    [label('hit ratio'), bold(share(hitRatio({ durations })).padEnd(9)), `${count(report.proofs)} proofs cached`],
    [
      label('verdicts'),
      `${count(verdicts.granted)} granted  ${leased > 0 ? `${count(leased)} on lease  ` : ''}${count(verdicts.denied)} denied  `,
      warning(`${count(verdicts.busy)} busy`, verdicts.busy > 0),
      '  ',
      warning(`${count(verdicts.error)} error`, verdicts.error > 0),
    ],
    [],
    [dim(`${''.padEnd(12)}${'p50'.padStart(9)}${'p95'.padStart(9)}${'p99'.padStart(9)}${'answered'.padStart(12)}`)],
    ...SOURCES.map((source): Line => {
      const times = [0.5, 0.95, 0.99].map((each) => duration(quantile(durations[source], each)).padStart(9)).join('');
      return [label(source), `${times}${count(report.durations[source].count).padStart(12)}`];
    }),
    [],
    [
      label('hash queue'),
      `${hashing.running} of ${hashing.workers} workers active, waiting: ${count(hashing.waiting.returning)} returning, `,
      `${count(hashing.waiting.greylisted)} greylisted, ${count(hashing.waiting.other)} other ` +
        `(capacity ${count(hashing.queue_capacity)} returning, as many others)`,
      hashing.computed > 0 ? `, ${duration(hashing.average_seconds)} per hash` : '',
    ],
    [
      label('clients'),
      `${count(connections.open)} of ${count(connections.limit)} connections, ${count(report.bad_requests)} bad requests`,
    ],
    ...throttleLines(report),
    [],
    [dim(siteLine(['SITE', 'DATABASE', 'SINCE', 'CONN', 'GRANTED', 'DENIED', 'BUSY', 'ERROR'], report))],
    ...report.sites.flatMap((site) => siteLines(site, report)),
  ];
  if (report.sites_omitted > 0) lines.push([dim(`${count(report.sites_omitted)} more omitted`)]);
  return lines.slice(0, options.rows).map((line) => render(line, options));
}

/** Nothing if nobody has been refused. */
function throttleLines({ throttle: { refusals, refused } }: Report): Line[] {
  if (DEBTORS.every((kind) => refusals[kind] === 0)) return [];
  const counts = DEBTORS.map((kind) => `${count(refusals[kind])} by ${kind}`).join(', ');
  const rows = refused.map(({ kind, site, who, seconds }): Line => {
    const where = site === '' ? '' : ` of ${site}`;
    return [`  ${kind} ${who}${where}: for ${duration(seconds)}`];
  });
  return [[label('throttled'), warning(counts, refused.length > 0)], ...rows];
}

interface Span {
  readonly text: string;
  readonly code: string;
}
type Line = readonly (string | Span)[];

const bold = (text: string): Span => ({ text, code: '1' });
const dim = (text: string): Span => ({ text, code: '2' });
const warning = (text: string, on: boolean): Span | string => (on ? { text, code: '31' } : text);
const label = (text: string): Span => dim(text.padEnd(12));

/** Cuts a line at the last column, counting characters, before colour is added. */
function render(line: Line, { columns, colour }: ScreenOptions): string {
  let left = columns;
  return line
    .map((part) => {
      const { text, code } = typeof part === 'string' ? { text: part, code: '' } : part;
      const shown = [...text].slice(0, left).join('');
      left -= Math.min(left, [...text].length);
      return colour && code && shown ? `\u001b[${code}m${shown}\u001b[0m` : shown;
    })
    .join('')
    .trimEnd();
}

const LEVELS = [...'▁▂▃▄▅▆▇█'];

function sparkline(values: readonly number[], width: number): string {
  if (width < 1) return '';
  const shown = values.slice(-width);
  const peak = Math.max(...shown, 1);
  return shown.map((value) => (value === 0 ? ' ' : LEVELS[Math.ceil((value / peak) * LEVELS.length) - 1])).join('');
}

function siteLine([name = '', ...rest]: readonly string[], { sites }: Report): string {
  const width = Math.min(32, Math.max(4, ...sites.map((site) => [...site.name].length)));
  const [state = '', since = '', ...numbers] = rest;
  return [
    fitted(name, width),
    state.padEnd(9),
    since.padStart(9),
    ...numbers.map((number, index) => number.padStart([8, 10, 9, 7, 8][index] ?? 8)),
  ].join(' ');
}

function fitted(text: string, width: number): string {
  const characters = [...text];
  return characters.length > width
    ? `${characters.slice(0, width - 1).join('')}…`
    : text + ' '.repeat(width - characters.length);
}

function siteLines({ name, verdicts, database }: SiteReport, report: Report): Line[] {
  const { up, state_seconds, connections, last_failure } = database;
  const used = connections ? `${connections.open - connections.idle}/${connections.limit}` : '-';
  const numbers = [verdicts.granted, verdicts.denied, verdicts.busy, verdicts.error].map(count);
  const state = up === null ? 'unknown' : up ? 'up' : 'DOWN';
  const line = siteLine([name, state, up === null ? '' : age(state_seconds), used, ...numbers], report);
  const reason = up === false && last_failure ? [[warning(`  ${last_failure.message}`, true)]] : [];
  return [[warning(line, up === false)], ...reason];
}
