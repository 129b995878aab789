import type { Source } from '../metrics/counters.ts';
import { BOUNDS, type HistogramReport } from '../metrics/histogram.ts';
import type { Report } from '../metrics/report.ts';
import { html, type Markup } from './markup.ts';
import { count, duration } from './units.ts';

/** The height of a chart's coordinate system. The chart is scaled to the available width. */
const HEIGHT = 100;

/** The next number from `value` on that reads well at the top of an axis, and whose half does too. */
export function axisTop(value: number): number {
  if (value <= 2) return 2;
  const unit = 10 ** Math.floor(Math.log10(value));
  return Math.ceil([1, 2, 4, 6, 8, 10].find((step) => step * unit >= value) as number) * unit;
}

/** An area chart of some seconds up to now: all checks, and in front of them those that were hashed. Its top is `top`. */
export function rateChart({ checks, hashed }: Report['per_second'], top: number, title: string): Markup {
  const point = (value: number, index: number) => `${index},${tenth(HEIGHT - HEIGHT * (value / top))}`;
  const area = (values: readonly number[]) =>
    `0,${HEIGHT} ${values.map(point).join(' ')} ${values.length - 1},${HEIGHT}`;
  const end = Math.max(1, checks.length - 1);
  return html`<svg class="rates" role="img" viewBox="0 0 ${end} ${HEIGHT}" preserveAspectRatio="none"><title>${title}</title>
<path class="grid" d="M0 0H${end}M0 ${HEIGHT / 2}H${end}"/>
<polygon class="all" points="${area(checks)}"/><polyline class="all" points="${checks.map(point).join(' ')}"/>
<polygon class="hashed" points="${area(hashed)}"/></svg>`;
}

/** A horizontal bar for a value of 0 to `limit`. */
export function bar(value: number, limit: number, title: string, kind = 'all'): Markup {
  const percent = limit > 0 ? Math.min(100, (100 * value) / limit) : 0;
  // Anything but zero is visible, however small.
  const width = value > 0 ? Math.max(1, tenth(percent)) : 0;
  return html`<svg class="bar" role="img"><title>${title}</title><rect class="track" width="100%" height="100%"/>
<rect class="${kind}" width="${width}%" height="100%"/></svg>`;
}

/** One row per bucket, from the first to the last that is not empty. */
export function histogram({ buckets, count: all }: HistogramReport, source: Source): Markup {
  if (all === 0) return html``;
  const first = buckets.findIndex((own) => own > 0);
  const last = buckets.findLastIndex((own) => own > 0);
  const peak = Math.max(...buckets);
  const rows = buckets.slice(first, last + 1).map((own, index) => {
    const bound = BOUNDS[first + index];
    const label = bound === undefined ? `> ${duration(BOUNDS.at(-1))}` : `≤ ${duration(bound)}`;
    return html`<tr><th scope="row">${label}</th><td class="bars">${bar(own, peak, `${label}: ${own}`, source)}</td><td>${count(own)}</td></tr>`;
  });
  return html`<table class="plain">${rows}</table>`;
}

function tenth(value: number): number {
  return Math.round(value * 10) / 10;
}
