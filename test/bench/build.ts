import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

/** The directory of the bench's C programs. */
export const TOOLS = join(ROOT, 'build/bench');

const FLAGS = ['-std=c99', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror', '-Wshadow', '-O2', '-pthread'];

const PROGRAMS = [
  { name: 'awake', libraries: [] },
  { name: 'cputime', libraries: [] },
  { name: 'echo', libraries: [] },
  { name: 'load', libraries: [] },
  { name: 'sha256', libraries: ['-lcrypto'] },
];

/** Installs missing packages, and builds the product and the bench's tools. */
export function buildAll(progress: (what: string) => void): void {
  const run = (command: string, args: string[]) =>
    execFileSync(command, args, { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
  progress('packages');
  run('sh', ['scripts/packages.sh', 'bench']);
  progress('build');
  run('node', ['scripts/build.mjs']);
  mkdirSync(TOOLS, { recursive: true });
  for (const { name, libraries } of PROGRAMS) {
    const source = join(import.meta.dirname, 'c', `${name}.c`);
    run(process.env.CC ?? 'cc', [...FLAGS, '-o', join(TOOLS, name), source, ...libraries]);
  }
}
