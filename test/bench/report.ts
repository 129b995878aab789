import type { Measurement, Revocation } from './case.ts';
import { aimOf, type Key, keys, meets } from './keys.ts';
import type { Machine } from './machine.ts';

export interface Results {
  readonly machine: Machine;
  readonly command: string;
  readonly quick: boolean;
  readonly measurements: ReadonlyMap<string, Measurement>;
  readonly revocations: readonly Revocation[];
  readonly notes: Readonly<Record<string, unknown>>;
  /** The errors of failed cases, by the case's name. */
  readonly failures: ReadonlyMap<string, string>;
}

/** By key: value, aim, whether it is met, both sides. The rest is under "about". */
export function toJson({ machine, command, quick, measurements, revocations, notes, failures }: Results): object {
  const measured = keys.flatMap((key: Key) => {
    const found = measurements.get(key.name);
    if (!found) return [];
    const { key: name, value, ...rest } = found;
    return [[name, { value, unit: key.unit, aim: aimOf(key), met: meets(key, value), what: key.what, ...rest }]];
  });
  const about = { ...machine, command, quick, failures: Object.fromEntries(failures), notes, revocations };
  return { ...Object.fromEntries(measured), about };
}

/** What `toJson` made, read back. @throws Error if it is something else */
export function fromJson(text: string): Results {
  const { about, ...measured } = JSON.parse(text);
  if (typeof about?.date !== 'string') throw new Error('these are no figures of the bench');
  const { date, cpu, cores, versions, command, quick, failures, notes, revocations = [] } = about;
  return {
    machine: { date, cpu, cores, versions },
    command,
    quick,
    measurements: new Map(
      Object.entries(measured as Record<string, object>).map(([key, rest]) => [key, { key, ...rest } as Measurement]),
    ),
    revocations,
    notes,
    failures: new Map(Object.entries(failures)),
  };
}

/** The table of figures. @param which all keys, or those of the README's front page, of which it says less */
export function toMarkdown(results: Results, which: 'all' | 'front' = 'all'): string {
  const chosen = keys.filter((key: Key) => which === 'all' || key.front);
  const rows = chosen.map((key: Key) => {
    const found = results.measurements.get(key.name);
    if (!found) return `| \`${key.name}\` | ${key.what} | – | ${aimOf(key)} | | |`;
    const value = key.unit === '×' ? figure(found.value) : `${figure(found.value)} ${key.unit}`;
    const met = meets(key, found.value) ? value : `**${value}**`;
    return `| \`${key.name}\` | ${key.what} | ${met} | ${aimOf(key)} | ${side(found.ours)} | ${side(found.other)} |`;
  });
  const { command, quick } = results;
  return [
    '| key | what | value | aim | djauthd | the other |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
    '',
    `${machineLine(results)} Medians of interleaved rounds, by`,
    `\`${command}\`. What misses its aim is bold.${quick ? ' A quick run: not to be quoted.' : ''}`,
  ].join('\n');
}

/** The machine and the versions, as one line. */
function machineLine({ machine: { date, cores, cpu, versions } }: Results): string {
  const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return `${date}, ${cores} cores of ${cpu}; ${named.join(', ')}.`;
}

/** The table of what a change in the database does behind each server; empty if it was not measured. */
export function revocationsToMarkdown({ revocations }: Results): string {
  if (revocations.length === 0) return '';
  return [
    '| server | old password works for | new one is refused for | deactivated person gets in for | lost group counts for | setting |',
    '| --- | --- | --- | --- | --- | --- |',
    ...revocations.map(({ server, cells, setting }) => `| ${[server, ...cells, setting].join(' | ')} |`),
  ].join('\n');
}

function side({ what, value, unit, detail }: Measurement['ours']): string {
  return `${what}: ${figure(value)} ${unit}${detail === undefined ? '' : ` (${detail})`}`;
}

/** Three significant digits, with thousands separators. */
export function figure(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString('en');
  return String(Number(value.toPrecision(3)));
}
