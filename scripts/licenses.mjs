// Prints the license texts of the packages of npm that are in the daemon's bundles, for archives that carry them. Run after the
// build, which says which those are.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

for (const name of JSON.parse(readFileSync(join(root, 'build/bundled.json'), 'utf8'))) {
  const directory = join(root, 'node_modules', name);
  const { version, license } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
  const texts = readdirSync(directory).filter((file) => /^(licen[cs]e|notice)/i.test(file));
  console.log(`=== ${name} ${version}: ${license}\n`);
  for (const file of texts) console.log(readFileSync(join(directory, file), 'utf8').trimEnd(), '\n');
}
