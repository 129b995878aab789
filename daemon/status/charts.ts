import type { Way } from '../metrics/counters.ts';
import { BOUNDS, type HistogramReport } from '../metrics/histogram.ts';
import type { Report } from '../metrics/report.ts';
import { html, type Markup } from './markup.ts';
import { count, took } from './units.ts';

/** Of the drawing, in its own units: it is stretched to the width that there is. */
const HEIGHT = 100;

/** The last seconds, as an area; how many of the checks were hashed in front of it. */
export function course({ checks, hashed }: Report['recent'], title: string): Markup {
  const most = Math.max(...checks, 1);
  const place = (value: number, at: number) => `${at},${tenth(HEIGHT - (HEIGHT - 2) * (value / most))}`;
  const area = (values: readonly number[]) =>
    `0,${HEIGHT} ${values.map(place).join(' ')} ${values.length - 1},${HEIGHT}`;
  return html`<svg class="course" role="img" viewBox="0 0 ${checks.length - 1} ${HEIGHT}" preserveAspectRatio="none"><title>${title}</title>
<polygon class="all" points="${area(checks)}"/><polyline class="all" points="${checks.map(place).join(' ')}"/>
<polygon class="hashed" points="${area(hashed)}"/></svg>`;
}

/** How full something is. */
export function bar(value: number, most: number, title: string, kind = 'all'): Markup {
  const percent = most > 0 ? Math.min(100, (100 * value) / most) : 0;
  // What is there is to be seen, be it ever so little.
  const width = value > 0 ? Math.max(1, tenth(percent)) : 0;
  return html`<svg class="bar" role="img"><title>${title}</title><rect class="room" width="100%" height="100%"/>
<rect class="${kind}" width="${width}%" height="100%"/></svg>`;
}

/** A row for each bucket, from the first that has any to the last. */
export function histogram({ counts, count: all }: HistogramReport, way: Way): Markup {
  if (all === 0) return html``;
  const first = counts.findIndex((own) => own > 0);
  const last = counts.findLastIndex((own) => own > 0);
  const most = Math.max(...counts);
  const rows = counts.slice(first, last + 1).map((own, at) => {
    const bound = BOUNDS[first + at];
    const label = bound === undefined ? `over ${took(BOUNDS.at(-1))}` : `≤ ${took(bound)}`;
    return html`<tr><th scope="row">${label}</th><td class="bars">${bar(own, most, `${label}: ${own}`, way)}</td><td>${count(own)}</td></tr>`;
  });
  return html`<table class="plain">${rows}</table>`;
}

function tenth(value: number): number {
  return Math.round(value * 10) / 10;
}
