// npm run install:system and npm run uninstall:system: installs the contents of build/ on a host without packages.
//
//   DESTDIR=/tmp/stage PREFIX=/usr/local npm run install:system
//
// Prints each file. Starts no service and creates no user; prints the next steps at the end: those of a first installation, of an
// upgrade or of a removal.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, isAbsolute, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import './require-node.cjs';
import { InstalledTree } from './installed-tree.mjs';
import { stepsAfterFirst, stepsAfterRemoval, stepsAfterUpgrade, usesOfModule } from './next-steps.mjs';

/** Directories hidden from a unit with ProtectHome=. */
const HOMES = /^\/(home|root|run\/user)\//;

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const build = join(root, 'build');

/** Packages with native code: not in the bundle, loaded from node_modules. */
const NATIVE = ['@node-rs/argon2', '@node-rs/bcrypt'];
/** For packaging/: without a manifest, and for every Node.js, for which packaging/ makes the addons of better-sqlite3. */
const forPackage = process.argv.includes('--package');
/** Node.js 24 and later have SQLite. */
if (forPackage || Number.parseInt(process.versions.node, 10) < 24) NATIVE.unshift('better-sqlite3');
/** Needed only while a package is installed. */
const INSTALLERS = ['prebuild-install'];
/** The files of a package that are installed: code, binaries and licenses, without C sources and tests. */
const PACKAGE_FILE = /\.(c|m)?js$|^package\.json$|^LICEN[CS]E|\.node$/;
const PACKAGE_LEFT_OUT = /^(node_modules|deps|src|test|obj|obj\.target|test_extension\.node)$/;
/** The daemon's files in build/. The C parts are installed by their own Makefile. */
const DAEMON_FILE = /^djauthd($|\.)|\.(c|m)?js$|\.node$|^package\.json$/;

try {
  const prefix = pathFrom('PREFIX', '/usr/local');
  const destination = pathFrom('DESTDIR', '/');
  const tree = new InstalledTree(destination, `${prefix}/lib/djauthd/installed.json`, (line) => console.log(line));
  if (process.argv.includes('--undo')) {
    tree.remove();
    indexManual(prefix, destination);
    console.error(stepsAfterRemoval(usesOfModule(destination)));
  } else {
    const isUpgrade = tree.isInstalled;
    needBuild();
    const packages = findPackages();
    placeDaemon(tree, prefix);
    for (const file of packages) placeAsIs(tree, file, `${prefix}/lib/djauthd/${relative(root, file)}`);
    placeCParts(tree, prefix);
    placeUnits(tree, prefix);
    placeManual(tree, prefix);
    tree.file('/etc/djauthd/djauthd.toml', readFileSync(join(root, 'daemon/config/djauthd.toml')), 0o640);
    if (!forPackage) {
      placeDocuments(tree, prefix);
      tree.finish();
      indexManual(prefix, destination);
      console.error(hiddenNode() + (isUpgrade ? stepsAfterUpgrade() : stepsAfterFirst(prefix)));
    }
  }
} catch (error) {
  if (error.code === 'EACCES' || error.code === 'EROFS') error.message += '; run as root, or set DESTDIR';
  console.error(`install: ${error.message}`);
  process.exitCode = 1;
}

function pathFrom(name, otherwise) {
  const value = process.env[name] || otherwise;
  if (!isAbsolute(value) || /[\s%$"'\\]/.test(value)) {
    throw new Error(`invalid ${name} "${value}"; accepted: an absolute path without blanks, quotes, "%", "$" and "\\"`);
  }
  return normalize(value).replace(/(.)\/+$/, '$1');
}

function needBuild() {
  const needed = ['djauthd', 'djauth', 'libdjauth.so', 'libdjauth.a', 'mod_authnz_django.so'];
  for (const name of needed) {
    if (!existsSync(join(build, name))) throw new Error(`${join(build, name)} not found; run "npm run build" first`);
  }
}

function placeDaemon(tree, prefix) {
  for (const name of readdirSync(build).sort()) {
    if (DAEMON_FILE.test(name)) placeAsIs(tree, join(build, name), `${prefix}/lib/djauthd/${name}`);
  }
  tree.link(`${prefix}/bin/djauthd`, '../lib/djauthd/djauthd');
}

/** The files of all packages that the daemon loads. */
function findPackages() {
  const packages = new Set();
  for (const name of NATIVE) collect(name, root, packages, true);
  const files = [...packages].sort().flatMap(filesOf);
  if (forPackage) return files.filter((file) => !file.endsWith('/better_sqlite3.node'));
  // One for each package. SQLite's is missing after an npm install that ran no scripts.
  if (files.filter((file) => file.endsWith('.node')).length < NATIVE.length) {
    throw new Error('compiled files are missing in node_modules; run "npm install" without --ignore-scripts');
  }
  return files;
}

/** Adds the directories of a package and its dependencies to `found`; of the optional ones, those for this machine. */
function collect(name, from, found, needed) {
  const directory = directoryOf(name, from);
  if (!directory) {
    if (needed) throw new Error(`node_modules/${name} not found; run "npm install" first`);
    return;
  }
  if (found.has(directory)) return;
  const { dependencies, optionalDependencies } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
  found.add(directory);
  for (const each of Object.keys(dependencies ?? {})) {
    if (!INSTALLERS.includes(each)) collect(each, directory, found, true);
  }
  for (const each of Object.keys(optionalDependencies ?? {})) collect(each, directory, found, false);
}

/** Looks for a package as Node does, but no higher than the project's root. */
function directoryOf(name, from) {
  for (let at = from; ; at = dirname(at)) {
    const directory = join(at, 'node_modules', name);
    if (existsSync(join(directory, 'package.json'))) return directory;
    if (at === root) return undefined;
  }
}

function filesOf(directory) {
  const files = [];
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (PACKAGE_LEFT_OUT.test(entry.name)) continue;
    const path = join(directory, entry.name);
    if (entry.isDirectory()) files.push(...filesOf(path));
    else if (PACKAGE_FILE.test(entry.name)) files.push(path);
  }
  return files.sort();
}

/** Runs `make install` into a temporary directory and installs the files from there. */
function placeCParts(tree, prefix) {
  const stage = mkdtempSync(join(tmpdir(), 'djauthd-install-'));
  try {
    const settings = [`DESTDIR=${stage}`, `PREFIX=${prefix}`];
    const make = ['-s', '-C', join(root, 'client-c'), 'install', 'install-module', ...settings];
    execFileSync('make', make, { stdio: ['ignore', 'ignore', 'inherit'] });
    for (const entry of readdirSync(stage, { withFileTypes: true, recursive: true })) {
      if (entry.isDirectory()) continue;
      const path = join(entry.parentPath, entry.name);
      placeAsIs(tree, path, `/${relative(stage, path)}`);
    }
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

/** systemd reads units from /usr/lib and /usr/local/lib; with another PREFIX they go to /etc. */
function placeUnits(tree, prefix) {
  const library = ['/usr', '/usr/local'].includes(prefix) ? `${prefix}/lib` : '/etc';
  const directories = { sysusers: 'sysusers.d', tmpfiles: 'tmpfiles.d' };
  for (const name of readdirSync(join(root, 'systemd')).sort()) {
    const kind = name.split('.').at(-1);
    const path = directories[kind] ? `${directories[kind]}/djauthd.conf` : `systemd/system/${name}`;
    const text = readFileSync(join(root, 'systemd', name), 'utf8');
    const here = text.replaceAll(/^(Exec\w+=)\/usr\/(lib\/djauthd|bin)\//gm, `$1${prefix}/$2/`);
    tree.file(`${library}/${path}`, here, 0o644);
  }
}

function placeManual(tree, prefix) {
  for (const page of ['djauthd.8', 'djauthd.toml.5']) {
    const section = page.split('.').at(-1);
    tree.file(`${prefix}/share/man/man${section}/${page}`, readFileSync(join(root, 'daemon/man', page)), 0o644);
  }
  const completion = readFileSync(join(root, 'daemon/command/djauthd.bash'));
  tree.file(`${prefix}/share/bash-completion/completions/djauthd`, completion, 0o644);
}

/** So that "man -k djauth" finds the pages at once, as dpkg's trigger does for packages; without man-db there is no index. */
function indexManual(prefix, destination) {
  if (destination === '/') spawnSync('mandb', ['--quiet', `${prefix}/share/man`], { stdio: 'ignore' });
}

/** Documents, samples and licenses, in the folders of the repository, so that links lead somewhere. */
function placeDocuments(tree, prefix) {
  const inFolder = (folder, ending) =>
    readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile() && ending.test(entry.name))
      .map((entry) => relative(root, join(entry.parentPath, entry.name)));
  const files = [
    ...['README.md', 'CHANGELOG.md', 'SECURITY.md', 'LICENSE', 'protocol/PROTOCOL.md', 'daemon/config/djauthd.toml'],
    ...inFolder('docs', /\.md$/),
    ...inFolder('client-c/conf', /\.(conf|load)$/),
    ...inFolder('client-c/examples', /\.c$/),
  ];
  const place = `${prefix}/share/doc/djauthd`;
  for (const file of files.sort()) tree.file(`${place}/${file}`, readFileSync(join(root, file)), 0o644);
  const bundled = join(build, 'bundled.json');
  if (!existsSync(bundled)) return;
  // Of the packages that are in the bundle; the others bring theirs.
  for (const name of JSON.parse(readFileSync(bundled, 'utf8')).sort()) {
    const directory = join(root, 'node_modules', name);
    if (!existsSync(directory)) continue;
    for (const file of readdirSync(directory).filter((each) => /^(licen[cs]e|notice)/i.test(each))) {
      const content = readFileSync(join(directory, file));
      tree.file(`${place}/licenses/${name.replace('/', '-')}/${file}`, content, 0o644);
    }
  }
}

function placeAsIs(tree, from, to) {
  const stats = lstatSync(from);
  if (stats.isSymbolicLink()) tree.link(to, readlinkSync(from));
  else tree.file(to, readFileSync(from), stats.mode & 0o100 ? 0o755 : 0o644);
}

/** A sentence if systemd's service could not run this Node.js. */
function hiddenNode() {
  const node = realpathSync(process.execPath);
  return HOMES.test(node)
    ? `
The service cannot run ${node}, which is in a home directory: also install Node.js in /usr/bin or /usr/local/bin.`
    : '';
}
