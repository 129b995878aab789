import type { SiteConfig } from '../config/schema.ts';
import { algorithmOf, hasherOf, isUnusable } from '../hasher/hashers.ts';
import { exceeds, type HashBounds } from '../site/hash-policy.ts';
import type { Row } from './catalog.ts';
import { counted, type Finding, warning } from './finding.ts';

/** How many names are told for each flaw. */
const NAMES_MAX = 5;

/** How many different flaws are told apart: a column of anything at all must not fill the memory. */
const FLAWS_MAX = 20;

/** The accounts of a site by what their hashes cost. */
export interface Census {
  readonly accounts: number;
  /** Accounts that Django lets nobody in by. */
  readonly unusable: number;
  /** How many accounts there are of each algorithm with its parameters, such as `pbkdf2_sha256$600000`; most first. */
  readonly costs: Readonly<Record<string, number>>;
  readonly findings: readonly Finding[];
}

interface Flaw {
  count: number;
  readonly names: string[];
}

export async function takeCensus(
  batches: AsyncIterable<readonly Row[]>,
  site: Pick<SiteConfig, 'hashers' | 'foreign_hashers'>,
  bounds: HashBounds,
): Promise<Census> {
  const costs = new Map<string, number>();
  const flaws = new Map<string, Flaw>();
  let accounts = 0;
  let unusable = 0;
  for await (const batch of batches) {
    accounts += batch.length;
    for (const { username, encoded } of batch) {
      if (encoded === null || isUnusable(encoded)) {
        unusable++;
        continue;
      }
      const flaw = flawOf(encoded, site, bounds);
      if (flaw !== undefined) {
        const kind = flaws.has(flaw) || flaws.size < FLAWS_MAX ? flaw : 'something else';
        const known = flaws.get(kind) ?? { count: 0, names: [] };
        known.count++;
        if (known.names.length < NAMES_MAX) known.names.push(username);
        flaws.set(kind, known);
        continue;
      }
      const cost = hasherOf(encoded)?.work(encoded)?.cost as string;
      costs.set(cost, (costs.get(cost) ?? 0) + 1);
    }
  }
  return {
    accounts,
    unusable,
    costs: Object.fromEntries([...costs].sort(([, a], [, b]) => b - a)),
    findings: [...flaws].map(([flaw, { count, names }]) =>
      warning(`${counted(count, 'account')} ${count === 1 ? 'has' : 'have'} ${flaw}: ${listed(names, count)}`),
    ),
  };
}

/** What is wrong with a stored hash, as what an account has; never a part of what is no name of an algorithm. */
function flawOf(
  encoded: string,
  { hashers, foreign_hashers }: Pick<SiteConfig, 'hashers' | 'foreign_hashers'>,
  bounds: HashBounds,
): string | undefined {
  const algorithm = algorithmOf(encoded);
  if (foreign_hashers.includes(algorithm)) {
    return `a hash of "${algorithm}", an algorithm of the site's own, and answer "error"`;
  }
  const hasher = hasherOf(encoded);
  if (hasher === undefined) {
    // Whatever stands there may be a password.
    const shape = /^[a-z][a-z0-9_]{0,39}(?=\$.*\$)/s.exec(encoded)?.[0];
    return shape ? `a hash of "${shape}", which is no algorithm known here` : 'something that is no encoded hash';
  }
  if (hashers !== undefined && !hashers.some((accepted) => accepted === algorithm)) {
    return `a hash of "${algorithm}", which the site does not accept`;
  }
  if (hasher.work(encoded) === undefined) return `a malformed hash of "${algorithm}"`;
  const excess = exceeds(encoded, bounds);
  return excess === undefined ? undefined : `a hash that is refused, and answer "error" (${excess})`;
}

function listed(names: readonly string[], count: number): string {
  const quoted = names.map((name) => JSON.stringify(name.slice(0, 64))).join(', ');
  return count > names.length ? `${quoted} and ${(count - names.length).toLocaleString('en-US')} more` : quoted;
}
