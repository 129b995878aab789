import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Command } from 'commander';
import { buildAll } from './build.ts';
import type { Case, Measurement, Revocation } from './case.ts';
import { cases } from './cases.ts';
import { writeDocuments } from './documents.ts';
import { type KeyName, keys } from './keys.ts';
import { describeMachine } from './machine.ts';
import { fromJson, type Results, revocationsToMarkdown, toJson, toMarkdown } from './report.ts';
import { Stage } from './stage.ts';
import { toSvg } from './svg.ts';

/*
 * npm run bench [-- KEY... --json FILE --svg FILE --quick --only CASE... --no-write --from FILE]
 *
 * Measures djauthd and its alternatives in one run on one machine, prints the tables, and writes them into README.md and
 * docs/performance.md and the plot into test/bench/bench.svg. Exits 1 if a key is missing at the end. A figure that
 * misses its aim is bold; it is not a failure.
 */

interface Options {
  json?: string;
  svg?: string;
  quick?: boolean;
  only?: string[];
  write: boolean;
  from?: string;
}

// process.exit() runs the fixtures' exit handlers, which stop everything that was started.
process.setMaxListeners(100); // of each server's fixture
process.on('SIGINT', () => process.exit(130));
process.on('SIGTERM', () => process.exit(143));

const FOLDER = import.meta.dirname;
const ROOT = join(FOLDER, '../..');

const program = new Command('npm run bench --')
  .argument('[key...]', 'only these keys, or cases; a case measures at once all keys that need the same servers')
  .option('--json <file>', 'write every figure there (build/bench.json)')
  .option('--svg <file>', 'write the plot there (test/bench/bench.svg; build/bench.svg where not all is measured)')
  .option('--quick', 'few and short rounds, to see that everything works')
  .option('--only <case...>', `of ${cases.map(({ name }) => name).join(', ')}`)
  .option('--no-write', 'leave README.md and docs/performance.md as they are')
  .option('--from <file>', 'measure nothing: print, write and draw what an earlier run wrote with --json')
  .parse();
const options = program.opts<Options>();
const chosen = choose([...program.args, ...(options.only ?? [])]);
/** Only these figures may be quoted. */
const whole = chosen.cases.length === cases.length && chosen.keys.size === keys.length && !options.quick;

const startedAt = performance.now();
const progress = (what: string) => {
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  process.stderr.write(`[${String(seconds).padStart(3)} s] ${what}\n`);
};

if (options.from === undefined) buildAll(progress);
const results = options.from === undefined ? await measure() : fromJson(readFileSync(options.from, 'utf8'));
if (options.from === undefined) {
  write(options.json ?? join(ROOT, 'build/bench.json'), `${JSON.stringify(toJson(results), null, 2)}\n`);
}
const quotable = whole && !results.quick;
write(options.svg ?? join(quotable ? FOLDER : join(ROOT, 'build'), 'bench.svg'), toSvg(results));
process.stdout.write(`${toMarkdown(results)}\n`);
if (results.revocations.length > 0) process.stdout.write(`\n${revocationsToMarkdown(results)}\n`);

const missing = [...chosen.keys].filter((name) => !results.measurements.has(name));
for (const [name, why] of results.failures) process.stderr.write(`${name} failed: ${why}\n`);
if (missing.length > 0) process.stderr.write(`missing: ${missing.join(', ')}\n`);
if (quotable && options.write) for (const part of writeDocuments(results)) process.stdout.write(`\n${part}`);
progress('done');
process.exit(missing.length > 0 ? 1 : 0);

/** The cases and keys that are meant by names of either. */
function choose(names: readonly string[]): { cases: readonly Case[]; keys: ReadonlySet<KeyName> } {
  const unknown = names.find(
    (name) => !cases.some((each) => each.name === name || each.keys.some((key) => key === name)),
  );
  if (unknown !== undefined) program.error(`there is no key or case "${unknown}"; see test/bench/README.md`);
  const all = names.length === 0;
  const meant = cases.filter(
    (each) => all || names.includes(each.name) || each.keys.some((key) => names.includes(key)),
  );
  const wanted = meant.flatMap((each) =>
    each.keys.filter((key) => all || names.includes(each.name) || names.includes(key)),
  );
  return { cases: meant, keys: new Set(wanted) };
}

async function measure(): Promise<Results> {
  const measurements = new Map<string, Measurement>();
  const revocations: Revocation[] = [];
  const failures = new Map<string, string>();
  const notes: Record<string, unknown> = {};
  let label = '';
  const stage = new Stage(options.quick ?? false, chosen.keys, (what) => progress(`${label}${what}`));
  try {
    for (const [at, each] of chosen.cases.entries()) {
      label = `${at + 1}/${chosen.cases.length} ${each.name}: `;
      try {
        const outcome = await each.run(stage);
        for (const measurement of outcome.measurements) measurements.set(measurement.key, measurement);
        revocations.push(...(outcome.revocations ?? []));
        Object.assign(notes, outcome.notes);
        if (outcome.failures?.length) failures.set(each.name, outcome.failures.join('\n'));
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
  return {
    machine: describeMachine(),
    command,
    quick: options.quick ?? false,
    measurements,
    revocations,
    notes: { ...notes, seconds: Math.round((performance.now() - startedAt) / 1000) },
    failures,
  };
}

function write(file: string, content: string): void {
  const path = resolve(file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}
