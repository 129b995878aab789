// npm run install:system and npm run uninstall:system: what build/ holds, for hosts that have no package.
//
//   DESTDIR=/tmp/stage PREFIX=/usr/local npm run install:system
//
// Prints each file. Starts nothing, makes no user: what to run next is said at the end.
import { execFileSync } from 'node:child_process';
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
import { InstalledTree } from './installed-tree.mjs';

/** Directories that a unit with ProtectHome= cannot look into. */
const HOMES = /^\/(home|root|run\/user)\//;

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const build = join(root, 'build');

/** Packages with native code, which the bundle does not contain and loads from node_modules. */
const NATIVE = ['better-sqlite3', '@node-rs/argon2', '@node-rs/bcrypt'];
/** Needed while a package is installed, never while it runs. */
const INSTALLERS = ['prebuild-install'];
/** Of a package: code, binaries and licenses; neither sources of what was compiled nor its tests. */
const PACKAGE_FILE = /\.(c|m)?js$|^package\.json$|^LICEN[CS]E|\.node$/;
const PACKAGE_LEFT_OUT = /^(node_modules|deps|src|test|obj|obj\.target|test_extension\.node)$/;
/** Of build/: the daemon's part. The C parts' Makefile knows itself what is to be installed. */
const DAEMON_FILE = /^djauthd($|\.)|\.(c|m)?js$|\.node$|^package\.json$/;

try {
  const prefix = pathFrom('PREFIX', '/usr/local');
  const destination = pathFrom('DESTDIR', '/');
  const tree = new InstalledTree(destination, `${prefix}/lib/djauthd/installed.json`, (line) => console.log(line));
  if (process.argv.includes('--undo')) {
    tree.remove();
  } else {
    needBuild();
    const packages = findPackages();
    placeDaemon(tree, prefix);
    for (const file of packages) placeAsIs(tree, file, `${prefix}/lib/djauthd/${relative(root, file)}`);
    placeCParts(tree, prefix);
    placeUnits(tree, prefix);
    placeManual(tree, prefix);
    tree.file('/etc/djauthd/djauthd.toml', readFileSync(join(root, 'daemon/config/djauthd.toml')), 0o640);
    tree.finish();
    console.error(next(prefix));
  }
} catch (error) {
  if (error.code === 'EACCES' || error.code === 'EROFS') error.message += ': are you root, or is DESTDIR needed?';
  console.error(`install: ${error.message}`);
  process.exitCode = 1;
}

function pathFrom(name, otherwise) {
  const value = process.env[name] || otherwise;
  if (!isAbsolute(value) || /[\s%$"'\\]/.test(value)) {
    throw new Error(`${name} is "${value}": accepted is an absolute path without blanks, quotes, "%", "$" and "\\"`);
  }
  return normalize(value).replace(/(.)\/+$/, '$1');
}

function needBuild() {
  const needed = ['djauthd', 'djauth', 'libdjauth.so', 'libdjauth.a', 'mod_authnz_django.so'];
  for (const name of needed) {
    if (!existsSync(join(build, name))) throw new Error(`${join(build, name)} is not there: run "npm run build" first`);
  }
}

function placeDaemon(tree, prefix) {
  for (const name of readdirSync(build).sort()) {
    if (DAEMON_FILE.test(name)) placeAsIs(tree, join(build, name), `${prefix}/lib/djauthd/${name}`);
  }
  tree.link(`${prefix}/bin/djauthd`, '../lib/djauthd/djauthd');
}

/** The files of all packages that run. */
function findPackages() {
  const packages = new Set();
  for (const name of NATIVE) collect(name, root, packages, true);
  const files = [...packages].sort().flatMap(filesOf);
  // One for each; npm that was told to run no scripts leaves SQLite's out.
  if (files.filter((file) => file.endsWith('.node')).length < NATIVE.length) {
    throw new Error('node_modules lacks compiled parts: run "npm install", with scripts');
  }
  return files;
}

/** A package and those it needs at run time, by their directories. Of the optional ones: those for this machine. */
function collect(name, from, found, needed) {
  const directory = directoryOf(name, from);
  if (!directory) {
    if (needed) throw new Error(`node_modules/${name} is not there: run "npm install" first`);
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

/** As Node looks for it, but no farther up than here. */
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

/** By their own Makefile, into a directory from which they are placed like all else. */
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

/** systemd looks into /usr/lib and /usr/local/lib; for another PREFIX it is /etc. */
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
}

function placeAsIs(tree, from, to) {
  const stats = lstatSync(from);
  if (stats.isSymbolicLink()) tree.link(to, readlinkSync(from));
  else tree.file(to, readFileSync(from), stats.mode & 0o100 ? 0o755 : 0o644);
}

function next(prefix) {
  const node = realpathSync(process.execPath);
  const hidden = HOMES.test(node)
    ? `
The service cannot run ${node}, which is in a home: install Node.js in /usr/bin or /usr/local/bin too.`
    : '';
  return `${hidden}
Next, as root, on the host itself:
  systemd-sysusers && systemd-tmpfiles --create      the user djauthd, and /run/djauthd
  ${prefix}/bin/djauthd import --settings mysite.settings --python venv/bin/python
                                                     as the site's user; put what it prints into /etc/djauthd/djauthd.toml
  systemctl daemon-reload
  systemctl enable --now djauthd-control.socket djauthd.socket djauthd.service
  a2enmod auth_basic authnz_django && systemctl restart apache2
  ldconfig                                           where programs are to be linked with libdjauth`;
}
