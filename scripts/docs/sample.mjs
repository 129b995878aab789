// The sample configuration: every key with its sentence. A key that has a default is commented out.
import { toml } from './parts.mjs';

const WIDTH = 100;
const SITE = '"mysite.settings"';

export function sampleFile(sections) {
  const head = comment(
    'Configuration of djauthd. docs/configuration.md and djauthd.toml(5) explain it; "djauthd check-config" checks it. ' +
      'A key that is commented out has the value that it would have without the line, or shows an example.',
  );
  // Sites last, where "djauthd import --write" adds them.
  const inOrder = [...sections.filter(({ path }) => !isSite(path)), ...sections.filter(({ path }) => isSite(path))];
  return head + inOrder.map(section).join('');
}

/** Keys of [listen] that a sample does not use, though it shows an example of them. */
const OPTIONAL = new Set(['hooks', 'hooks_group']);

const isSite = (path) => path[0] === 'sites';

/** What has a name of the administrator's choice is commented out as a whole. */
function section({ path, array, about, absent, keys }) {
  if (path.length === 0) return '';
  if (isSite(path) && path.length === 1) return `\n${comment(about)}`;
  const name = path.map((part) => (part === '*' ? SITE : part)).join('.');
  const text = path.at(-1) === '*' ? '' : `\n${comment(absent ? `${about} If omitted: ${absent}.` : about)}`;
  if (keys.length === 0) return text;
  const header = `${isSite(path) || array ? '#' : ''}${array ? `[[${name}]]` : `[${name}]`}\n`;
  return text + header + keys.map((key) => lines(key, path.join() === 'listen' && !OPTIONAL.has(key.name))).join('');
}

function lines({ name, about, example, absent, default: value }, isActive) {
  const shown = example ?? value;
  const without = absent ? `Default: ${absent}.` : '';
  const active = isActive && example !== undefined;
  return `${comment(`${about}${without && ` ${without}`}`)}${active ? '' : '#'}${name} = ${toml(shown)}\n`;
}

/** Text without Markdown's marks, wrapped. */
function comment(markdown) {
  let rows = [''];
  for (const word of markdown.replaceAll('`', '').split(' ')) {
    const longer = `${rows.at(-1)} ${word}`;
    rows = longer.length < WIDTH ? [...rows.slice(0, -1), longer] : [...rows, ` ${word}`];
  }
  return rows.map((row) => `#${row}\n`).join('');
}
