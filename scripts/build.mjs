// Puts everything that runs into build/: the daemon as one file, and the C parts by make.
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { include_dir as nodeApi } from 'node-api-headers';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const out = join(root, 'build');
mkdirSync(out, { recursive: true });

await build({
  entryPoints: [join(root, 'daemon/main.ts')],
  outfile: join(out, 'djauthd'),
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  loader: { '.py': 'text' },
  define: { BUNDLE_DIRECTORY: '__dirname', 'import.meta.dirname': '""' },
  // Native code cannot be bundled; pg would like a binding that is not used here.
  external: ['better-sqlite3', '@node-rs/argon2', '@node-rs/bcrypt', 'pg-native', 'msgpackr-extract'],
  // A shell reads the first line and goes on in Node; Node takes it for a string. No core file of a process that
  // handles passwords.
  banner: { js: `#!/bin/sh\n':' //; ulimit -c 0; exec "\${NODE:-node}" --no-deprecation "$0" "$@"` },
  legalComments: 'none',
  logLevel: 'warning',
});
chmodSync(join(out, 'djauthd'), 0o755);
writeFileSync(join(out, 'package.json'), '{ "type": "commonjs" }\n');

buildAddon('pbkdf2', 'PBKDF2 is left to node:crypto, which is slower');
buildAddon('notify', 'systemd cannot be told that the daemon is ready');

if (!process.argv.includes('--daemon')) {
  execFileSync('make', ['-s', '-C', join(root, 'client-c'), 'all'], { stdio: 'inherit' });
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
