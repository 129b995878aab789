// Checks the imports between the modules of daemon/ and protocol/: no cycle, nothing from daemon/ in protocol/, and no
// stage that imports an earlier one. Imports of types and dynamic imports count too: a type belongs below its users.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The stages of the pipeline in their order: a folder may import from the folders below it, not from those above. */
const STAGES = [
  'socket',
  'request',
  'throttle',
  'evidence',
  'site',
  'policy',
  'store',
  'account',
  'proof',
  'hasher',
  'native',
];

const modules = new Map(
  ['daemon', 'protocol']
    .flatMap((folder) => readdirSync(join(root, folder), { recursive: true }).map((name) => join(folder, name)))
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
    .map((name) => [name, importsOf(name)]),
);

function importsOf(name) {
  const source = readFileSync(join(root, name), 'utf8');
  return [...source.matchAll(/(?:^(?:import|export)\b[^;']*|\bimport\()'(\.[^']+)'/gm)]
    .map(([, path]) => join(dirname(name), path))
    .filter((path) => path.endsWith('.ts'));
}

const problems = [];

for (const [name, imports] of modules) {
  const stage = STAGES.indexOf(folderOf(name));
  for (const path of imports) {
    if (name.startsWith('protocol/') && path.startsWith('daemon/')) problems.push(`${name} imports ${path}`);
    const imported = STAGES.indexOf(folderOf(path));
    if (stage >= 0 && imported >= 0 && imported < stage) problems.push(`${name} imports ${path}, an earlier stage`);
  }
}

function folderOf(name) {
  const [top, folder] = name.split('/');
  return top === 'daemon' ? folder : undefined;
}

/** Depth first: a module met again on its own path closes a cycle. */
const finished = new Set();
function visit(name, path) {
  if (finished.has(name)) return;
  const at = path.indexOf(name);
  if (at >= 0) {
    problems.push(`import cycle: ${[...path.slice(at), name].join(' → ')}`);
    return;
  }
  for (const next of modules.get(name) ?? []) visit(next, [...path, name]);
  finished.add(name);
}
for (const name of modules.keys()) visit(name, []);

for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);
