import type { Measurement } from './case.ts';
import type { KeyName } from './keys.ts';
import { figure, type Results } from './report.ts';

interface Bar {
  readonly label: string;
  readonly value: number;
  readonly unit: string;
  readonly ours: boolean;
}

interface Panel {
  /** Lines that fit. */
  readonly title: readonly string[];
  /** For figures so far apart that small bars would be invisible. */
  readonly logarithmic: boolean;
  readonly bars: readonly Bar[];
}

/** Of a telephone, at which text keeps its size: no wider, so that nobody's page makes it smaller. */
const WIDTH = 360;
const LEFT = 10;
/** Space for the figure after the longest bar. */
const TAIL = 102;
/** A label above its bar. */
const LABEL = 17;
const BAR = 18;
const GAP = 8;
const HEAD = 24;
const LINE = 17;
const RULER = 28;
const MARK = 13;

/** Draws bars: requests per second behind each kind of protection, and the time of one hash. */
export function toSvg(results: Results): string {
  const panels = panelsOf(results);
  let y = 8;
  const drawn = panels.map((panel) => {
    const drawing = draw(panel, y);
    y += headOf(panel) + panel.bars.length * (LABEL + BAR + GAP) + RULER;
    return drawing;
  });
  const { machine } = results;
  const foot = [
    `${machine.date}, ${machine.cores} cores of ${machine.cpu}`,
    `Apache ${machine.versions.Apache}, Django ${machine.versions.Django}; npm run bench`,
  ];
  const height = y + 8 + foot.length * LINE;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img">
<title>djauthd and its alternatives</title>
<style>
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600; font-size: 14px }
  .small { font-size: 12px; fill: #59636e }
  .bar { fill: #8c959f } .ours { fill: #0c7c59 }
  line { stroke: #8c959f; stroke-opacity: .35 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } .small { fill: #9198a1 }
    .bar { fill: #656c76 } .ours { fill: #2ea77d }
  }
</style>
${drawn.join('\n')}
${foot.map((line, at) => text(line, LEFT, y + 12 + at * LINE, 'small')).join('\n')}
</svg>
`;
}

function panelsOf({ measurements }: Results): Panel[] {
  const get = (key: KeyName) => measurements.get(key);
  const open = get('apache_cached_vs_open');
  const others = [get('apache_cached_vs_dbd_socache'), get('apache_cached_vs_htpasswd_bcrypt')];
  const requests = [
    other(open, 'no authentication'),
    ours(open, 'djauthd'),
    ours(get('apache_nolease_vs_open'), 'djauthd, no leases'),
    ...others.map((each) => other(each)),
    other(get('apache_cached_vs_modwsgi')),
    other(get('apache_cached_vs_fcgi')),
  ];
  const cold = [
    other(get('cold_vs_django'), "Django's check_password"),
    ours(get('cold_vs_django'), 'djauthd, through the socket'),
    other(get('cold_vs_limit'), 'the block function alone'),
  ];
  return [
    {
      title: ['Apache: requests per second for one page', '8 keep-alive connections; more is better'],
      logarithmic: true,
      bars: requests.flatMap((bar) => bar ?? []),
    },
    {
      title: ['The first check of a password, in ms', 'PBKDF2, 600,000 iterations; less is better'],
      logarithmic: false,
      bars: cold.flatMap((bar) => bar ?? []),
    },
  ].filter(({ bars }) => bars.length > 0);
}

function ours(measurement: Measurement | undefined, label: string): Bar | undefined {
  return measurement && { label, value: measurement.ours.value, unit: measurement.ours.unit, ours: true };
}

function other(measurement: Measurement | undefined, label?: string): Bar | undefined {
  if (!measurement) return undefined;
  const { what, value, unit } = measurement.other;
  return { label: label ?? what, value, unit, ours: false };
}

/** A scale is named where it starts: a bar twice as long is ten times as much, not twice. */
function scaleLine({ logarithmic }: Panel): string {
  return logarithmic ? 'Logarithmic axis: each line is ten times the one before' : 'Linear axis, from 0';
}

function headOf({ title }: Panel): number {
  return HEAD + (title.length + 1) * LINE;
}

function draw(panel: Panel, top: number): string {
  const { title, logarithmic, bars } = panel;
  const values = bars.map(({ value }) => value);
  const room = WIDTH - LEFT - TAIL;
  const { marks, share } = logarithmic ? logarithmicScale(values) : linearScale(values);
  const across = (value: number) => LEFT + room * share(value);
  const first = top + headOf(panel);
  const bottom = first + bars.length * (LABEL + BAR + GAP) - GAP;
  const heads = [...title, scaleLine(panel)].map((line, at) =>
    text(line, LEFT, top + 20 + at * LINE, at === 0 ? 'title' : 'small'),
  );
  const ruler: string[] = [];
  for (const mark of marks) {
    const x = round(across(mark));
    ruler.push(`<line x1="${x}" y1="${first - 4}" x2="${x}" y2="${bottom + 4}"/>`);
    ruler.push(
      `<text class="small" x="${x}" y="${bottom + 4 + MARK}" text-anchor="${mark === marks[0] ? 'start' : 'middle'}">${figure(mark)}</text>`,
    );
  }
  const rows = bars.map(({ label, value, unit, ours: own }, at) => {
    const y = first + at * (LABEL + BAR + GAP);
    const width = Math.max(across(value) - LEFT, 1);
    return `${text(label, LEFT, y + 12)}
<rect class="bar${own ? ' ours' : ''}" x="${LEFT}" y="${y + LABEL}" width="${round(width)}" height="${BAR}" rx="2"/>
${text(`${figure(value)} ${shortened(unit)}`, LEFT + width + 6, y + LABEL + 14)}`;
  });
  return [...heads, ...ruler, ...rows].join('\n');
}

function shortened(unit: string): string {
  return unit === 'requests/s' ? '/s' : unit;
}

function text(content: string, x: number, y: number, kind?: string): string {
  const named = kind === undefined ? '' : ` class="${kind}"`;
  return `<text${named} x="${round(x)}" y="${round(y)}">${escaped(content)}</text>`;
}

interface Scale {
  readonly marks: readonly number[];
  /** The position of a value, from 0 (left) to 1. */
  share(value: number): number;
}

function logarithmicScale(values: readonly number[]): Scale {
  const first = Math.ceil(Math.log10(Math.min(...values))) - 1;
  const last = Math.ceil(Math.log10(Math.max(...values)));
  return {
    marks: Array.from({ length: last - first + 1 }, (_, at) => 10 ** (first + at)),
    share: (value) => (Math.log10(value) - first) / (last - first),
  };
}

function linearScale(values: readonly number[]): Scale {
  const most = Math.max(...values);
  const power = 10 ** Math.floor(Math.log10(most));
  const step = [power / 5, power / 2, power, 2 * power].find((each) => most / each <= 6) ?? power;
  const count = Math.ceil(most / step);
  return {
    marks: Array.from({ length: count + 1 }, (_, at) => at * step),
    share: (value) => value / (count * step),
  };
}

function round(value: number): string {
  return value.toFixed(1);
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
