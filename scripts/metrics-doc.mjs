// Writes the table of docs/metrics.md from daemon/metrics/metrics.ts; with --check fails if it is out of date.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { BOUNDS } from '../daemon/metrics/histogram.ts';
import { METRICS, PREFIX } from '../daemon/metrics/metrics.ts';

const page = fileURLToPath(new URL('../docs/metrics.md', import.meta.url));

const rows = METRICS.map(({ name, kind, labels, help }) => {
  const shown = labels.map((label) => `\`${label}\``).join(', ');
  return `| \`${PREFIX}${name}\` | ${kind} | ${shown} | ${help} |`;
});
const table = `
| metric | type | labels | description |
| --- | --- | --- | --- |
${rows.join('\n')}

Upper bounds of the histogram's buckets, in seconds: ${BOUNDS.join(', ')}.

`;

const marker = /(<!-- metrics[^\n]*-->\n)[\s\S]*(<!-- end of metrics -->)/;
const before = readFileSync(page, 'utf8');
const after = before.replace(marker, (_, start, end) => start + table + end);
if (!process.argv.includes('--check')) writeFileSync(page, after);
else if (after !== before) {
  console.error('docs/metrics.md is out of date; update it with: npx tsx scripts/metrics-doc.mjs');
  process.exit(1);
}
