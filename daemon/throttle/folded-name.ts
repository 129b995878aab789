import { digitOf } from '../store/username-type.ts';

/** Letters of European names that databases take for others and that Unicode does not decompose. */
const LETTERS: Readonly<Record<string, string>> = {
  ...{ æ: 'ae', œ: 'oe', ø: 'o', ð: 'd', đ: 'd', ħ: 'h', ı: 'i', ł: 'l', ŋ: 'n', þ: 'th', ŧ: 't' },
};
const SPECIAL = new RegExp(`[${Object.keys(LETTERS).join('')}]`, 'gu');

/** What has no weight in a comparison, or little: marks, spaces, punctuation, symbols, letters that modify others. */
const WEIGHTLESS = /[^\p{L}\p{Nd}]|\p{Lm}/gu;

/** Numbers that are no decimal digits, letters above other letters, Vedic and Arabic signs, what is outside of the BMP. */
const RARE =
  /\p{No}|\p{Nl}|[\u0363-\u036f]|[\u1ab0-\u1aff]|[\u1cf2\u1cf3]|[\u1dc0-\u1dff]|[\ufe73\u{10000}-\u{10ffff}]/u;

/** Latin letters that are left when all that is usual has been replaced. */
const RARE_LATIN = /[^\P{Script=Latin}a-z]/u;

/** No folded name has it. */
const ALL_RARE = '\ufffd';

/**
 * A username folded so hard that the spellings that a database may take for one name share one form: case, accents,
 * width, ligatures, doubled letters (ß), spaces, punctuation, characters without weight, digits of every script. All
 * names with a rare character share one form, because databases differ in what they take such a character for. Names
 * that differ may share a form too, which costs them nothing but a common debt. It is never used to find an account.
 */
export function foldedName(username: string): string {
  const decomposed = username.normalize('NFKD');
  if (RARE.test(decomposed)) return ALL_RARE;
  const letters = decomposed
    .replace(WEIGHTLESS, '')
    .toLowerCase()
    .toUpperCase()
    .toLowerCase()
    .normalize('NFKD')
    .replace(WEIGHTLESS, '')
    .replace(SPECIAL, (letter) => LETTERS[letter] as string);
  if (RARE_LATIN.test(letters)) return ALL_RARE;
  return letters
    .replace(/[^\P{Nd}0-9]/gu, (digit) => String(digitOf(digit)))
    .replace(/(.)\1+/gu, '$1')
    .replace(/^0+(?=[0-9]+$)/, '')
    .replace(/^urnuid/, '');
}
