import { Fault } from '../fault.ts';
import { shortened } from '../log/names.ts';
import type { Site } from './site.ts';

/** The site of that name, or the only one if none is named; never another one than was asked for. @throws Fault */
export function locate(name: string | undefined, sites: ReadonlyMap<string, Site>): Site {
  if (name !== undefined) {
    const site = sites.get(name);
    if (site === undefined) throw new Fault(`site "${shortened(name)}" is not configured`);
    return site;
  }
  const [only, ...others] = sites.values();
  if (only === undefined) throw new Fault('no site is configured');
  if (others.length > 0) throw new Fault(`no site was named and ${sites.size} are configured`);
  return only;
}
