import type { Report, SiteReport } from '../../metrics/report.ts';
import { age, count } from '../../status/units.ts';
import { dim, type Line, warning } from './lines.ts';

interface Column {
  readonly title: string;
  readonly read: (site: SiteReport) => string;
  readonly left?: true;
  /** Shown only where a name keeps NAME_ROOMY characters. */
  readonly spare?: true;
}

/** In the order in which they are shown. */
const COLUMNS: readonly Column[] = [
  { title: 'DATABASE', read: ({ database: { up } }) => (up === null ? 'unknown' : up ? 'up' : 'DOWN'), left: true },
  { title: 'ERROR', read: ({ verdicts }) => short(verdicts.error) },
  { title: 'BUSY', read: ({ verdicts }) => short(verdicts.busy) },
  { title: 'DENIED', read: ({ verdicts }) => short(verdicts.denied) },
  { title: 'GRANTED', read: ({ verdicts }) => short(verdicts.granted) },
  {
    title: 'SINCE',
    read: ({ database }) => (database.up === null ? '' : age(database.state_seconds)),
    spare: true,
  },
  {
    title: 'CONN',
    read: ({ database: { connections } }) =>
      connections === null ? '-' : `${connections.open - connections.idle}/${connections.limit}`,
    spare: true,
  },
];

/** A site's name is cut to the room that the columns leave, but not to fewer characters than these. */
const NAME_MIN = 12;
const NAME_ROOMY = 20;
const NAME_MAX = 32;

/** A line of titles and a line for each site: those whose database is down first, then those that are not heard, and those with errors. */
export function siteTable({ sites }: Report, columns: number): Line[] {
  const sorted = sites.toSorted((a, b) => urgency(b) - urgency(a));
  const longest = Math.min(NAME_MAX, Math.max(4, ...sorted.map(({ name }) => [...name].length)));
  const least = Math.min(longest, NAME_MIN);
  let left = columns - least;
  const shown: { column: Column; width: number }[] = [];
  for (const column of COLUMNS) {
    const width = Math.max(column.title.length, ...sorted.map((site) => column.read(site).length));
    const reserved = column.spare ? Math.min(longest, NAME_ROOMY) - least : 0;
    if (width + 1 > left - reserved) break;
    left -= width + 1;
    shown.push({ column, width });
  }
  const name = Math.min(longest, least + left);
  const line = (first: string, read: (column: Column) => string) =>
    [fitted(first, name), ...shown.map(({ column, width }) => pad(read(column), width, column.left))].join(' ');
  return [
    [dim(line('SITE', ({ title }) => title))],
    ...sorted.map(
      (site): Line => [
        warning(
          line(site.name, ({ read }) => read(site)),
          site.database.up === false,
        ),
      ],
    ),
  ];
}

/** One line for each database that is down, and then for each whose changes are not heard, with the reason. */
export function faultLines({ sites }: Report): Line[] {
  const line = (name: string, what: string, seconds: number, why = ''): Line => [
    warning(
      `${fitted(name, Math.min(NAME_MAX, [...name].length))}: ${what} for ${age(seconds)}${why && `: ${why}`}`,
      true,
    ),
  ];
  const down = sites.filter(({ database }) => database.up === false);
  // Whose database is down hears nothing either.
  const deaf = sites.filter(({ database, hearing }) => database.up !== false && hearing?.hears === false);
  return [
    ...down.map(({ name, database }) =>
      line(name, 'database down', database.state_seconds, database.last_failure?.message),
    ),
    ...deaf.map(({ name, hearing }) =>
      line(name, 'changes not heard', hearing?.state_seconds ?? 0, hearing?.reason ?? undefined),
    ),
  ];
}

function urgency({ database: { up }, hearing, verdicts }: SiteReport): number {
  if (up === false) return 4;
  if (hearing?.hears === false) return 3;
  return verdicts.error > 0 ? 2 : up === null ? 1 : 0;
}

/** A count in at most seven characters. */
function short(value: number): string {
  if (value < 1e6) return count(value);
  const [unit, letter] = value < 1e9 ? [1e6, 'M'] : [1e9, 'G'];
  return `${(Math.floor((value / unit) * 10) / 10).toFixed(1)}${letter}`;
}

function pad(text: string, width: number, left?: true): string {
  return left ? text.padEnd(width) : text.padStart(width);
}

function fitted(text: string, width: number): string {
  const characters = [...text];
  return characters.length > width
    ? `${characters.slice(0, width - 1).join('')}…`
    : text + ' '.repeat(width - characters.length);
}
