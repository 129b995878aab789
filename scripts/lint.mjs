// npm run lint: style, and that no generated document is behind its source. A check that is added goes on the list.
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

const CHECKS = [
  ['npx', 'biome', 'check', '--error-on-warnings', '.'],
  ['node', 'scripts/check-imports.mjs'],
  ['node', 'scripts/check-lock.mjs'],
  ['node', 'scripts/protocol-examples.mjs', '--check'],
  ['node', 'scripts/directives.mjs', '--check'],
  ['npx', 'tsx', 'scripts/docs.mjs', '--check'],
  ['npx', 'tsx', 'scripts/metrics-doc.mjs', '--check'],
];

function run([program, ...words]) {
  return new Promise((resolve) => {
    const child = spawn(program, words, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
    child.on('error', () => resolve(false)).on('exit', (code) => resolve(code === 0));
  });
}

const passed = await Promise.all(CHECKS.map(run));
const failed = CHECKS.filter((_, i) => !passed[i]);
for (const words of failed) console.error(`lint: failed: ${words.join(' ')}`);
process.exit(failed.length > 0 ? 1 : 0);
