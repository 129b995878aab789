/** Numbers for people. */

let format: Intl.NumberFormat | undefined;

/** Made when first needed: it takes tens of milliseconds, which a start need not wait for. */
function whole(value: number): string {
  format ??= new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
  return format.format(value);
}

export function count(value: number): string {
  return whole(value);
}

/** A number a second: of small ones the parts count too. */
export function perSecond(value: number): string {
  if (value > 0 && value < 0.05) return '< 0.1';
  return value >= 10 || value === 0 ? whole(value) : value.toFixed(1);
}

export function share(value: number | undefined): string {
  if (value === undefined) return '–';
  // 99.96 % is not all.
  const percent = Math.floor(value * 1000) / 10;
  return `${percent === 100 || percent === 0 ? percent : percent.toFixed(1)} %`;
}

/** How long something took, in seconds. */
export function took(seconds: number | undefined): string {
  if (seconds === undefined) return '–';
  if (seconds < 0.001) return `${three(seconds * 1e6)} µs`;
  if (seconds < 1) return `${three(seconds * 1000)} ms`;
  return `${three(seconds)} s`;
}

function three(value: number): string {
  return String(Number(value.toPrecision(value >= 100 ? 3 : 2)));
}

/** For how long something has been so, in seconds. */
export function lasting(seconds: number): string {
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
