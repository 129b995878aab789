const DURATION = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const SIZE = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const;

export const DURATION_FORM = 'a number of seconds, or a string such as "500ms", "5s", "10m", "1h" or "1d"';
export const SIZE_FORM = 'a number of octets, or a string such as "512KiB", "256MiB" or "1GiB"';

/** Milliseconds; undefined if it is not a duration. A plain number is seconds. */
export function parseDuration(value: unknown): number | undefined {
  return parse(value, DURATION, DURATION.s);
}

/** Octets; undefined if it is not a size. */
export function parseSize(value: unknown): number | undefined {
  return parse(value, SIZE, SIZE.B);
}

function parse(value: unknown, units: Readonly<Record<string, number>>, plain: number): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) && value >= 0 ? value * plain : undefined;
  if (typeof value !== 'string') return undefined;
  const match = /^([0-9]+(?:\.[0-9]+)?) ?([A-Za-z]*)$/.exec(value);
  const unit = match?.[2] ? units[match[2]] : plain;
  return match && unit !== undefined ? Number(match[1]) * unit : undefined;
}
