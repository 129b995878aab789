import { lookup } from 'node:dns/promises';
import { realpathSync } from 'node:fs';
import { BlockList, isIP } from 'node:net';
import { dirname } from 'node:path';
import type { Unit } from '../service/unit.ts';
import { type Finding, problem } from './finding.ts';

const HOMES = ['/home', '/root', '/run/user'] as const;
const TEMPORARY = ['/tmp', '/var/tmp'] as const;

/** A setting of the unit that hides a path from the daemon, with the lines of a drop-in that show it. */
export function hiddenBy(unit: Unit, path: string, what: string): Finding | undefined {
  const real = realPath(path);
  const under = (directories: readonly string[]) =>
    directories.find((directory) => real === directory || real.startsWith(`${directory.replace(/\/$/, '')}/`));
  const bound = ['BindPaths', 'BindReadOnlyPaths'].flatMap((key) =>
    unit.words(`Service.${key}`).map((word) => word.replace(/^-/, '').split(':')[0] as string),
  );
  const found = (setting: string, lines: string[]) =>
    problem(`${setting} of ${unit.name} hides ${what} ${path} from the daemon`, [
      `systemctl edit ${unit.name}`,
      '[Service]',
      ...lines,
    ]);
  const bind = `BindReadOnlyPaths=${dirname(real)}`;
  const home = unit.value('Service.ProtectHome') ?? 'no';
  if (under(HOMES)) {
    if (unit.isOn('Service.ProtectHome')) return found(`ProtectHome=${home}`, ['ProtectHome=tmpfs', bind]);
    if (home === 'tmpfs' && !under(bound)) return found('ProtectHome=tmpfs', [bind]);
  }
  const inaccessible = unit.words('Service.InaccessiblePaths').map((word) => word.replace(/^[-+]+/, ''));
  if (under(inaccessible)) return found(`InaccessiblePaths=${under(inaccessible)}`, ['InaccessiblePaths=']);
  if (under(bound)) return undefined;
  const isPrivate = unit.isOn('Service.PrivateTmp') || unit.value('Service.PrivateTmp') === 'disconnected';
  if (isPrivate && under(TEMPORARY)) return found('PrivateTmp=yes', [bind]);
  const covered = unit.words('Service.TemporaryFileSystem').map((word) => word.split(':')[0] as string);
  if (under(covered)) return found(`TemporaryFileSystem=${under(covered)}`, [bind]);
  return undefined;
}

/** The hosts of a URL that the unit keeps the daemon from connecting to. */
export async function blockedHosts(unit: Unit, url: string): Promise<Finding[]> {
  const denied = addresses(unit.words('Service.IPAddressDeny'));
  const allowed = addresses(unit.words('Service.IPAddressAllow'));
  const [, authority = ''] = /^[a-z][a-z0-9+.-]*:\/\/(?:[^@/?#]*@)?([^/?#]*)/i.exec(url) ?? [];
  const findings: Finding[] = [];
  for (const host of authority.split(',').map((part) => decodeURIComponent(part.replace(/:\d*$/, '')))) {
    const bare = host.replace(/^\[|\]$/g, '');
    if (bare === '') continue;
    const found = isIP(bare) ? [bare] : (await lookup(bare, { all: true }).catch(() => [])).map((each) => each.address);
    const isBlocked = (address: string) => {
      const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
      return denied.check(address, family) && !allowed.check(address, family);
    };
    if (found.length === 0 || !found.every(isBlocked)) continue;
    findings.push(
      problem(`IPAddressDeny= of ${unit.name} keeps the daemon from connecting to ${bare}`, [
        `systemctl edit ${unit.name}`,
        '[Service]',
        `IPAddressAllow=${found.join(' ')}`,
      ]),
    );
  }
  return findings;
}

function addresses(words: readonly string[]): BlockList {
  const list = new BlockList();
  const subnet = (address: string, prefix: number) =>
    list.addSubnet(address, prefix, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  for (const word of words) {
    const [address = '', prefix] = word.split('/');
    if (word === 'any') for (const all of ['0.0.0.0', '::']) subnet(all, 0);
    else if (word === 'localhost') {
      subnet('127.0.0.0', 8);
      subnet('::1', 128);
    } else if (word === 'link-local') {
      subnet('169.254.0.0', 16);
      subnet('fe80::', 64);
    } else if (isIP(address)) subnet(address, prefix === undefined ? (isIP(address) === 6 ? 128 : 32) : Number(prefix));
  }
  return list;
}

/** The path without symbolic links, as far as it can be followed. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
