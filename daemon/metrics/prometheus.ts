import { BOUNDS } from './histogram.ts';
import { METRICS, PREFIX } from './metrics.ts';
import type { Report } from './report.ts';

/*
 * Written without prom-client, which keeps its own counters and finds them by hashing their labels at each increment.
 * The output format is the only part of it that we would use.
 */

export const PROMETHEUS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** All metrics in Prometheus' text format, version 0.0.4. */
export function toPrometheus(report: Report): string {
  return METRICS.map((metric) => {
    const name = PREFIX + metric.name;
    const lines = [`# HELP ${name} ${metric.help}`, `# TYPE ${name} ${metric.kind}`];
    const line = (suffix: string, names: readonly string[], values: readonly string[], value: number) =>
      lines.push(`${name}${suffix}${labelled(names, values)} ${value}`);
    if (metric.kind === 'histogram') {
      for (const [values, { count, sum_seconds, buckets }] of metric.read(report)) {
        let cumulative = 0;
        for (const [index, bound] of BOUNDS.entries()) {
          cumulative += buckets[index] as number;
          line('_bucket', [...metric.labels, 'le'], [...values, String(bound)], cumulative);
        }
        line('_bucket', [...metric.labels, 'le'], [...values, '+Inf'], count);
        line('_sum', metric.labels, values, sum_seconds);
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
  return `{${names.map((name, index) => `${name}="${escaped(values[index] as string)}"`).join(',')}}`;
}

/** Escapes the three characters that would end a label's value or its line. */
function escaped(value: string): string {
  return value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');
}
