import type { Config } from '../config/schema.ts';
import type { Sources } from '../config/sources.ts';
import { protectMemory } from '../native/memory.ts';
import { choosePbkdf2, describePbkdf2, type Implementation } from '../native/pbkdf2.ts';
import { groupName } from '../service/system-user.ts';
import { hashPolicyOf } from '../site/hash-policy.ts';
import type { DaemonProcess } from './daemon-process.ts';
import { examineAccess, examineReading } from './file-access.ts';
import { counted, type Finding, warning } from './finding.ts';
import { examineSite, type SiteReport } from './site-report.ts';
import { examineSocket } from './socket-access.ts';

/**
 * The output of `djauthd doctor --json`.
 *
 * `sites[].census.costs` counts accounts by algorithm and parameters; `coldCost` is measured on this machine, `ms` of
 * one core and `perSecond` with all workers. `findings` are sentences, each with the commands that fix it, if any.
 */
export interface Report {
  readonly config: string;
  /** As whom the files and databases were examined: the user of the daemon's unit, if doctor runs as root or that user. */
  readonly process: { readonly user: string; readonly groups: readonly string[]; readonly unit: string | undefined };
  /** The implementation of PBKDF2 on this machine. */
  readonly pbkdf2: Implementation;
  readonly problems: number;
  readonly warnings: number;
  /** Findings about the configuration file and the sockets. */
  readonly findings: readonly Finding[];
  readonly sites: readonly SiteReport[];
}

/** Examines everything that a configuration names; one site after the other, because the cost of hashes is measured. */
export async function examine(sources: Sources, config: Config, daemon: DaemonProcess): Promise<Report> {
  const pbkdf2 = choosePbkdf2(config.hash.native);
  const sites: SiteReport[] = [];
  for (const [name, site] of Object.entries(config.sites)) {
    sites.push(await examineSite(name, site, hashPolicyOf(site, config.hash), config.hash.workers, daemon));
  }
  const { unit, user } = daemon;
  const unprotected = protectMemory(); // the daemon could do no better here
  const findings = [
    ...daemon.findings,
    ...(unprotected === undefined ? [] : [warning(unprotected)]),
    ...examineReading(sources.files, config, user.name),
    ...examineAccess(sources, config),
    ...examineSocket(daemon, config.listen),
  ];
  const all = [...findings, ...sites.flatMap((site) => site.findings)];
  const count = (level: Finding['level']) => all.filter((finding) => finding.level === level).length;
  const process = { user: user.name, groups: user.groups.map(groupName), unit: unit?.file };
  return {
    config: sources.fileOf(),
    process,
    pbkdf2,
    problems: count('problem'),
    warnings: count('warning'),
    findings,
    sites,
  };
}

/** The report as text. */
export function writeReport(report: Report): string {
  const lines = [
    report.config,
    line('daemon', processOf(report)),
    line('PBKDF2', `${describePbkdf2(report.pbkdf2)}`),
    ...report.findings.flatMap(linesOf),
  ];
  for (const site of report.sites) {
    const { census, coldCost } = site;
    lines.push('', site.name);
    lines.push(line('database', `${site.database}${site.role === undefined ? '' : ` as ${site.role}`}`));
    if (census !== undefined) {
      const parts = [
        ...Object.entries(census.costs).map(([cost, count]) => `${count.toLocaleString('en-US')} ${cost}`),
        ...(census.unusable > 0 ? [`${census.unusable.toLocaleString('en-US')} without a usable password`] : []),
      ];
      lines.push(
        line('accounts', [census.accounts.toLocaleString('en-US'), parts.join(', ')].filter(Boolean).join(': ')),
      );
    }
    if (coldCost !== undefined) {
      const { ms, perSecond, workers } = coldCost;
      const rate = perSecond < 10 ? perSecond.toFixed(1) : Math.round(perSecond).toLocaleString('en-US');
      lines.push(
        line(
          'cold check',
          `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms of a core, ${rate} a second with ${counted(workers, 'worker')}`,
        ),
      );
    }
    lines.push(...site.findings.flatMap(linesOf));
  }
  const { problems, warnings } = report;
  const counts = [problems > 0 && counted(problems, 'problem'), warnings > 0 && counted(warnings, 'warning')].filter(
    Boolean,
  );
  lines.push('', [problems > 0 ? 'not good' : 'good', ...counts].join(', '));
  return `${lines.join('\n')}\n`;
}

function processOf({ process: { user, groups, unit } }: Report): string {
  const others = groups.filter((group) => group !== user);
  const inGroups = others.length > 0 ? `, in ${others.length === 1 ? 'group' : 'groups'} ${others.join(', ')}` : '';
  return `as ${user}${inGroups}${unit === undefined ? '' : ` (${unit})`}`;
}

function linesOf({ level, message, remedy }: Finding): string[] {
  return [line(level, message), ...remedy.map((command) => line('', command))];
}

function line(label: string, text: string): string {
  return `  ${label.padEnd(11)}${text}`;
}
