// Writes the tables of directives in docs/apache.md from client-c/apache/directives.c. With --check it changes nothing and
// fails if the page is behind. Run by npm run docs and npm run lint.
import { readFileSync, writeFileSync } from 'node:fs';
import { replacePart } from './docs/parts.mjs';

const url = (path) => new URL(`../${path}`, import.meta.url);
const read = (path) => readFileSync(url(path), 'utf8');

const PAGE = 'docs/apache.md';
const SOURCE = 'client-c/apache/directives.c';
const HEADERS = ['client-c/djauth.h', 'client-c/apache/mod_authnz_django.h', 'client-c/apache/directives.h'];

/** What httpd calls a set of places, by the expression that allows them. */
const CONTEXTS = {
  SERVER_ONLY: 'server config',
  RSRC_CONF: 'server config, virtual host',
  'RSRC_CONF | ACCESS_CONF': 'server config, virtual host, directory',
  'OR_AUTHCFG | RSRC_CONF': 'server config, virtual host, directory, .htaccess (AuthConfig)',
  OR_AUTHCFG: 'directory, .htaccess (AuthConfig)',
  OR_FILEINFO: 'server config, virtual host, directory, .htaccess (FileInfo)',
  OR_ALL: 'server config, virtual host, directory, .htaccess (any)',
};

const source = read(SOURCE);
const macros = Object.fromEntries(
  [...HEADERS.map(read), source].flatMap((text) =>
    [...text.matchAll(/^#define (\w+) ((?:.*\\\n)*.*)$/gm)].map(([, name, value]) => [
      name,
      value.replace(/\\\n/g, ' '),
    ]),
  ),
);

/** The text of adjacent string literals and of macros that stand for such. */
function text(expression) {
  return [...expression.matchAll(/"((?:[^"\\]|\\.)*)"|(\w+)/g)]
    .map(([, literal, macro]) => {
      if (literal !== undefined) return literal.replace(/\\(.)/g, '$1');
      if (macros[macro] === undefined) throw new Error(`${SOURCE}: ${macro} is not a string macro`);
      return text(macros[macro]);
    })
    .join('');
}

function context(expression) {
  const resolved = (macros[expression] ?? expression).replace(/^\((.*)\)$/, '$1').trim();
  const found = CONTEXTS[expression] ?? CONTEXTS[resolved];
  if (found === undefined) throw new Error(`${SOURCE}: ${resolved} is not in CONTEXTS of scripts/directives.mjs`);
  return found;
}

/** The rows of the table in the source. `only` is the version of httpd that alone has it. */
function directives() {
  const table = source.slice(source.indexOf('const command_rec '));
  const row =
    /AP_INIT_\w+\("(\w+)", (\w+), (?:NULL|\w+\([^)]*\)|\(void \*\)[^,]*), ([\w |]+),\s*((?:"(?:[^"\\]|\\.)*"|\w+|\s)+)\)/y;
  const rows = [];
  let only;
  for (const { index, 0: found } of table.matchAll(/AP_INIT_|^#(?:if !?HTTPD_24|else|endif).*$/gm)) {
    if (found.startsWith('#if')) only = found.includes('!') ? '2.2' : '2.4';
    else if (found.startsWith('#else')) only = only === '2.2' ? '2.4' : '2.2';
    else if (found.startsWith('#endif')) only = undefined;
    else {
      row.lastIndex = index;
      const [, name, parse, where, help] = row.exec(table) ?? [];
      if (name === undefined) throw new Error(`${SOURCE}: no row: ${table.slice(index, index + 80)}`);
      // On 2.4, Require takes providers: the page has a section on the lines instead.
      if (name !== 'Require') rows.push({ name, parse, context: context(where), help: capital(text(help)), only });
    }
  }
  return rows;
}

/** Only words, not names such as app_label or django:. */
const capital = (help) => (/^[a-z]+[ ,]/.test(help) ? help.charAt(0).toUpperCase() + help.slice(1) : help);

/** Directives of the same meaning and context share a row. */
function markdown(rows) {
  const groups = new Map();
  for (const row of rows) {
    const key = JSON.stringify([row.context, row.help, row.only]);
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  const lines = [...groups.values()].map((group) => {
    const [{ context, help, only }] = group;
    const names = group.map(({ name }) => `\`${name}\``).join(', ');
    return `| ${names}${only ? ` (httpd ${only})` : ''} | ${help.replaceAll('|', '\\|')} | ${context} |\n`;
  });
  return ['| directive | meaning | context |\n', '| --- | --- | --- |\n', ...lines].join('');
}

const rows = directives();
const isObsolete = ({ parse }) => /^django_(?:ignore|reject|check)_/.test(parse);

const before = read(PAGE);
const after = [
  ['directives', rows.filter((row) => !isObsolete(row))],
  ['obsolete directives', rows.filter(isObsolete)],
].reduce((page, [name, part]) => replacePart(page, name, markdown(part)), before);
if (!process.argv.includes('--check')) writeFileSync(url(PAGE), after);
else if (after !== before) {
  console.error(`${PAGE} is behind the table in ${SOURCE}; run: npm run docs`);
  process.exitCode = 1;
}
