import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { Measurement } from '../bench/case.ts';
import { writeDocuments } from '../bench/documents.ts';
import { type KeyName, keys } from '../bench/keys.ts';
import { fromJson, type Results, revocationsToMarkdown, toJson, toMarkdown } from '../bench/report.ts';
import { toSvg } from '../bench/svg.ts';

function measured(key: KeyName, value: number): readonly [string, Measurement] {
  const side = (what: string) => ({ what, value: 1234, unit: 'requests/s' });
  return [key, { key, value, ours: { ...side('djauthd'), detail: 'p99 3' }, other: side('the other') }];
}

const results: Results = {
  machine: { date: '2026-11-28', cpu: 'a processor', cores: 2, versions: { Apache: '2.4.1', Django: '3.2' } },
  command: 'npm run bench',
  quick: false,
  measurements: new Map([
    measured('apache_cached_vs_open', 0.94),
    measured('apache_cpu_us_per_check', 11.96),
    measured('cached_syscalls_vs_node_echo', 9),
    measured('ready_ms', 300),
  ]),
  revocations: [{ server: 'a peer', cells: ['5 min', '0', '1 h', 'knows no groups'], setting: 'its default' }],
  notes: { seconds: 1 },
  failures: new Map([['svn', 'no svn']]),
};

t.test('a figure that misses its aim is bold, one that keeps it or has none is not', async (t) => {
  const rows = toMarkdown(results).split('\n');
  const row = (key: string) => rows.find((line) => line.startsWith(`| \`${key}\``)) ?? '';
  t.match(row('apache_cached_vs_open'), '| **0.94** | ≥ 0.95 | djauthd: 1,234 requests/s (p99 3) |');
  t.match(row('apache_cpu_us_per_check'), '| 12 % | ≤ 12 % |');
  t.match(row('cached_syscalls_vs_node_echo'), '| 9 | – |');
  t.match(row('ready_ms'), '| 300 ms | ≤ 300 ms |');
  t.match(row('svn_checkout_vs_open'), '| – | ≤ 1.05 | | |', 'one that was not measured');
  for (const { name } of keys) t.ok(row(name), name);
});

t.test('the front page has some of the keys', async (t) => {
  const front = toMarkdown(results, 'front');
  t.match(front, '`apache_cached_vs_open`');
  t.notMatch(front, '`cached_syscalls_vs_node_echo`');
});

t.test('JSON is read back as it was', async (t) => {
  const again = fromJson(JSON.stringify(toJson(results)));
  t.equal(toMarkdown(again), toMarkdown(results));
  t.equal(revocationsToMarkdown(again), revocationsToMarkdown(results));
  t.equal(toSvg(again), toSvg(results));
  t.throws(() => fromJson('{}'), /no figures/);
});

t.test(
  'documents: what is between the marks is replaced, and a document without them is told what to have',
  async (t) => {
    const root = t.testdir();
    mkdirSync(join(root, 'docs'));
    const part = (name: string) => `<!-- generated: ${name}, by npm run bench -->\nstale text\n<!-- end of ${name} -->`;
    writeFileSync(join(root, 'README.md'), `before\n${part('figures')}\nafter\n`);
    writeFileSync(join(root, 'docs/performance.md'), `${part('figures')}\n${part('revocation')}\n`);
    const missing = writeDocuments(results, root);
    t.equal(missing.length, 1);
    t.match(missing[0], /README\.md has no part "revocation"[\s\S]*\| a peer \| 5 min \|/);
    const readme = readFileSync(join(root, 'README.md'), 'utf8');
    t.match(readme, /^before\n<!-- generated[\s\S]*apache_cached_vs_open[\s\S]*<!-- end of figures -->\nafter\n$/);
    t.notMatch(readme, 'stale text');
    const page = readFileSync(join(root, 'docs/performance.md'), 'utf8');
    t.match(page, '| a peer | 5 min | 0 | 1 h | knows no groups | its default |');
    writeDocuments({ ...results, revocations: [] }, root);
    t.match(readFileSync(join(root, 'docs/performance.md'), 'utf8'), '| a peer |', 'what was not measured stays');
  },
);

t.test('the plot says which axis is logarithmic, and is as wide as a telephone', async (t) => {
  const svg = toSvg(results);
  t.match(svg, /Logarithmic axis/);
  t.match(svg, /viewBox="0 0 360 /);
  const sizes = [...svg.matchAll(/font(?:-size)?: (?:\d+ )?(\d+)px/g)].map(([, size]) => Number(size));
  t.ok(sizes.length >= 3 && sizes.every((size) => size >= 12), `font sizes: ${sizes}`);
});
