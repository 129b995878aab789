import type { Measurement } from './case.ts';
import { aimOf, type Key, keys, meets } from './keys.ts';
import type { Machine } from './machine.ts';

export interface Results {
  readonly machine: Machine;
  readonly command: string;
  readonly quick: boolean;
  readonly measurements: ReadonlyMap<string, Measurement>;
  readonly notes: Readonly<Record<string, unknown>>;
  /** The errors of failed cases, by the case's name. */
  readonly failures: ReadonlyMap<string, string>;
}

/** By key: value, aim, whether it is met, both sides. The rest is under "about". */
export function toJson({ machine, command, quick, measurements, notes, failures }: Results): object {
  const measured = keys.flatMap((key) => {
    const found = measurements.get(key.name);
    if (!found) return [];
    const { key: name, value, ...rest } = found;
    return [[name, { value, unit: key.unit, aim: aimOf(key), met: meets(key, value), what: key.what, ...rest }]];
  });
  const about = { ...machine, command, quick, failures: Object.fromEntries(failures), notes };
  return { ...Object.fromEntries(measured), about };
}

/** The table for the README. */
export function toMarkdown({ machine, command, quick, measurements }: Results): string {
  const rows = keys.map((key: Key) => {
    const found = measurements.get(key.name);
    if (!found) return `| \`${key.name}\` | ${key.what} | – | ${aimOf(key)} | | |`;
    const value = key.unit === '×' ? figure(found.value) : `${figure(found.value)} ${key.unit}`;
    const met = meets(key, found.value) ? value : `**${value}**`;
    return `| \`${key.name}\` | ${key.what} | ${met} | ${aimOf(key)} | ${side(found.ours)} | ${side(found.other)} |`;
  });
  const versions = Object.entries(machine.versions).map(([name, version]) => `${name} ${version}`);
  return [
    '| key | what | value | aim | djauthd | the other |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
    '',
    `${machine.date}, ${machine.cores} cores of ${machine.cpu}; ${versions.join(', ')}.`,
    `Medians of interleaved rounds, by \`${command}\`. What misses its aim is bold.${quick ? ' A quick run: not to be quoted.' : ''}`,
  ].join('\n');
}

function side({ what, value, unit }: Measurement['ours']): string {
  return `${what}: ${figure(value)} ${unit}`;
}

/** Three significant digits, with thousands separators. */
export function figure(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString('en');
  return String(Number(value.toPrecision(3)));
}
