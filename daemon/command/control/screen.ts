import { WAYS } from '../../metrics/counters.ts';
import { between, type HistogramReport, quantile } from '../../metrics/histogram.ts';
import { hitRatio, type Report, rate, type SiteReport } from '../../metrics/report.ts';
import { count, lasting, octets, perSecond, share, took } from '../../status/units.ts';

export interface ScreenOptions {
  /** Columns and rows; a line that is longer is cut off, rows that are too many are left out. */
  readonly columns: number;
  readonly rows: number;
  readonly colour: boolean;
}

const WAY_NAMES = { cached: 'known', hashed: 'hashed', authorized: 'elsewhere' } as const;

/**
 * A report as lines for a terminal. Latencies and the share of passwords known are of the time since `before`, where
 * there is one and anything has happened since; else of the time since the start.
 */
export function screen(report: Report, options: ScreenOptions, before?: Report): string[] {
  const { verdicts, hashing, connections } = report;
  const durations = (way: (typeof WAYS)[number]): HistogramReport => {
    const all = report.durations[way];
    const lately =
      before?.uptime !== undefined && before.uptime <= report.uptime && between(before.durations[way], all);
    return lately && lately.count > 0 ? lately : all;
  };
  const lately = { cached: durations('cached'), hashed: durations('hashed'), authorized: durations('authorized') };
  const lines: Line[] = [
    [
      bold(`djauthd ${report.version}`),
      `  up ${lasting(report.uptime)}  ${octets(report.memory)}  PBKDF2 by ${report.pbkdf2}`,
    ],
    [],
    [
      label('checks/s'),
      bold(perSecond(rate(report, 10)).padEnd(9)),
      sparkline(report.recent.checks, Math.min(60, options.columns - 24)),
    ],
    [
      label('known'),
      bold(share(hitRatio({ durations: lately })).padEnd(9)),
      `${count(report.proofs)} passwords remembered`,
    ],
    [
      label('verdicts'),
      `${count(verdicts.granted)} granted  ${count(verdicts.denied)} denied  `,
      warning(`${count(verdicts.busy)} busy`, verdicts.busy > 0),
      '  ',
      warning(`${count(verdicts.error)} faults`, verdicts.error > 0),
    ],
    [],
    [dim(`${''.padEnd(12)}${'50 %'.padStart(9)}${'95 %'.padStart(9)}${'99 %'.padStart(9)}${'answers'.padStart(12)}`)],
    ...WAYS.map((way): Line => {
      const times = [0.5, 0.95, 0.99].map((each) => took(quantile(lately[way], each)).padStart(9)).join('');
      return [label(WAY_NAMES[way]), `${times}${count(report.durations[way].count).padStart(12)}`];
    }),
    [],
    [
      label('hash queue'),
      `${hashing.running} of ${hashing.workers} running, `,
      `${count(hashing.waiting.known)} known and ${count(hashing.waiting.stranger)} others of ${count(hashing.room)} wait`,
      hashing.computed > 0 ? `, ${took(hashing.average)} each` : '',
    ],
    [
      label('clients'),
      `${count(connections.open)} of ${count(connections.most)} connections, ${count(report.bad_requests)} closed for misuse`,
    ],
    [],
    [dim(siteLine(['SITE', 'DATABASE', 'SINCE', 'CONN', 'GRANTED', 'DENIED', 'BUSY', 'FAULTS'], report))],
    ...report.sites.flatMap((site) => siteLines(site, report)),
  ];
  if (report.sites_left_out > 0) lines.push([dim(`and ${report.sites_left_out} more`)]);
  return lines.slice(0, options.rows).map((line) => drawn(line, options));
}

interface Span {
  readonly text: string;
  readonly code: string;
}
type Line = readonly (string | Span)[];

const bold = (text: string): Span => ({ text, code: '1' });
const dim = (text: string): Span => ({ text, code: '2' });
const warning = (text: string, so: boolean): Span | string => (so ? { text, code: '31' } : text);
const label = (text: string): Span => dim(text.padEnd(12));

/** Cut off at the last column, by characters, and only then coloured. */
function drawn(line: Line, { columns, colour }: ScreenOptions): string {
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
  const most = Math.max(...shown, 1);
  return shown.map((value) => (value === 0 ? ' ' : LEVELS[Math.ceil((value / most) * LEVELS.length) - 1])).join('');
}

function siteLine([name = '', ...rest]: readonly string[], { sites }: Report): string {
  const width = Math.min(32, Math.max(4, ...sites.map((site) => [...site.name].length)));
  const [state = '', since = '', ...numbers] = rest;
  return [
    fitted(name, width),
    state.padEnd(9),
    since.padStart(9),
    ...numbers.map((number, at) => number.padStart([8, 10, 9, 7, 8][at] ?? 8)),
  ].join(' ');
}

function fitted(text: string, width: number): string {
  const characters = [...text];
  return characters.length > width
    ? `${characters.slice(0, width - 1).join('')}…`
    : text + ' '.repeat(width - characters.length);
}

function siteLines({ name, verdicts, database }: SiteReport, report: Report): Line[] {
  const { up, since, connections, last_failure } = database;
  const used = connections ? `${connections.open - connections.idle}/${connections.limit}` : '-';
  const numbers = [verdicts.granted, verdicts.denied, verdicts.busy, verdicts.error].map(count);
  const state = up === null ? 'unknown' : up ? 'up' : 'DOWN';
  const line = siteLine([name, state, up === null ? '' : lasting(since), used, ...numbers], report);
  const why = up === false && last_failure ? [[warning(`  ${last_failure.message}`, true)]] : [];
  return [[warning(line, up === false)], ...why];
}
