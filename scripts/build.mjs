// Builds everything into build/: the daemon as one file with a launcher, the hash workers as another, and client-c/ by make.
//   node scripts/build.mjs [--daemon]     --daemon: the daemon alone
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { include_dir as nodeApi } from 'node-api-headers';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const out = join(root, 'build');
mkdirSync(out, { recursive: true });

/**
 * The flags that Node is started with. V8 is limited to small spaces and returns unused memory early; otherwise garbage
 * occupies more memory than the caches: over 200 MB instead of 135 with 100,000 proofs. The price is a twentieth of a cached
 * check's processor time. One collector thread is enough for a heap this small. They hold for the hash workers too.
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
    // pg reads it to detect Cloudflare workers, which makes Node load all of fetch.
    Response: 'undefined',
  },
  plugins: [{ name: 'lean', setup: leaveOutLocales }],
  // Native code cannot be bundled; pg looks for an optional binding that we do not use.
  external: ['pg-native'],
  // Node reads the bundle at each start. Names are kept for stack traces.
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  logLevel: 'warning',
};
const daemon = await build({
  ...common,
  metafile: true,
  entryPoints: [join(root, 'daemon/main.ts')],
  outfile: join(out, 'djauthd.js'),
  charset: 'ascii', // the launcher reads it as Latin-1
});
// Each hash worker is a Node environment of its own: a small bundle saves memory for each.
const worker = await build({
  ...common,
  metafile: true,
  entryPoints: [join(root, 'daemon/hasher/worker-main.ts')],
  outfile: join(out, 'hash-worker.js'),
});
// The client of the throttle's store, which most daemons never load.
const redis = await build({
  ...common,
  metafile: true,
  entryPoints: [join(root, 'node_modules/ioredis/built/index.js')],
  outfile: join(out, 'ioredis.js'),
});
writeFileSync(join(out, 'bundled.json'), `${JSON.stringify(bundledPackages(), undefined, 1)}\n`);
writeFileSync(join(out, 'package.json'), '{ "type": "commonjs" }\n');
// The first line is a shell command that ends in Node, and a string to Node. It disables core files, which would contain
// passwords. The limit is 1, not 0: a kernel that pipes core files to a program such as systemd-coredump ignores a limit
// of 0 and honours 1 (core(5), fs/coredump.c). The Node of the Debian package djauthd-node is there for djauthd only, because
// the one in the PATH is too old. glibc gives each thread memory of its own, of which it returns little: with two pieces for all,
// 100,000 proofs take 7 MB less.
writeFileSync(
  join(out, 'djauthd'),
  `#!/bin/sh\n':' //; prlimit --core=1:1 --pid $$ 2>/dev/null || ulimit -c 0; [ "$NODE" ] || { NODE=/usr/lib/djauthd-node/node; [ -x $NODE ] || NODE=node; }; export MALLOC_ARENA_MAX=\${MALLOC_ARENA_MAX:-2}; exec "$NODE" ${FLAGS.join(' ')} "$0" "$@"\n` +
    readFileSync(join(root, 'scripts/require-node.cjs'), 'utf8') +
    readFileSync(join(root, 'daemon/launcher.cjs'), 'utf8'),
);
chmodSync(join(out, 'djauthd'), 0o755);

buildAddon('pbkdf2', 'PBKDF2 will be computed by node:crypto, which is slower');
buildAddon('hmac', 'proofs will be named by node:crypto, which is slower');
buildAddon('notify', 'the daemon cannot notify systemd');
buildAddon('peer', 'listen.allow cannot be used, and log lines do not say which user and process asked');
buildAddon('send', 'replies will be sent by node:net, which is slower');
buildAddon('memory', "other processes of the daemon's user will be able to read its memory");
buildAddon('crypt', 'accounts whose password is hashed with crypt (DES) cannot be checked', ['-lcrypt']);
compileAhead();

if (!process.argv.includes('--daemon')) {
  buildClientC();
  listComponents();
}

/** The list of packages for whoever has to know them. Nothing runs worse without it. */
function listComponents() {
  const made = spawnSync(process.execPath, [join(root, 'scripts/sbom.mjs')], { encoding: 'utf8' });
  if (made.status !== 0) console.error(`${made.stderr}build: npm makes no list of components (build/djauthd.cdx.json)`);
}

/** The library, the command and the Apache module. Says in one sentence what is missing, instead of a compiler's error. */
function buildClientC() {
  const missing = ['make', process.env.CC || 'cc', 'pkg-config', process.env.APXS || 'apxs'].filter(
    (name) => !isProgram(name),
  );
  if (missing.length > 0) {
    console.error(
      `build: ${missing.join(', ')} not found; run "npm run setup" to install the packages that the build needs`,
    );
    process.exit(1);
  }
  const { status } = spawnSync('make', ['-s', '-C', join(root, 'client-c'), 'all'], { stdio: 'inherit' });
  if (status !== 0) {
    console.error('build: make failed in client-c/; if a header is missing, "npm run setup" installs the packages');
    process.exit(1);
  }
}

function isProgram(name) {
  return spawnSync('sh', ['-c', 'command -v "$1" >/dev/null', 'sh', name]).status === 0;
}

/** The packages of npm whose code is in a bundle: their licenses are due with it. */
function bundledPackages() {
  const inputs = [daemon, worker, redis].flatMap(({ metafile }) => Object.keys(metafile.inputs));
  const names = inputs.map((path) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]);
  return [...new Set(names)].filter((name) => name !== undefined).sort();
}

/** The compiled code that V8 needs until the daemon is ready. The daemon starts without it too, but slower. */
function compileAhead() {
  rmSync(join(out, 'djauthd.cache'), { force: true });
  const made = spawnSync(process.execPath, [...FLAGS, join(root, 'scripts/compile-ahead.cjs'), out], {
    encoding: 'utf8',
  }); // with the same flags, or V8 rejects it
  if (made.status !== 0)
    console.error(`${made.stderr}build: cannot compile the bundle ahead of time; the daemon will start slower`);
}

/** Leaves out zod's messages in fifty languages: the configuration has its own. */
function leaveOutLocales({ onLoad }) {
  onLoad({ filter: /\/zod\/v4\/locales\/index\.js$/ }, () => ({ contents: 'export {};' }));
}

/** Builds an addon of daemon/native/. The daemon runs without it, so a failure does not stop the build. */
function buildAddon(name, without, libraries = []) {
  const file = join(out, `${name}.node`);
  rmSync(file, { force: true });
  const compiler = process.env.CC || 'cc';
  const flags =
    '-std=c11 -O3 -fPIC -shared -pthread -fvisibility=hidden -Wall -Wextra -Werror -Wpedantic -Wshadow ' +
    '-fstack-protector-strong -D_FORTIFY_SOURCE=2 -Wl,-z,relro,-z,now';
  const source = join(root, `daemon/native/${name}.c`);
  const words = [...flags.split(' '), `-I${nodeApi}`, '-o', file, source, ...libraries];
  const made = spawnSync(compiler, words, { encoding: 'utf8' });
  if (made.status === 0) return;
  rmSync(file, { force: true });
  console.error(made.stderr || '');
  console.error(`build: ${compiler} cannot compile daemon/native/${name}.c; ${without}`);
}
