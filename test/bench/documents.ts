import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Results, revocationsToMarkdown, toMarkdown } from './report.ts';

const ROOT = join(import.meta.dirname, '../..');

/**
 * The parts of documents that the bench writes, each between a line `<!-- generated: NAME, by npm run bench -->` and a
 * line `<!-- end of NAME -->`.
 */
const PARTS: readonly { document: string; name: string; make: (results: Results) => string }[] = [
  { document: 'README.md', name: 'figures', make: (results) => toMarkdown(results, 'front') },
  { document: 'README.md', name: 'revocation', make: revocationsToMarkdown },
  { document: 'docs/performance.md', name: 'figures', make: (results) => toMarkdown(results) },
  { document: 'docs/performance.md', name: 'revocation', make: revocationsToMarkdown },
];

/** Writes the tables into the documents. @returns those whose marks are missing, with what belongs between them */
export function writeDocuments(results: Results, root = ROOT): string[] {
  const missing: string[] = [];
  for (const { document, name, make } of PARTS) {
    const part = make(results);
    if (part === '') continue; // not measured: what stands there stays
    const path = join(root, document);
    const [before, first, last] = [readFileSync(path, 'utf8'), markOf(name), `<!-- end of ${name} -->`];
    const [from, to] = [before.indexOf(first), before.indexOf(last)];
    if (from < 0 || to < from) {
      missing.push(`${document} has no part "${name}"; it belongs there as:\n\n${first}\n${part}\n${last}\n`);
      continue;
    }
    writeFileSync(path, `${before.slice(0, from)}${first}\n${part}\n${before.slice(to)}`);
  }
  return missing;
}

function markOf(name: string): string {
  return `<!-- generated: ${name}, by npm run bench -->`;
}
