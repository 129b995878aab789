// Keys, commands and exit codes in man(7).
import { sectionName, toml } from './parts.mjs';

/** Markdown's code in bold; what troff would read as its own is escaped. One sentence a line. */
export function troff(markdown) {
  return escaped(markdown)
    .replace(/`([^`]*)`/g, '\\fB$1\\fR')
    .replace(/([.;:]) (?=\S)/g, '$1\n')
    .replace(/^(['.])/gm, '\\&$1');
}

function escaped(text) {
  return text.replaceAll('\\', '\\e').replaceAll('-', '\\-').replaceAll('"', '\\(dq').replaceAll('…', '...');
}

/** A word in quotes, as an argument of a request. */
function argument(text) {
  return `"${escaped(text)}"`;
}

export function keysAsMan(sections) {
  return sections
    .filter(({ path }) => path.length > 0)
    .map((section) => {
      const named = section.path.at(-1) === '*';
      const heading = named ? '' : `.SS ${argument(sectionName(section))}\n${troff(section.about)}\n`;
      const absent = section.absent ? `${troff(`If omitted: ${section.absent}.`)}\n` : '';
      return heading + absent + section.keys.map((key) => keyAsMan(section, key)).join('') + exampleAsMan(section);
    })
    .join('');
}

/** How many keys an example shows of a section that gives none of its own. */
const DEFAULTS_SHOWN = 3;

/** The section as it may stand in the file: the keys that have an example, else some with their defaults. */
function exampleAsMan(section) {
  const given = section.keys.filter(({ example, required }) => example !== undefined || required);
  const shown = given.length > 0 ? given : section.keys.slice(0, DEFAULTS_SHOWN);
  if (shown.length === 0) return '';
  const path = section.path.map((part) => (part === '*' ? '"mysite.settings"' : part));
  const lines = shown.map(({ name, example, default: value }) => `${name} = ${toml(example ?? value)}`);
  const text = [sectionName({ ...section, path }), ...lines].map((line) => `${escaped(line)}\n`).join('');
  return `.PP\nExample:\n.PP\n.RS\n.EX\n${text}.EE\n.RE\n`;
}

function keyAsMan({ path }, { name, about, type, ...rest }) {
  const full = [...path.map((part) => (part === '*' ? 'NAME' : part)), name].join('.');
  const accepted = `${troff(`Type: ${type.name === 'string' ? type.name : type.accepted}.`)}\n`;
  const value = rest.required ? 'Required.' : `Default: ${rest.absent ?? toml(rest.default)}.`;
  return `.TP\n.B ${argument(full)}\n${troff(about)}\n${accepted}${troff(value)}\n`;
}

/** `djauthd serve [--config FILE] …`: a line for each command. */
export function synopsisAsMan(program) {
  return program.commands
    .map((command) => {
      const given = command.registeredArguments.map((argument) => `\\fI${escaped(argument.name()).toUpperCase()}\\fR`);
      const words = visible(command).map((option) => {
        const word = `\\fB${escaped(option.long)}\\fR${valueName(option)}`;
        return option.mandatory ? word : `[${word}]`;
      });
      return `.br\n\\fBdjauthd ${escaped(command.name())}\\fR\n${[...given, ...words].join('\n')}\n`;
    })
    .join('')
    .replace(/^\.br\n/, '');
}

export function commandsAsMan(program) {
  return program.commands
    .map((command) => {
      const options = visible(command).map((option) => {
        const short = option.short ? `\\fB${escaped(option.short)}\\fR, ` : '';
        const value = option.defaultValueDescription ?? option.defaultValue;
        const described = typeof value === 'string' ? `${option.description} (default: ${value})` : option.description;
        const choices = option.argChoices ? `: ${option.argChoices.join(', ')}` : '';
        return `.TP\n${short}\\fB${escaped(option.long)}\\fR${valueName(option)}\n${troff(sentence(described + choices))}\n`;
      });
      return `.SS ${argument(command.name())}\n${troff(command.description())}\n${options.join('')}`;
    })
    .join('');
}

function visible({ options }) {
  return options.filter((option) => !option.hidden);
}

/** `<file>` as it stands in manuals. */
function valueName({ flags }) {
  const value = /<([^>]*)>/.exec(flags)?.[1];
  return value ? ` \\fI${value.replace('...', '').toUpperCase()}\\fR${value.endsWith('...') ? ' ...' : ''}` : '';
}

function sentence(text) {
  return `${text[0].toUpperCase()}${text.slice(1)}.`;
}

export function codesAsMan(codes) {
  return Object.values(codes)
    .map(({ code, about }) => `.TP\n.B ${code}\n${troff(about)}\n`)
    .join('');
}
