import { ALTERNATIVES_MAX, EXPRESSION_MAX } from '../../protocol/limits.ts';
import type { Requirements } from './requirement.ts';

/** What `Require` lines of httpd 2.4 say, in one line: `all(any(django-group A), not django-staff)`. */
export type Expression =
  /** undefined: `valid-user`. */
  | { readonly kind: 'line'; readonly text: string; readonly negated: boolean; readonly required?: Requirements }
  | { readonly kind: Container; readonly text: string; readonly inner: readonly Expression[] };

/** `<RequireAll>`, `<RequireAny>` and `<RequireNone>`. */
const CONTAINERS = ['all', 'any', 'none'] as const;
type Container = (typeof CONTAINERS)[number];

/** What one line or section comes to, as httpd's mod_authz_core counts. `unseen`: httpd had decided before it. */
export type Outcome = 'granted' | 'denied' | 'neutral' | 'fault' | 'unseen';

/** A line or section with what it came to, in the order in which they are written. */
export interface Judged {
  readonly depth: number;
  readonly text: string;
  readonly outcome: Outcome;
}

/** The text is no expression. The message says what is accepted. */
export class ExpressionError extends Error {}

/** Lines and sections of an expression, and how deep sections may be nested. */
const PARTS_MAX = 64;
const DEPTH_MAX = 8;

const NOTHING: Requirements = { staff: false, superuser: false, permissions: [], groups: [] };

const ACCEPTED =
  'accepted: django-staff, django-superuser, django-permission app_label.codename …, django-group "Name" …, valid-user, ' +
  'each with "not" before it, and all(…), any(…), none(…) of these';

/** As in client-c/apache/values.c: an app label is an identifier, a codename any text without spaces. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what it refuses
const PERMISSION = /^[A-Za-z_\u0080-\u{10ffff}][A-Za-z0-9_\u0080-\u{10ffff}]*\.[^\u0000-\u0020\u007f]+$/u;

/** The names of a line, or a mark. A name in quotes may contain anything; `\` takes the next character as it is. */
const TOKEN = /\s*(?:([(),])|"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^\s(),"']+))/suy;

type Token = { readonly mark: string } | { readonly word: string; readonly quoted: boolean };

/**
 * The expression that a text is. Several at the top, separated by commas, are alternatives, as the lines of a section are.
 *
 * @throws ExpressionError
 */
export function parseExpression(text: string): Expression {
  if (Buffer.byteLength(text) > EXPRESSION_MAX) throw refused(`more than ${EXPRESSION_MAX} octets`);
  return new Parser(tokensOf(text)).whole();
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  const end = text.trimEnd().length;
  while (TOKEN.lastIndex < end) {
    const at = TOKEN.lastIndex;
    const found = TOKEN.exec(text);
    if (found === null) throw refused(`a quotation mark is not closed: ${shown(text.slice(at).trim())}`);
    const [, mark, double, single, bare] = found;
    const quoted = double ?? single;
    if (mark !== undefined) tokens.push({ mark });
    else tokens.push({ word: quoted?.replace(/\\(.)/gsu, '$1') ?? (bare as string), quoted: quoted !== undefined });
  }
  return tokens;
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;
  #parts = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  whole(): Expression {
    if (this.#tokens.length === 0) throw refused('empty');
    // httpd takes the lines of a section for <RequireAny>; one section at the top stands for itself.
    const inner = this.#list('any', 0);
    if (this.#at < this.#tokens.length) throw refused(`")" without "("`);
    const [only] = inner;
    return inner.length === 1 && only !== undefined ? only : { kind: 'any', text: 'any', inner };
  }

  /** Expressions between commas, up to a closing parenthesis or the end. */
  #list(kind: Container, depth: number): Expression[] {
    const inner = [this.#one(kind, depth)];
    while (this.#takes(',')) inner.push(this.#one(kind, depth));
    return inner;
  }

  #one(parent: Container, depth: number): Expression {
    if (++this.#parts > PARTS_MAX) throw refused(`more than ${PARTS_MAX} lines and sections`);
    const negated = this.#takesWord('not');
    const token = this.#tokens[this.#at++];
    if (token === undefined || 'mark' in token) {
      throw refused(`${token === undefined ? 'the end' : `"${token.mark}"`} where a requirement is expected`);
    }
    const container = CONTAINERS.find((word) => word === token.word && !token.quoted);
    if (container !== undefined && this.#takes('(')) return this.#section(container, negated, parent, depth);
    if (negated && parent !== 'all') throw ineffective(`not ${token.word}`, parent);
    return this.#line(token.word, negated);
  }

  #section(kind: Container, negated: boolean, parent: Container, depth: number): Expression {
    if (negated) throw refused(`"not" before ${kind}(…); write none(…)`);
    if (depth >= DEPTH_MAX) throw refused(`sections are nested more than ${DEPTH_MAX} deep`);
    if (kind === 'none' && parent !== 'all') throw ineffective('none(…)', parent);
    const inner = this.#list(kind, depth + 1);
    if (!this.#takes(')')) throw refused(`${kind}( is not closed, or a comma is missing`);
    if (kind === 'all' && inner.every(isNegative)) {
      throw refused('all(…) of negative lines only: httpd does not start with it; add a line that must be met');
    }
    return { kind, text: kind, inner };
  }

  #line(keyword: string, negated: boolean): Expression {
    const names: string[] = [];
    for (let token = this.#tokens[this.#at]; token !== undefined && 'word' in token; token = this.#tokens[this.#at]) {
      names.push(token.word);
      this.#at++;
    }
    const text = `${negated ? 'not ' : ''}${[keyword, ...names.map(written)].join(' ')}`;
    const wrong = mistakeIn(keyword, names);
    if (wrong !== undefined) throw refused(wrong);
    if (keyword === 'valid-user') return { kind: 'line', text, negated };
    const required: Requirements = {
      staff: keyword === 'django-staff',
      superuser: keyword === 'django-superuser',
      permissions: keyword === 'django-permission' ? names : [],
      groups: keyword === 'django-group' ? names : [],
    };
    return { kind: 'line', text, negated, required };
  }

  #takes(mark: string): boolean {
    const token = this.#tokens[this.#at];
    const takes = token !== undefined && 'mark' in token && token.mark === mark;
    if (takes) this.#at++;
    return takes;
  }

  #takesWord(word: string): boolean {
    const token = this.#tokens[this.#at];
    const takes = token !== undefined && 'word' in token && !token.quoted && token.word === word;
    if (takes) this.#at++;
    return takes;
  }
}

/** What is wrong with a line, as the module says when httpd reads its configuration; undefined if nothing is. */
function mistakeIn(keyword: string, names: readonly string[]): string | undefined {
  const named = keyword === 'django-permission' || keyword === 'django-group';
  if (!named && !['django-staff', 'django-superuser', 'valid-user'].includes(keyword)) {
    return `unknown requirement ${shown(keyword)}`;
  }
  if (!named) return names.length === 0 ? undefined : `${keyword} takes no names, but has ${shown(names[0] as string)}`;
  if (names.length === 0) return `${keyword} needs a name`;
  if (names.length > ALTERNATIVES_MAX) return `${keyword} takes at most ${ALTERNATIVES_MAX} names`;
  for (const name of names) {
    if (name.includes('%{')) return `${shown(name)} depends on the request: write its value`;
    if (name === '') return `${keyword} has an empty name`;
    if (keyword === 'django-permission' && !PERMISSION.test(name)) {
      return `invalid permission ${shown(name)}: a permission is app_label.codename, such as polls.can_vote`;
    }
  }
  return undefined;
}

function isNegative(part: Expression): boolean {
  return part.kind === 'none' || (part.kind === 'line' && part.negated);
}

/** A name as it is written: in quotes unless it needs none. */
function written(name: string): string {
  return /^[^\s(),"'\\]+$/u.test(name) ? name : `"${name.replace(/["\\]/g, '\\$&')}"`;
}

function shown(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

function ineffective(what: string, parent: Container): ExpressionError {
  const where = parent === 'any' ? 'any(…) or at the top' : `${parent}(…)`;
  return refused(`${what} has no effect in ${where}, and httpd does not start with it; put it into all(…)`);
}

function refused(sentence: string): ExpressionError {
  return new ExpressionError(`invalid expression: ${sentence}; ${ACCEPTED}`);
}

/**
 * What an expression comes to for one user, and each of its parts, as `apply_authz_sections` of httpd's mod_authz_core:
 * parts are looked at in their order until one decides, a negated line never grants, and a fault ends it.
 *
 * @param meets whether the user meets a line; undefined: that is a fault
 */
export function judge(expression: Expression, meets: (required: Requirements) => boolean | undefined): Judged[] {
  const judged: { depth: number; text: string; outcome: Outcome }[] = [];
  const look = (part: Expression, depth: number, seen: boolean): Outcome => {
    const entry = { depth, text: part.text, outcome: 'unseen' as Outcome };
    judged.push(entry);
    if (part.kind === 'line') {
      if (seen) entry.outcome = ofLine(part.negated, part.required === undefined ? true : meets(part.required));
      return entry.outcome;
    }
    const decides = part.kind === 'all' ? 'denied' : 'granted';
    let outcome: Outcome = 'neutral';
    let open = seen;
    for (const each of part.inner) {
      const found = look(each, depth + 1, open);
      if (found === 'unseen' || found === 'neutral') continue;
      if (found === 'fault' || found === decides || outcome === 'neutral') outcome = found;
      if (found === 'fault' || found === decides) open = false;
    }
    if (seen) entry.outcome = part.kind === 'none' ? negation(outcome) : outcome;
    return entry.outcome;
  };
  look(expression, 0, true);
  return judged;
}

function ofLine(negated: boolean, met: boolean | undefined): Outcome {
  if (met === undefined) return 'fault';
  const outcome = met ? 'granted' : 'denied';
  return negated ? negation(outcome) : outcome;
}

function negation(outcome: Outcome): Outcome {
  return outcome === 'granted' ? 'denied' : outcome === 'denied' ? 'neutral' : outcome;
}

/** Everything that the lines of an expression require, with the empty requirements for none. */
export function linesOf(expression: Expression): Requirements[] {
  if (expression.kind === 'line') return [expression.required ?? NOTHING];
  return expression.inner.flatMap(linesOf);
}
