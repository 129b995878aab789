import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { attacks } from './cases.ts';
import { missed, toJson, toMarkdown } from './report.ts';
import { runAttacks } from './run.ts';

/*
 * npm run test:attack [-- --only NAME...] [--short] [--json FILE] [--iterations N]
 *
 * Attacks the built daemon as outsiders, users and programs of the host would, and prints what became of the honest.
 * Exits 1 if an aim is missed. The attackers share the machine with the daemon: they are niced, send encoded frames and
 * at most some thousand a second.
 */

process.on('SIGINT', () => process.exit(130));
process.on('SIGTERM', () => process.exit(143));

const number = (text: string): number => {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('not a number');
  return Number(text);
};
const program = new Command('npm run test:attack --')
  .option('--only <name...>', `of ${attacks.map(({ name }) => name).join(', ')}`)
  .option('--short', 'few and short attacks; their times are not judged')
  .option('--json <file>', 'write every figure there')
  .option('--iterations <n>', 'of PBKDF2; by default what gives 28 hashes per second here', number)
  .parse();
const options = program.opts<{ only?: string[]; short?: boolean; json?: string; iterations?: number }>();
const unknown = options.only?.find((name) => !attacks.some((each) => each.name === name));
if (unknown !== undefined) program.error(`there is no attack "${unknown}"; see --help`);

const startedAt = performance.now();
const progress = (what: string) => {
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  process.stderr.write(`[${String(seconds).padStart(3)} s] ${what}\n`);
};
const short = options.short ?? false;
const { rows, failures, iterations } = await runAttacks({
  only: options.only,
  short,
  iterations: options.iterations,
  progress,
});
process.stdout.write(`${toMarkdown(rows)}\n\npbkdf2_sha256 with ${iterations.toLocaleString('en')} iterations\n`);
if (options.json !== undefined) {
  mkdirSync(dirname(resolve(options.json)), { recursive: true });
  writeFileSync(options.json, `${JSON.stringify(toJson(rows), null, 2)}\n`);
}
let lost = 0;
for (const row of rows) {
  for (const { what, value, most, unit = '' } of missed(row, short)) {
    process.stderr.write(`missed: ${row.attack}: ${what}: ${value.toFixed(2)}${unit}, aim ≤ ${most}\n`);
    lost++;
  }
}
for (const [name, why] of failures) process.stderr.write(`${name} failed: ${why}\n`);
process.exit(lost + failures.size > 0 ? 1 : 0);
