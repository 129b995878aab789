// Generates section 7 of protocol/PROTOCOL.md from the golden frames; --check only reports whether it is current.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const page = fileURLToPath(new URL('../protocol/PROTOCOL.md', import.meta.url));
const vectors = (name) =>
  JSON.parse(readFileSync(new URL(`../protocol/vectors/${name}.json`, import.meta.url), 'utf8')).vectors;

const SHOWN = [
  ['requests', 'ping'],
  ['replies', 'pong'],
  ['requests', 'check-least'],
  ['replies', 'denied'],
  ['requests', 'check-staff'],
  ['replies', 'granted'],
  ['requests', 'authorize-permission'],
  ['replies', 'error'],
  ['replies', 'busy'],
  ['requests', 'groups-after'],
  ['replies', 'groups-more'],
];

/** Formats bin as 'text' or 0xhex, everything else as JSON. */
function show(value) {
  if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (typeof value.bin === 'string') {
    const octets = Buffer.from(value.bin, 'hex');
    return /^[\x20-\x7e]*$/.test(octets.toString('latin1')) ? `bin '${octets}'` : `bin 0x${value.bin}`;
  }
  const pairs = Object.entries(value).map(([key, inner]) => `${JSON.stringify(key)}: ${show(inner)}`);
  return `{${pairs.join(', ')}}`;
}

function lines(hex) {
  const octets = hex.match(/../g);
  const rest = octets.slice(4);
  const rows = [];
  for (let at = 0; at < rest.length; at += 24) rows.push(`            ${rest.slice(at, at + 24).join(' ')}`);
  return [octets.slice(0, 4).join(' '), ...rows].join('\n');
}

const examples = SHOWN.map(([file, name]) => {
  const vector = vectors(file).find((candidate) => candidate.name === name);
  const kind = file === 'requests' ? 'Request' : 'Reply';
  return `${kind} \`${name}\`: \`${show(vector.message)}\`\n\n\`\`\`\n${lines(vector.hex)}\n\`\`\`\n`;
}).join('\n');

const marker = /(<!-- examples[^\n]*-->\n)[\s\S]*$/;
const before = readFileSync(page, 'utf8');
const intro = '\nThe first line is the length, the lines below it are the body.\n\n';
const after = before.replace(marker, (_, head) => `${head}${intro}${examples}`);
if (!process.argv.includes('--check')) writeFileSync(page, after);
else if (after !== before) {
  console.error('protocol/PROTOCOL.md: section 7 is out of date; update it with: node scripts/protocol-examples.mjs');
  process.exit(1);
}
