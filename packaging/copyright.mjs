// Writes debian/copyright (DEP-5), from package-lock.json and the licenses of the packages that are in the bundles or beside
// them, and debian/djauthd-node.copyright. Run in the tree that is packaged, after scripts/build.mjs.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const FORMAT = 'https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/';
/** Those that install.mjs places with their dependencies. */
const BESIDE = ['@node-rs/argon2', '@node-rs/bcrypt', 'better-sqlite3'];
/** Only for the installation of a package. */
const INSTALLERS = ['prebuild-install'];
/** Texts that Debian has in /usr/share/common-licenses. */
const COMMON = { 'Apache-2.0': 'Apache-2.0', 'MPL-2.0': 'MPL-2.0' };

const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')).packages;
const { homepage, license } = JSON.parse(readFileSync('package.json', 'utf8'));
const names = new Set(JSON.parse(readFileSync('build/bundled.json', 'utf8')));
for (const name of BESIDE) collect(name);

const paragraphs = [
  { Format: FORMAT, 'Upstream-Name': 'djauthd', Source: homepage },
  { Files: '*', Copyright: 'the djauthd maintainers', License: license },
];
/** Each text once. Two packages with the same name of a license have different texts: the license is then named after the package. */
const licenses = new Map([[license, common(license)]]);
for (const name of [...names].sort()) {
  const entry = lock[`node_modules/${name}`];
  if (!entry?.license) throw new Error(`package-lock.json names no license of ${name}`);
  const text = textOf(name);
  const short = entry.license.replace(/^\((.*)\)$/, '$1').replaceAll(' OR ', ' or ');
  const plain = COMMON[short] ? common(short) : text;
  if (plain === undefined) throw new Error(`no license text in node_modules/${name}`);
  const key = COMMON[short] ? short : `${short.replaceAll(' ', '-')}-${name.replace(/^@/, '').replace('/', '-')}`;
  licenses.set(key, plain);
  paragraphs.push({
    Files: `node_modules/${name}/*`,
    Copyright: holdersOf(text ?? '', name),
    License: key,
    Comment: `${name} ${entry.version} of npm's registry, ${entry.license}`,
  });
}
for (const [key, text] of licenses) paragraphs.push({ License: `${key}\n${indent(text)}` });
writeFileSync('debian/copyright', paragraphs.map(print).join('\n'));

const node = 'packaging/node/node_modules/node24';
const { version } = JSON.parse(readFileSync(join(node, 'package.json'), 'utf8'));
writeFileSync(
  'debian/djauthd-node.copyright',
  [
    { Format: FORMAT, 'Upstream-Name': 'Node.js', Source: 'https://nodejs.org/', Comment: `Node.js ${version}, as published` },
    { Files: '*', Copyright: 'Node.js contributors, Joyent, Inc. and other Node contributors', License: 'Node.js' },
    { License: `Node.js\n${indent(withoutApache(readFileSync(join(node, 'LICENSE'), 'utf8')))}` },
  ]
    .map(print)
    .join('\n'),
);

/** A package beside the bundle and those that it depends on, as far as they are installed. */
function collect(name) {
  const entry = lock[`node_modules/${name}`];
  if (names.has(name) || INSTALLERS.includes(name) || !entry || !existsSync(join('node_modules', name))) return;
  names.add(name);
  for (const each of Object.keys({ ...entry.dependencies, ...entry.optionalDependencies })) collect(each);
}

/** The package's own file; a package for one platform has that of the package that it belongs to; else its README. */
function textOf(name) {
  const directory = join('node_modules', name);
  const file = readdirSync(directory).find((entry) => /^(licen[cs]e|copying)/i.test(entry));
  if (file) return readFileSync(join(directory, file), 'utf8').trim();
  const owner = name.replace(/-linux-.*$/, '');
  if (owner !== name) return textOf(owner);
  const readme = readdirSync(directory).find((entry) => /^readme/i.test(entry));
  const part = readme && /^#+ *licen[cs]e\b[^\n]*\n([^]*?)(?=\n#|$(?![^]))/im.exec(readFileSync(join(directory, readme), 'utf8'));
  return part ? part[1].trim() : undefined;
}

/** The lines of a license that name holders; else the author in package.json. */
function holdersOf(text, name) {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => /^(copyright\b|©|\(c\)).*\d{4}/i.test(line));
  if (lines.length > 0) return [...new Set(lines)].map((line) => line.replace(/^copyright:? */i, '')).join('\n ');
  const { author, contributors } = JSON.parse(readFileSync(join('node_modules', name, 'package.json'), 'utf8'));
  const person = author ?? contributors?.[0];
  return (typeof person === 'object' ? person.name : person) ?? `the authors of ${name}`;
}

/** Node.js's license has the whole text of Apache's several times. */
function withoutApache(text) {
  return text.replace(/^[ \t]*Apache License\n\s*Version 2\.0[^]*?END OF TERMS AND CONDITIONS/gm, `    ${common('Apache-2.0')}`);
}

function common(short) {
  return `On Debian systems the text of this license is in /usr/share/common-licenses/${COMMON[short]}.`;
}

function indent(text) {
  return text
    .split(/\r?\n/)
    .map((line) => (line.trim() === '' ? ' .' : ` ${line.trimEnd()}`))
    .join('\n');
}

function print(fields) {
  return `${Object.entries(fields).map(([field, value]) => `${field}: ${value}\n`).join('')}`;
}
