import { GUARDS } from '../site/guards.ts';
import type { Catalog } from './catalog.ts';
import { type Finding, warning } from './finding.ts';

/** What stands between a password and a login at the Django site, and not here: a warning for each that has a table. */
export async function guardsOf(catalog: Pick<Catalog, 'columns'>): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { name, tables, bypassed } of GUARDS) {
    for (const table of tables) {
      if ((await catalog.columns(table)).length === 0) continue;
      findings.push(warning(`the site uses ${name} (table ${table}): ${bypassed}`));
      break;
    }
  }
  return findings;
}
