/** Numbers formatted for reading. */

let format: Intl.NumberFormat | undefined;

/** The formatter is made on first use: that takes tens of milliseconds, which would delay the start. */
function whole(value: number): string {
  format ??= new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
  return format.format(value);
}

export function count(value: number): string {
  return whole(value);
}

/** A count with its noun: 1 guess, 2 guesses. */
export function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : noun.endsWith('s') ? 'es' : 's'}`;
}

/** A rate; below 10 with one decimal. */
export function perSecond(value: number): string {
  if (value > 0 && value < 0.05) return '< 0.1';
  return value >= 10 || value === 0 ? whole(value) : value.toFixed(1);
}

/** A ratio of 0 to 1 as a percentage, rounded down so that 99.96 % is not shown as 100 %. */
export function share(value: number | undefined): string {
  if (value === undefined) return '–';
  const percent = Math.floor(value * 1000) / 10;
  return `${percent === 100 || percent === 0 ? percent : percent.toFixed(1)} %`;
}

/** A short duration, given in seconds. */
export function duration(seconds: number | undefined): string {
  if (seconds === undefined) return '–';
  if (seconds < 0.001) return `${significant(seconds * 1e6)} µs`;
  if (seconds < 1) return `${significant(seconds * 1000)} ms`;
  return `${significant(seconds)} s`;
}

function significant(value: number): string {
  return String(Number(value.toPrecision(value >= 100 ? 3 : 2)));
}

/** A long duration, given in seconds. */
export function age(seconds: number): string {
  const all = Math.floor(seconds);
  if (all < 60) return `${all} s`;
  if (all < 3600) return `${Math.floor(all / 60)} min`;
  const hours = Math.floor(all / 3600);
  if (hours < 24) return `${hours} h ${Math.floor((all % 3600) / 60)} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

export function octets(value: number): string {
  return `${whole(value / 1024 / 1024)} MiB`;
}
