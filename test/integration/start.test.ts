import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { VERSION } from '../../daemon/version.ts';
import { PROGRAM } from '../fixtures/daemon.ts';

/** A copy of the build to damage. `rejected`: whether V8 rejects the compiled code; undefined if V8 is not given it. */
function copyOf(t: Test) {
  const directory = mkdtempSync(join(tmpdir(), 'djauthd-l-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  for (const name of ['djauthd', 'djauthd.js', 'djauthd.cache', 'package.json']) {
    cpSync(join(dirname(PROGRAM), name), join(directory, name));
  }
  const program = join(directory, 'djauthd');
  // With the flags that the shell passes: V8 compiles for them.
  const flags = /exec "\$NODE" (.*) "\$0"/.exec(readFileSync(program, 'utf8'))?.[1]?.split(' ') as string[];
  const print = 'console.log(String(require(process.argv[1]).compile().cachedDataRejected))';
  // tap's hooks in child processes cannot load a file without an extension.
  const module = `${program}.cjs`;
  cpSync(program, module);
  const rejected = () =>
    spawnSync(process.execPath, [...flags, '-e', print, module], { encoding: 'utf8' }).stdout.trim();
  return { directory, rejected, version: () => spawnSync(program, ['--version'], { encoding: 'utf8' }).stdout };
}

t.test('the bundle is compiled at build time', async (t) => {
  const { rejected, version } = copyOf(t);
  t.equal(rejected(), 'false');
  t.equal(version(), `${VERSION}\n`);
});

t.test('compiled code is used only for its source', async (t) => {
  const { directory, rejected, version } = copyOf(t);
  const file = join(directory, 'djauthd.js');
  // V8 itself compares only the length.
  writeFileSync(file, readFileSync(file, 'latin1').replace(JSON.stringify(VERSION), '"9.9.9"'), 'latin1');
  t.equal(rejected(), 'undefined', 'it is not given to V8');
  t.equal(version(), '9.9.9\n');
});

t.test('missing or damaged compiled code is not used', async (t) => {
  const { directory, rejected, version } = copyOf(t);
  const file = join(directory, 'djauthd.cache');
  const whole = readFileSync(file);
  for (const octets of [100_000, 40, 31, 0]) {
    truncateSync(file, octets);
    t.equal(rejected(), 'undefined');
    t.equal(version(), `${VERSION}\n`);
  }
  whole[whole.length >> 1] = (whole[whole.length >> 1] as number) ^ 1;
  writeFileSync(file, whole);
  t.equal(rejected(), 'undefined');
  rmSync(file);
  t.equal(rejected(), 'undefined');
  t.equal(version(), `${VERSION}\n`);
});
