import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import t, { type Test } from 'tap';

// What of the Debian packages can be tested without building them; npm run test:packages does the rest.
const ROOT = join(import.meta.dirname, '../..');
const DEBIAN = join(ROOT, 'packaging/debian');

function temporary(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'djauthd-p-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** The patterns of debian/*.install and *.manpages: a path, or a directory above it, as dh_install reads them. */
function patterns(): { owner: string; pattern: RegExp }[] {
  return readdirSync(DEBIAN)
    .filter((name) => /\.(install|manpages)$/.test(name))
    .flatMap((name) =>
      readFileSync(join(DEBIAN, name), 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => ({
          owner: name.replace(/\.\w+$/, ''),
          pattern: new RegExp(`^${line.replaceAll('.', '\\.').replaceAll('*', '[^/]*')}(/|$)`),
        })),
    );
}

t.test('each file that is installed is in one package', (t) => {
  const stage = temporary(t);
  execFileSync(process.execPath, ['scripts/install.mjs', '--package'], {
    cwd: ROOT,
    env: { ...process.env, DESTDIR: stage, PREFIX: '/usr', LIBDIR: '/usr/lib/x86_64-linux-gnu' },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const files = readdirSync(stage, { withFileTypes: true, recursive: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(stage, join(entry.parentPath, entry.name)));
  t.ok(files.length > 50, `${files.length} files`);
  const all = patterns();
  const owners = (file: string) => all.filter(({ pattern }) => pattern.test(file)).map(({ owner }) => owner);
  t.same(
    files.map((file) => [file, owners(file)] as const).filter(([, owner]) => owner.length !== 1),
    [],
    'a path that is new belongs into a *.install of packaging/debian',
  );
  t.notOk(
    files.some((file) => /installed\.json$|\/better_sqlite3\.node$/.test(file)),
    'no manifest, and no addon that is for the Node.js of this machine',
  );
  t.end();
});

t.test('the license of each package of npm that is shipped is in debian/copyright', (t) => {
  const tree = temporary(t);
  mkdirSync(join(tree, 'debian'));
  mkdirSync(join(tree, 'build'));
  for (const name of ['package.json', 'package-lock.json', 'build/bundled.json'])
    cpSync(join(ROOT, name), join(tree, name));
  symlinkSync(join(ROOT, 'node_modules'), join(tree, 'node_modules'));
  // Node.js's own license is downloaded with the package only when one is built.
  const node = join(tree, 'packaging/node/node_modules/node24');
  mkdirSync(node, { recursive: true });
  cpSync(join(ROOT, 'node_modules/pg/package.json'), join(node, 'package.json'));
  cpSync(join(ROOT, 'LICENSE'), join(node, 'LICENSE'));
  const made = spawnSync(process.execPath, [join(ROOT, 'packaging/copyright.mjs')], { cwd: tree, encoding: 'utf8' });
  t.equal(made.status, 0, made.stderr);
  const text = readFileSync(join(tree, 'debian/copyright'), 'utf8');
  const bundled: string[] = JSON.parse(readFileSync(join(ROOT, 'build/bundled.json'), 'utf8'));
  t.ok(bundled.length > 20, `${bundled.length} packages in the bundles`);
  for (const name of [...bundled, '@node-rs/argon2', '@node-rs/bcrypt']) {
    t.match(text, new RegExp(`^Files: node_modules/${name}/\\*\nCopyright: .+(\n .+)*\nLicense: .+$`, 'm'), name);
  }
  const named = new Set([...text.matchAll(/^License: (.+)$/gm)].map(([, name]) => name));
  for (const name of named) {
    t.match(text, new RegExp(`^License: ${name}\n .+`, 'm'), `${name} has a text`);
  }
  t.ok(existsSync(join(tree, 'debian/djauthd-node.copyright')));
  t.end();
});
