// Puts everything that runs into build/: the daemon as one file, and the C parts by make.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

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

if (!process.argv.includes('--daemon')) {
  execFileSync('make', ['-s', '-C', join(root, 'client-c'), 'all'], { stdio: 'inherit' });
}
