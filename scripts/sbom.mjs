// npm run sbom: writes build/djauthd.cdx.json, the list of all packages in the daemon (CycloneDX), with their digests and
// licenses. It is installed beside the daemon. The same packages make the same file.
//
// Not by `npm sbom --omit dev` alone: npm 11 leaves out what a tool for development needs as well, such as lru-cache.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const read = (name) => JSON.parse(readFileSync(join(root, name), 'utf8'));
const { dependencies } = read('package.json');

/** `name@version` of every package that only development needs. */
const development = new Set();
const needed = new Set();
for (const [path, { version, dev }] of Object.entries(read('package-lock.json').packages)) {
  if (path !== '') (dev ? development : needed).add(`${path.split('node_modules/').at(-1)}@${version}`);
}

const output = execFileSync('npm', ['sbom', '--sbom-format', 'cyclonedx', '--sbom-type', 'application'], {
  cwd: root,
  encoding: 'utf8',
  maxBuffer: 64 * 1024 * 1024,
  stdio: ['ignore', 'pipe', 'pipe'],
});
const { serialNumber, ...list } = JSON.parse(output);
const { timestamp, ...metadata } = list.metadata;
metadata.component.name = 'djauthd'; // npm takes the name of the directory

const isShipped = ({ name, version }) => needed.has(`${name}@${version}`) || !development.has(`${name}@${version}`);
const components = list.components.filter(isShipped);
const references = new Set([metadata.component, ...components].map((component) => component['bom-ref']));
const edges = list.dependencies
  .filter(({ ref }) => references.has(ref))
  .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((each) => references.has(each)) }));

const missing = Object.keys(dependencies).filter((name) => !components.some((component) => component.name === name));
if (missing.length > 0) throw new Error(`not in the list of npm sbom: ${missing.join(', ')}`);
mkdirSync(join(root, 'build'), { recursive: true });
const made = { ...list, metadata, components, dependencies: edges };
writeFileSync(join(root, 'build/djauthd.cdx.json'), `${JSON.stringify(made, undefined, 1)}\n`);
