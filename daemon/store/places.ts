/** The letters between which a place in a range of texts is chosen, in the order in which databases sort them. */
const LETTERS = '0123456789abcdefghijklmnopqrstuvwxyz';

/** How many letters of a text are chosen: 36⁸ places. */
const CHOSEN = 8;

/** The longest number that is taken for one, in digits: 2^128 has 39. */
const INTEGER = /^-?\d{1,39}$/;

/** A UUID as text, with or without dashes. */
const UUID = /^(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i;

/**
 * Primary keys that need not exist, spread evenly over a range: `count` of them, as text.
 *
 * Numbers and UUIDs are spread by their value. Of other texts the first letters in which both ends differ are chosen: a
 * place is good enough if rows come after it, because a query asks for the rows from there on.
 *
 * @param first the smallest key, as text
 * @param last the greatest
 * @param phase where in its part of the range each place is: from 0 to less than 1
 */
export function placesBetween(first: string, last: string, count: number, phase: number): string[] {
  const parts = Array.from({ length: count }, (_, part) => (part + phase) / count);
  if (INTEGER.test(first) && INTEGER.test(last)) {
    const width = first.length === last.length ? first.length : 0; // texts such as "007" keep their zeros
    return parts.map((part) => padded(between(BigInt(first), BigInt(last), part), width));
  }
  if (UUID.test(first) && UUID.test(last)) {
    const [a, b] = [first, last].map((uuid) => BigInt(`0x${uuid.replaceAll('-', '')}`)) as [bigint, bigint];
    return parts.map((part) => likeUuid(between(a, b, part), /[A-F]/.test(last) ? last : first));
  }
  return parts.map((part) => textBetween(first, last, part));
}

function padded(value: bigint, width: number): string {
  const text = value.toString();
  return value < 0n ? text : text.padStart(width, '0');
}

/** Exact enough for keys beyond 2^53: the share has 48 bits. */
function between(first: bigint, last: bigint, part: number): bigint {
  const scale = 2 ** 48;
  return first + ((last - first) * BigInt(Math.floor(part * scale))) / BigInt(scale);
}

function likeUuid(value: bigint, form: string): string {
  const digits = value.toString(16).padStart(32, '0');
  const text = form.includes('-') ? digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5') : digits;
  return /[A-F]/.test(form) ? text.toUpperCase() : text;
}

function textBetween(first: string, last: string, part: number): string {
  let same = 0;
  while (same < first.length && first[same] === last[same]) same++;
  const number = (text: string, missing: number) => {
    let value = 0;
    for (let at = same; at < same + CHOSEN; at++) {
      const digit = at < text.length ? LETTERS.indexOf((text[at] as string).toLowerCase()) : missing;
      // Anything else comes before or after all letters, as most signs and most alphabets do.
      value = value * LETTERS.length + (digit >= 0 ? digit : text.charCodeAt(at) < 0x80 ? 0 : LETTERS.length - 1);
    }
    return value;
  };
  const from = number(first, 0);
  let rest = Math.floor(from + (number(last, LETTERS.length - 1) - from) * part);
  let letters = '';
  for (let digit = 0; digit < CHOSEN; digit++) {
    letters = LETTERS[rest % LETTERS.length] + letters;
    rest = Math.floor(rest / LETTERS.length);
  }
  const rests = first.slice(same) + last.slice(same);
  const upper = /[A-Z]/.test(rests) && !/[a-z]/.test(rests);
  return first.slice(0, same) + (upper ? letters.toUpperCase() : letters);
}
