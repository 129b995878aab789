// Keys as tables of Markdown.
import { sectionName, toml } from './parts.mjs';

export function keysAsMarkdown(sections) {
  return sections
    .filter(hasText)
    .map((entry) => section(entry, sections))
    .join('');
}

/** The top of the file has no keys, and a table of names has its own text and the text of each. */
function hasText({ path }) {
  return path.length > 0 && path.at(-1) !== '*';
}

function section(entry, all) {
  const { about, absent } = entry;
  const each = all.find(({ path }) => path.at(-1) === '*' && path.slice(0, -1).join() === entry.path.join());
  const { keys } = each ?? entry;
  const heading = `\n### \`${sectionName(each ?? entry)}\`\n\n${about}${absent ? ` If omitted: ${absent}.` : ''}\n`;
  return keys.length === 0
    ? heading
    : `${heading}\n| key | value | default | meaning |\n| --- | --- | --- | --- |\n${keys.map(row).join('')}`;
}

function row({ name, type, about, ...rest }) {
  return `| \`${name}\` | ${cell(type.name)} | ${cell(byDefault(rest))} | ${cell(about)} |\n`;
}

function byDefault({ required, absent, default: value }) {
  if (required) return '**required**';
  return absent ?? `\`${toml(value)}\``;
}

function cell(text) {
  return text.replaceAll('|', '\\|');
}
