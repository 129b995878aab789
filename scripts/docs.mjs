// npm run docs: writes what documents say of keys, commands and exit codes, from their tables in daemon/config/ and
// daemon/command/. With --check it changes nothing and fails if a document is behind. Run by tsx, which reads TypeScript.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { EXIT_CODES } from '../daemon/command/exit-code.ts';
import { createProgram } from '../daemon/command/program.ts';
import { sectionsOf } from '../daemon/config/key.ts';
import { schema } from '../daemon/config/schema.ts';
import { bashCompletion } from './docs/completion.mjs';
import { codesAsMan, commandsAsMan, keysAsMan, synopsisAsMan } from './docs/man.mjs';
import { keysAsMarkdown } from './docs/markdown.mjs';
import { replacePart } from './docs/parts.mjs';
import { sampleFile } from './docs/sample.mjs';

const sections = sectionsOf(schema);
const program = createProgram();

/** Each document, and how it is made of what it was. */
const DOCUMENTS = {
  'docs/configuration.md': (text) => replacePart(text, 'keys', keysAsMarkdown(sections)),
  'daemon/man/djauthd.toml.5': (text) => replacePart(text, 'keys', keysAsMan(sections)),
  'daemon/man/djauthd.8': (text) =>
    [
      ['synopsis', synopsisAsMan(program)],
      ['commands', commandsAsMan(program)],
      ['exit codes', codesAsMan(EXIT_CODES)],
    ].reduce((made, [name, part]) => replacePart(made, name, part), text),
  'daemon/config/djauthd.toml': () => sampleFile(sections),
  'daemon/command/djauthd.bash': () => bashCompletion(program),
};

const check = process.argv.includes('--check');
for (const [path, make] of Object.entries(DOCUMENTS)) {
  const file = new URL(`../${path}`, import.meta.url);
  const before = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const after = make(before);
  if (after === before) continue;
  if (!check) {
    writeFileSync(file, after);
    continue;
  }
  console.error(`${path} is behind its table in the code; run: npm run docs`);
  process.exitCode = 1;
}
