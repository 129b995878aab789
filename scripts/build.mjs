// Puts everything that runs into build/: the daemon as one file with a launcher, its hash workers as another, and the C parts by make.
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { include_dir as nodeApi } from 'node-api-headers';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const out = join(root, 'build');
mkdirSync(out, { recursive: true });

/**
 * What Node is started with. V8 is held to small spaces and to giving back what it does not need, else what could go piles
 * up to more than what is kept: with 100,000 proofs 119 MB instead of 169. It costs a fifth of the checks per second, of
 * which there are more than Apache can ask for. One thread is enough for heaps this small.
 */
const FLAGS = ['--no-deprecation', '--max-semi-space-size=2', '--optimize-for-size', '--single-threaded-gc'];

const common = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  loader: { '.py': 'text' },
  define: {
    BUNDLE_DIRECTORY: '__dirname',
    'import.meta.dirname': '""',
    // pg looks at it to find out whether it runs at Cloudflare's, and Node loads all of fetch for that.
    Response: 'undefined',
  },
  plugins: [{ name: 'lean', setup: leaveOutLocales }],
  // Native code cannot be bundled; pg would like a binding that is not used here.
  external: ['better-sqlite3', 'pg-native'],
  // What Node has to read each time it starts; names stay, for stack traces.
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  logLevel: 'warning',
};
await build({
  ...common,
  entryPoints: [join(root, 'daemon/main.ts')],
  outfile: join(out, 'djauthd.js'),
  charset: 'ascii', // the launcher counts on it
});
// Each hash worker is a Node of its own: what it does not need it does not load.
await build({
  ...common,
  entryPoints: [join(root, 'daemon/hasher/worker-main.ts')],
  outfile: join(out, 'hash-worker.js'),
});
writeFileSync(join(out, 'package.json'), '{ "type": "commonjs" }\n');
// A shell reads the first line and goes on in Node; Node takes it for a string. No core file of a process that handles
// passwords: where the kernel pipes them to a program, such as systemd-coredump, a limit of 0 is not looked at, and 1 is
// what stops it (core(5), fs/coredump.c).
writeFileSync(
  join(out, 'djauthd'),
  `#!/bin/sh\n':' //; prlimit --core=1:1 --pid $$ 2>/dev/null || ulimit -c 0; exec "\${NODE:-node}" ${FLAGS.join(' ')} "$0" "$@"\n` +
    readFileSync(join(root, 'daemon/launcher.cjs'), 'utf8'),
);
chmodSync(join(out, 'djauthd'), 0o755);

buildAddon('pbkdf2', 'PBKDF2 is left to node:crypto, which is slower');
buildAddon('notify', 'systemd cannot be told that the daemon is ready');
compileAhead();

if (!process.argv.includes('--daemon')) {
  execFileSync('make', ['-s', '-C', join(root, 'client-c'), 'all'], { stdio: 'inherit' });
}

/** What V8 compiles of the bundle until the daemon is ready. The daemon does without it, and starts slower. */
function compileAhead() {
  rmSync(join(out, 'djauthd.cache'), { force: true });
  const made = spawnSync(process.execPath, [...FLAGS, join(root, 'scripts/compile-ahead.cjs'), out], {
    encoding: 'utf8',
  }); // by the same flags, or V8 refuses it
  if (made.status !== 0) console.error(`${made.stderr}the bundle is not compiled ahead: the daemon starts slower`);
}

/** zod's messages in fifty languages: those of the configuration are our own. */
function leaveOutLocales({ onLoad }) {
  onLoad({ filter: /\/zod\/v4\/locales\/index\.js$/ }, () => ({ contents: 'export {};' }));
}

/** An addon of daemon/native/. The daemon does without it: its lack stops nothing. */
function buildAddon(name, without) {
  const file = join(out, `${name}.node`);
  rmSync(file, { force: true });
  const compiler = process.env.CC || 'cc';
  const flags =
    '-std=c11 -O3 -fPIC -shared -pthread -fvisibility=hidden -Wall -Wextra -Werror -Wpedantic -Wshadow ' +
    '-fstack-protector-strong -D_FORTIFY_SOURCE=2 -Wl,-z,relro,-z,now';
  const source = join(root, `daemon/native/${name}.c`);
  const made = spawnSync(compiler, [...flags.split(' '), `-I${nodeApi}`, '-o', file, source], { encoding: 'utf8' });
  if (made.status === 0) return;
  rmSync(file, { force: true });
  console.error(made.stderr || '');
  console.error(`${compiler} cannot build daemon/native/${name}.c: ${without}`);
}
