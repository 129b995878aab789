// Runs a command now and each time a source file changes.   tsx scripts/watch.ts COMMAND [ARGUMENT...]
import { type ChildProcess, spawn } from 'node:child_process';
import { watch } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const FOLDERS = ['daemon', 'protocol', 'test'];
/** Editors write a file in several steps: changes within this time, in ms, are one change. */
const SETTLE_MS = 150;

/** Calls `changed` after each burst of changes to the sources below `folders`. */
export function onChange(folders: readonly string[], changed: () => void): void {
  let timer: NodeJS.Timeout | undefined;
  for (const folder of folders) {
    watch(join(root, folder), { recursive: true }, (_, file) => {
      if (!/\.(ts|json|py|c)$/.test(file ?? '')) return;
      clearTimeout(timer);
      timer = setTimeout(changed, SETTLE_MS);
    });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [program = 'true', ...given] = process.argv.slice(2);
  let running: ChildProcess | undefined;
  const run = () => {
    running?.kill();
    running = spawn(program, given, { cwd: root, stdio: 'inherit' });
  };
  onChange(FOLDERS, run);
  run();
}
