import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '../..');

/** A fenced block of a document. */
export interface Block {
  /** The document, from the root of the tree. */
  readonly file: string;
  readonly line: number;
  /** The word behind the fence; "" if there is none. */
  readonly language: string;
  readonly text: string;
}

/** The documents that users read. Those beside tests and the bench describe commands of this tree's own. */
export function documents(): string[] {
  const below = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' });
  const docs = below.filter((path) => path.endsWith('.md')).map((path) => `docs/${path}`);
  return ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', ...docs.sort()];
}

export function textOf(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}

export function blocksOf(file: string): Block[] {
  const found: Block[] = [];
  const lines = textOf(file).split('\n');
  for (let at = 0; at < lines.length; at++) {
    const fence = /^ *(```+)([a-z]*) *$/.exec(lines[at] as string);
    if (!fence) continue;
    const start = at + 1;
    do at++;
    while (at < lines.length && (lines[at] as string).trim() !== fence[1]);
    if (at >= lines.length) throw new Error(`${file}:${start}: this block does not end`);
    const text = `${lines.slice(start, at).join('\n')}\n`;
    found.push({ file, line: start, language: fence[2] as string, text });
  }
  return found;
}

/** The document without its fenced blocks. */
export function proseOf(file: string): string {
  return textOf(file).replace(/^ *(```+)[^\n]*\n[\s\S]*?^ *\1 *$/gm, '');
}

/** Inline code. */
export function codesOf(file: string): string[] {
  return [...proseOf(file).matchAll(/`([^`\n]+)`/g)].map((match) => match[1] as string);
}
