import { BOUNDS } from './histogram.ts';
import type { Report } from './report.ts';
import { METRICS } from './table.ts';

/*
 * Not prom-client: it keeps numbers of its own, which are found by hashing their labels at each increment. What would be
 * used of it is what stands here.
 */

export const PROMETHEUS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** The table in the text format that Prometheus reads, version 0.0.4. */
export function toPrometheus(report: Report): string {
  return METRICS.map((metric) => {
    const name = `djauthd_${metric.name}`;
    const lines = [`# HELP ${name} ${metric.help}`, `# TYPE ${name} ${metric.kind}`];
    const line = (suffix: string, names: readonly string[], values: readonly string[], value: number) =>
      lines.push(`${name}${suffix}${labelled(names, values)} ${value}`);
    if (metric.kind === 'histogram') {
      for (const [values, { count, sum, counts }] of metric.read(report)) {
        let below = 0;
        for (const [at, bound] of BOUNDS.entries()) {
          below += counts[at] as number;
          line('_bucket', [...metric.labels, 'le'], [...values, String(bound)], below);
        }
        line('_bucket', [...metric.labels, 'le'], [...values, '+Inf'], count);
        line('_sum', metric.labels, values, sum);
        line('_count', metric.labels, values, count);
      }
    } else {
      for (const [values, value] of metric.read(report)) line('', metric.labels, values, value);
    }
    return `${lines.join('\n')}\n`;
  }).join('');
}

function labelled(names: readonly string[], values: readonly string[]): string {
  if (names.length === 0) return '';
  return `{${names.map((name, at) => `${name}="${escaped(values[at] as string)}"`).join(',')}}`;
}

/** The only three that would end a label or its line. */
function escaped(value: string): string {
  return value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');
}
