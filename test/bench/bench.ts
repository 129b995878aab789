import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Command } from 'commander';
import { buildAll } from './build.ts';
import type { Case, Measurement } from './case.ts';
import { cases } from './cases.ts';
import { keys } from './keys.ts';
import { describeMachine } from './machine.ts';
import { type Results, toJson, toMarkdown } from './report.ts';
import { Stage } from './stage.ts';
import { toSvg } from './svg.ts';

/*
 * npm run bench [-- --json FILE] [--svg FILE] [--quick] [--only CASE...]
 *
 * Measures djauthd and its alternatives in one run on one machine and prints a table for the README. Exits 1 if a key
 * is missing at the end. A figure that misses its aim is marked; it is not a failure.
 */

interface Options {
  json?: string;
  svg?: string;
  quick?: boolean;
  only?: string[];
}

// process.exit() runs the fixtures' exit handlers, which stop everything that was started.
process.on('SIGINT', () => process.exit(130));
process.on('SIGTERM', () => process.exit(143));

const program = new Command('npm run bench --')
  .option('--json <file>', 'write every figure there')
  .option('--svg <file>', 'write the plot there (test/bench/bench.svg; build/bench.svg where --quick)')
  .option('--quick', 'few and short rounds, to see that everything works')
  .option('--only <case...>', `of ${cases.map(({ name }) => name).join(', ')}`)
  .parse();
const options = program.opts<Options>();
const unknown = options.only?.find((name) => !cases.some((each) => each.name === name));
if (unknown !== undefined) program.error(`there is no case "${unknown}"; see --help`);

const startedAt = performance.now();
const progress = (what: string) => {
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  process.stderr.write(`[${String(seconds).padStart(3)} s] ${what}\n`);
};

buildAll(progress);
const results = await measure();
const folder = import.meta.dirname;
const svg = options.svg ?? join(options.quick || options.only ? join(folder, '../../build') : folder, 'bench.svg');
write(svg, toSvg(results));
if (options.json !== undefined) write(options.json, `${JSON.stringify(toJson(results), null, 2)}\n`);
process.stdout.write(`${toMarkdown(results)}\n`);
progress('done');

const wanted = options.only ? chosenCases().flatMap((each) => each.keys) : keys.map(({ name }) => name);
const missing = wanted.filter((name) => !results.measurements.has(name));
for (const [name, why] of results.failures) process.stderr.write(`${name} failed: ${why}\n`);
if (missing.length > 0) process.stderr.write(`missing: ${missing.join(', ')}\n`);
process.exit(missing.length > 0 ? 1 : 0);

async function measure(): Promise<Results> {
  const measurements = new Map<string, Measurement>();
  const failures = new Map<string, string>();
  const notes: Record<string, unknown> = {};
  const chosen = chosenCases();
  let label = '';
  const stage = new Stage(options.quick ?? false, (what) => progress(`${label}${what}`));
  try {
    for (const [at, each] of chosen.entries()) {
      label = `${at + 1}/${chosen.length} ${each.name}: `;
      try {
        const outcome = await each.run(stage);
        for (const measurement of outcome.measurements) measurements.set(measurement.key, measurement);
        Object.assign(notes, outcome.notes);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        failures.set(each.name, why);
        stage.progress(`failed: ${why}`);
      }
    }
  } finally {
    await stage.close();
  }
  const command = ['npm run bench', ...(process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : [])].join(' ');
  return { machine: describeMachine(), command, quick: options.quick ?? false, measurements, notes, failures };
}

function chosenCases(): readonly Case[] {
  return cases.filter(({ name }) => options.only?.includes(name) ?? true);
}

function write(file: string, content: string): void {
  const path = resolve(file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}
