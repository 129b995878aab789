/** Lines of a terminal: text and spans of text with a colour. */

export interface Span {
  readonly text: string;
  readonly code: string;
}
export type Line = readonly (string | Span)[];

export const bold = (text: string): Span => ({ text, code: '1' });
export const dim = (text: string): Span => ({ text, code: '2' });
export const warning = (text: string, on: boolean): Span | string => (on ? { text, code: '31' } : text);
export const label = (text: string): Span => dim(text.padEnd(12));

/** Cuts a line at the last column, counting characters, before colour is added; a cut line ends in "…". */
export function render(
  line: Line,
  { columns, colour }: { readonly columns: number; readonly colour: boolean },
): string {
  const whole = line
    .map((part) => (typeof part === 'string' ? part : part.text))
    .join('')
    .trimEnd();
  const cut = [...whole].length > columns;
  let left = cut ? columns - 1 : columns;
  const shown = line
    .map((part) => {
      const { text, code } = typeof part === 'string' ? { text: part, code: '' } : part;
      const fits = [...text].slice(0, left).join('');
      left -= Math.min(left, [...text].length);
      return colour && code && fits ? `\u001b[${code}m${fits}\u001b[0m` : fits;
    })
    .join('');
  return cut && columns > 0 ? `${shown}…` : shown.trimEnd();
}

/** The first lines of a list that fit into `room` lines; the last of those says how many do not, and `more` besides. */
export function fitList(list: readonly Line[], room: number, what: string, more = 0): Line[] {
  if (list.length <= room && more === 0) return [...list];
  const shown = list.slice(0, Math.max(0, room - 1));
  return [...shown, [dim(`and ${list.length - shown.length + more} ${what}`)]];
}

const LEVELS = [...'▁▂▃▄▅▆▇█'];

/** The last values as bars one character wide. */
export function sparkline(values: readonly number[], width: number): string {
  if (width < 1) return '';
  const shown = values.slice(-width);
  const peak = Math.max(...shown, 1);
  return shown.map((value) => (value === 0 ? ' ' : LEVELS[Math.ceil((value / peak) * LEVELS.length) - 1])).join('');
}
