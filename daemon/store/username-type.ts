/** Whitespace as Python's int() strips it. */
const SPACE = '[\\t-\\r \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]*';

const INTEGER = new RegExp(`^${SPACE}([+-]?)(\\p{Nd}+(?:_\\p{Nd}+)*)${SPACE}$`, 'u');

/** The most digits that a 64-bit integer has. */
const DIGITS_MAX = 19;

/**
 * The decimal digits of the integer that Python's int(), and so an integer field of Django, reads in a text: `7` of
 * ` 07`, `+7` and the digits of any script. undefined if it is none, or none that a 64-bit column can hold.
 */
export function integerOf(text: string): string | undefined {
  const [, sign, digits = ''] = INTEGER.exec(text) ?? [];
  const plain = [...digits.replaceAll('_', '')]
    .map(digitOf)
    .join('')
    .replace(/^0+(?=.)/, '');
  if (plain === '' || plain.length > DIGITS_MAX) return undefined;
  return sign === '-' && plain !== '0' ? `-${plain}` : plain;
}

/** The value of a decimal digit. Each script has its ten digits in a row, and scripts without a gap follow each other. */
export function digitOf(character: string): number {
  const code = character.codePointAt(0) as number;
  if (code < 0x80) return code - 0x30;
  let before = 0;
  while (/^\p{Nd}$/u.test(String.fromCodePoint(code - before - 1))) before++;
  return before % 10;
}

/**
 * The 32 hexadecimal digits of the UUID that Python's uuid.UUID(), and so a UUIDField of Django, reads in a text, with
 * or without dashes, braces and `urn:uuid:`. undefined if it is none.
 */
export function uuidOf(text: string): string | undefined {
  const digits = text
    .replaceAll('urn:', '')
    .replaceAll('uuid:', '')
    .replace(/^[{}]+|[{}]+$/g, '')
    .replaceAll('-', '');
  return /^[0-9a-f]{32}$/i.test(digits) ? digits.toLowerCase() : undefined;
}
