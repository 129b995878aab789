import type { Aim, Arrivals, Row } from './case.ts';

/** The aims that every attack has, as far as it concerns them, and its own. */
export function aimsOf({ proven, returning, newcomers, page, wrong, aims = [] }: Row): Aim[] {
  const arrived = (who: string, what: Arrivals | undefined): Aim[] =>
    what === undefined
      ? []
      : [
          { what: `${who} not in`, value: what.of - what.in, most: 0 },
          { what: `tries of ${who}`, value: what.tries, most: 2, timed: true },
          { what: `time until ${who} are in`, value: what.seconds, most: 5, unit: ' s', timed: true },
        ];
  return [
    { what: 'wrong verdicts', value: wrong, most: 0 },
    ...(proven === undefined
      ? []
      : [
          { what: 'questions of proven people unanswered', value: proven.of - proven.served, most: 0 },
          {
            what: 'p99 of proven people',
            value: proven.p99 / proven.idleP99,
            most: 10,
            unit: ' × idle',
            timed: true,
          },
        ]),
    ...arrived('returning people', returning),
    ...arrived('newcomers', newcomers),
    ...(page === undefined
      ? []
      : [{ what: 'p50 of an open page', value: page.p50 / page.idleP50, most: 3, unit: ' × idle', timed: true }]),
    ...aims,
  ];
}

/** The aims that were missed. `short`: those that no other work on the machine can spoil. */
export function missed(row: Row, short = false): Aim[] {
  // A value that could not be measured is a missed aim.
  return aimsOf(row).filter(({ value, most, timed }) => !(short && timed) && !(value <= most));
}

const ms = (value: number) => (value < 10 ? value.toFixed(1) : Math.round(value).toLocaleString('en'));
const figure = (value: number) => (Number.isInteger(value) ? String(value) : value.toFixed(value < 10 ? 2 : 1));

function arrivals(what: Arrivals | undefined): string {
  return what === undefined ? '–' : `${what.in} of ${what.of}, ${what.tries} tries, ${what.seconds.toFixed(1)} s`;
}

const HEAD = [
  ...['attack', 'proven served', 'p50 / p99 ms (idle)', 'returning in', 'newcomers in', 'open page p50 ms (idle)'],
  ...['memory MB', 'wrong', 'attacker, and other figures'],
];

/** The table of the documents. A missed aim is in bold in the last column. */
export function toMarkdown(rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const { attack, proven, returning, newcomers, page, memory, wrong, aims = [], note } = row;
    const own = aims.map(({ what, value, most, unit = '' }) => `${what} ${figure(value)}${unit} (≤ ${figure(most)})`);
    const lost = missed(row).map(({ what, value, unit = '' }) => `**missed: ${what}: ${figure(value)}${unit}**`);
    return [
      attack,
      proven ? `${proven.served} of ${proven.of}` : '–',
      proven ? `${ms(proven.p50)} / ${ms(proven.p99)} (${ms(proven.idleP50)} / ${ms(proven.idleP99)})` : '–',
      arrivals(returning),
      arrivals(newcomers),
      page ? `${ms(page.p50)} (${ms(page.idleP50)})` : '–',
      memory ? `${memory.before.toFixed(0)} → ${memory.peak.toFixed(0)}` : '–',
      String(wrong),
      [...own, ...(note ? [note] : []), ...lost].join('; '),
    ];
  });
  return [HEAD, HEAD.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

export function toJson(rows: readonly Row[]): object {
  return rows.map((row) => ({ ...row, aims: aimsOf(row), missed: missed(row).map(({ what }) => what) }));
}
