// The generated parts of a document, each between a line "generated: NAME" and a line "end of NAME" in its comments.

/** The text with one part replaced. @throws Error if the text does not have it */
export function replacePart(text, name, part) {
  const marked = new RegExp(`^(.*generated: ${name}[ ,.][^\\n]*\\n)[\\s\\S]*?^(.*end of ${name}\\b)`, 'm');
  if (!marked.test(text)) throw new Error(`a document has no part "${name}"`);
  return text.replace(marked, (_, first, last) => `${first}${part}${last}`);
}

/** A section's name as the configuration writes it. */
export function sectionName({ path, array }) {
  const name = path.map((part) => (part === '*' ? 'NAME' : part)).join('.');
  return array ? `[[${name}]]` : `[${name}]`;
}

/** A value as TOML. JSON's strings are TOML's. */
export function toml(value) {
  return Array.isArray(value) ? `[${value.map(toml).join(', ')}]` : JSON.stringify(value);
}
