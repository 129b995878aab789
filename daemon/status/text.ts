import { SOURCES } from '../metrics/counters.ts';
import { quantile } from '../metrics/histogram.ts';
import { totals } from '../metrics/metrics.ts';
import { hitRatio, type Report, rate } from '../metrics/report.ts';

/** One line `Name: value` per figure, as in mod_status with `?auto`. */
export function toText(report: Report): string {
  const lines = generalLines(report);
  lines.push(['Sites', report.sites.length]);
  lines.push(['DatabasesDown', report.sites.filter(({ database }) => database.up === false).length]);
  if (report.sites_omitted > 0) lines.push(['SitesOmitted', report.sites_omitted]);
  for (const [index, { name, verdicts, leased, stale, accounts, database, hearing }] of report.sites.entries()) {
    const { connections, last_failure } = database;
    const site = `Site${index + 1}`;
    lines.push([`${site}Name`, name], [`${site}Database`, database.name]);
    lines.push([`${site}DatabaseState`, database.up === null ? 'unknown' : database.up ? 'up' : 'down']);
    lines.push([`${site}DatabaseStateSeconds`, Math.floor(database.state_seconds)]);
    if (last_failure) {
      lines.push([`${site}DatabaseLastFailure`, last_failure.message]);
      lines.push([`${site}DatabaseLastFailureSecondsAgo`, Math.floor(last_failure.seconds_ago)]);
    }
    if (connections) {
      lines.push([`${site}DatabaseConnections`, `${connections.open - connections.idle}/${connections.limit}`]);
      lines.push([`${site}DatabaseQueriesWaiting`, connections.waiting]);
    }
    if (hearing) {
      lines.push([`${site}ChangesHeard`, hearing.hears ? 'yes' : 'no']);
      lines.push([`${site}ChangesHeardStateSeconds`, Math.floor(hearing.state_seconds)]);
      lines.push([`${site}ChangesTold`, hearing.notifications]);
      if (hearing.canary_seconds !== null) lines.push([`${site}CanarySecondsAgo`, round(hearing.canary_seconds)]);
      if (hearing.reason !== null) lines.push([`${site}ChangesNotHeardBecause`, hearing.reason]);
    }
    for (const [kind, number] of Object.entries(verdicts)) lines.push([`${site}${camel(kind)}`, number]);
    lines.push([`${site}Leased`, leased], [`${site}Stale`, stale], [`${site}Accounts`, accounts]);
  }
  for (const [index, { kind, site, who, seconds }] of report.throttle.refused.entries()) {
    const throttled = `Throttled${index + 1}`;
    lines.push([`${throttled}Limit`, kind], [`${throttled}Who`, who], [`${throttled}Seconds`, Math.ceil(seconds)]);
    if (site !== '') lines.push([`${throttled}Site`, site]);
  }
  return lines.map(([name, value]) => `${name}: ${value}\n`).join('');
}

function generalLines(report: Report): [string, string | number][] {
  const lines: [string, string | number][] = [
    ['Server', `djauthd ${report.version}`],
    ['Protocol', report.protocol],
    ['Node', report.node],
    ['Pbkdf2', report.pbkdf2],
    ['ChecksPerSecond', round(rate(report, 10))],
  ];
  const hits = hitRatio(report);
  if (hits !== undefined) lines.push(['HitRatio', round(hits)]);
  for (const source of SOURCES) {
    for (const percent of [50, 95, 99]) {
      const seconds = quantile(report.durations[source], percent / 100);
      if (seconds !== undefined) lines.push([`${camel(source)}P${percent}Seconds`, round(seconds)]);
    }
  }
  for (const [name, value] of Object.entries(totals(report))) lines.push([camel(name), value]);
  return lines;
}

function camel(name: string): string {
  return name.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function round(value: number): number {
  return Number(value.toPrecision(4));
}
