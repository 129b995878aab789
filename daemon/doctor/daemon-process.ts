import { resolve } from 'node:path';
import { currentUser, findUser, type SystemUser } from '../service/system-user.ts';
import { findUnit, type Unit } from '../service/unit.ts';
import { type Finding, problem, warning } from './finding.ts';

/** The unit that runs the daemon unless another one is named. */
const UNIT = 'djauthd.service';

/** How the daemon runs, as far as its unit says. */
export interface DaemonProcess {
  /** undefined if no installed unit serves the configuration. */
  readonly unit: Unit | undefined;
  /** The unit's user, or else the current one. */
  readonly user: SystemUser;
  readonly findings: readonly Finding[];
}

/**
 * The process that serves a configuration.
 *
 * @param named a unit by its name or path; by default djauthd.service if its command names this configuration
 * @throws Error, a sentence, if there is no unit of that name
 */
export function daemonProcess(file: string, named: string | undefined): DaemonProcess {
  const unit = findUnit(named ?? UNIT);
  if (named !== undefined && unit === undefined) throw new Error(`unit ${named} not found`);
  const current = currentUser();
  if (unit === undefined || (named === undefined && !serves(unit, file))) {
    return { unit: undefined, user: current, findings: [] };
  }
  const name = unit.value('Service.User') ?? 'root';
  const group = unit.value('Service.Group');
  const user = findUser(name, { group, supplementary: unit.words('Service.SupplementaryGroups') });
  if (user === undefined) {
    const what = group === undefined ? `user ${name}` : `user ${name} or group ${group}`;
    return { unit, user: current, findings: [problem(`no such ${what}, which ${unit.name} names`)] };
  }
  if (current.uid === 0 || current.uid === user.uid) return { unit, user, findings: [] };
  const findings = [
    warning(`examined as ${current.name}, but ${unit.name} runs the daemon as ${user.name}: run doctor as root`),
  ];
  return { unit, user: current, findings };
}

/** Whether the unit's command names that configuration. */
function serves(unit: Unit, file: string): boolean {
  const command = unit.value('Service.ExecStart') ?? '';
  const [, config] = /\s(?:--config|-c)[=\s]\s*(\S+)/.exec(command) ?? [];
  return config !== undefined && resolve(config) === resolve(file);
}
