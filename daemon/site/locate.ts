import { Fault } from '../fault.ts';
import { shortened } from '../log/names.ts';
import { didYouMean } from '../text/suggest.ts';
import type { Site } from './site.ts';

/** Of how many sites, and of how long a name, a similar one is looked for: a client must not make that dear. */
const SITES_MAX = 64;
const NAME_MAX = 100;

/** The site of that name, or the only one if none is named; never another one than was asked for. @throws Fault */
export function locate(name: string | undefined, sites: ReadonlyMap<string, Site>): Site {
  if (name !== undefined) {
    const site = sites.get(name);
    if (site === undefined) throw new Fault(`site "${shortened(name)}" is not configured${almost(name, sites)}`);
    return site;
  }
  const [only, ...others] = sites.values();
  if (only === undefined) throw new Fault('no site is configured');
  if (others.length > 0) {
    throw new Fault(
      `no site was named and ${sites.size} are configured: name one, in Apache by DjangoSettingsModule, of a command by --site`,
    );
  }
  return only;
}

function almost(name: string, sites: ReadonlyMap<string, Site>): string {
  return sites.size <= SITES_MAX && name.length <= NAME_MAX ? didYouMean(name, sites.keys()) : '';
}
