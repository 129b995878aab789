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
  readonly title: string;
  /** For figures so far apart that small bars would be invisible. */
  readonly logarithmic: boolean;
  readonly bars: readonly Bar[];
}

const WIDTH = 760;
const LABEL = 210;
const BAR = 22;
const GAP = 8;
const HEAD = 44;
const RULER = 28;
/** Space for the figure after the longest bar. */
const TAIL = 130;

/** Draws bars: requests per second behind each kind of protection, and the time of one hash. */
export function toSvg(results: Results): string {
  const panels = panelsOf(results);
  let y = 8;
  const drawn = panels.map((panel) => {
    const drawing = draw(panel, y);
    y += HEAD + panel.bars.length * (BAR + GAP) + RULER;
    return drawing;
  });
  const { machine } = results;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y + 24}" viewBox="0 0 ${WIDTH} ${y + 24}" role="img">
<title>djauthd and its alternatives</title>
<style>
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600; font-size: 14px }
  .small { font-size: 11px; fill: #59636e }
  .bar { fill: #8c959f } .ours { fill: #0c7c59 }
  line { stroke: #8c959f; stroke-opacity: .35 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } .small { fill: #9198a1 }
    .bar { fill: #656c76 } .ours { fill: #2ea77d }
  }
</style>
${drawn.join('\n')}
<text class="small" x="8" y="${y + 12}">${escaped(`${machine.date}, ${machine.cores} cores of ${machine.cpu}, Apache ${machine.versions.Apache}, Django ${machine.versions.Django}; npm run bench`)}</text>
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
    ...others.map((each) => other(each)),
    other(get('apache_cached_vs_modwsgi')),
  ];
  const cold = [
    other(get('cold_vs_django'), "Django's check_password"),
    ours(get('cold_vs_django'), 'djauthd, through the socket'),
    other(get('cold_vs_limit'), 'the block function alone'),
  ];
  return [
    {
      title: 'Apache, requests per second for one page (8 keep-alive connections, more is better)',
      logarithmic: true,
      bars: requests.flatMap((bar) => bar ?? []),
    },
    {
      title: 'The first check of a password, PBKDF2 with 600,000 iterations, in ms (less is better)',
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

function draw({ title, logarithmic, bars }: Panel, top: number): string {
  const values = bars.map(({ value }) => value);
  const room = WIDTH - LABEL - TAIL;
  const { marks, share } = logarithmic ? logarithmicScale(values) : linearScale(values);
  const across = (value: number) => room * share(value);
  const bottom = top + HEAD + bars.length * (BAR + GAP) - GAP;
  const ruler: string[] = [];
  for (const mark of marks) {
    const x = LABEL + across(mark);
    ruler.push(`<line x1="${round(x)}" y1="${top + HEAD - 10}" x2="${round(x)}" y2="${bottom + 4}"/>`);
    ruler.push(`<text class="small" x="${round(x)}" y="${bottom + 18}" text-anchor="middle">${figure(mark)}</text>`);
  }
  const rows = bars.map(({ label, value, unit, ours: own }, at) => {
    const y = top + HEAD + at * (BAR + GAP);
    const width = Math.max(across(value), 1);
    return `<text x="${LABEL - 8}" y="${y + 16}" text-anchor="end">${escaped(label)}</text>
<rect class="bar${own ? ' ours' : ''}" x="${LABEL}" y="${y}" width="${round(width)}" height="${BAR}" rx="2"/>
<text x="${round(LABEL + width + 6)}" y="${y + 16}">${escaped(`${figure(value)} ${unit}`)}</text>`;
  });
  return [`<text class="title" x="8" y="${top + 20}">${escaped(title)}</text>`, ...ruler, ...rows].join('\n');
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
