import { createHmac, randomBytes } from 'node:crypto';

/** How names that no account has are written. */
export const UNKNOWN_NAMES = ['digest', 'full', 'none'] as const;
export type UnknownNames = (typeof UNKNOWN_NAMES)[number];

/** The longest that a name chosen by a client may be in a log line, in characters. */
const NAME_MAX = 256;

/** Octets of a digest: two of some thousand names hardly ever share one. */
const DIGEST_OCTETS = 6;

/** Known to this process only, and for as long as it lives: from a digest nobody can try which name it is. */
const key = randomBytes(32);

/**
 * Characters that a reader of the log may not see, or that change what is around them: controls, formats such as
 * right-to-left marks, unpaired surrogates, separators of lines. And the character that they are escaped with.
 */
const HIDDEN = /[\\\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** A name that a client sent, short enough for a line. Two short names are never written alike. */
export function shortened(name: string): string {
  if (isPlain(name)) return name;
  const short = name.length <= NAME_MAX ? name : `${name.slice(0, NAME_MAX)}…`;
  return short.replace(HIDDEN, (hidden) => (hidden === '\\' ? '\\\\' : coded(hidden)));
}

/** A sentence, in which names are in quotes already: on one line, with nothing that a reader does not see. */
export function escaped(sentence: string): string {
  return sentence.replace(HIDDEN, (hidden) => (hidden === '\\' ? hidden : coded(hidden)));
}

function coded(character: string): string {
  return `\\u{${(character.codePointAt(0) as number).toString(16)}}`;
}

/**
 * The name of a log line. Users type their password into the field for the name, so a name that is no account's is
 * written as a digest: the same for the same name, as long as the daemon runs, so that one can tell a user who tries
 * again from many. A name never begins with a backslash and a bracket unless it is a digest.
 */
export function nameInLog(name: string, isKnown: boolean, unknown: UnknownNames): string | undefined {
  if (isKnown || unknown === 'full') return shortened(name);
  if (unknown === 'none') return undefined;
  const digest = createHmac('sha256', key).update(name).digest('hex');
  return `\\(${digest.slice(0, 2 * DIGEST_OCTETS)})`;
}

/** A longer text is rare. */
const SHORT = 64;

/** Whether a text is short and printable ASCII without what is escaped here or in JSON: most names are. */
export function isPlain(text: string): boolean {
  const { length } = text;
  if (length > SHORT) return false;
  for (let at = 0; at < length; at++) {
    const code = text.charCodeAt(at);
    if (code < 0x20 || code > 0x7e || code === 0x22 || code === 0x5c) return false;
  }
  return true;
}
