import { hasherOf } from '../hasher/hashers.ts';
import type { Examined, HashPolicy } from '../site/hash-policy.ts';
import type { Row } from './catalog.ts';
import { counted, type Finding, problem, warning } from './finding.ts';

/** How many usernames are listed per flaw. */
const NAMES_MAX = 5;

/** How many different flaws are distinguished: a column of arbitrary content must not exhaust the memory. */
const FLAWS_MAX = 20;

/** The accounts of a site by the cost of their encoded hashes. */
export interface Census {
  readonly accounts: number;
  /** Accounts that Django denies whatever the password. */
  readonly unusable: number;
  /** The number of accounts per algorithm with its parameters, such as `pbkdf2_sha256$600000`; the largest first. */
  readonly costs: Readonly<Record<string, number>>;
  readonly findings: readonly Finding[];
}

interface Flaw {
  count: number;
  readonly names: string[];
  /** Whether a longer list of hashers would let these accounts in. */
  readonly isShutOut: boolean;
}

export async function takeCensus(batches: AsyncIterable<readonly Row[]>, policy: HashPolicy): Promise<Census> {
  const costs = new Map<string, number>();
  const flaws = new Map<string, Flaw>();
  let accounts = 0;
  let unusable = 0;
  let grantable = 0;
  const shutOut = new Set<string>();
  for await (const batch of batches) {
    accounts += batch.length;
    for (const { username, encoded, active } of batch) {
      const examined = policy.examine(encoded);
      if (encoded === null || examined.kind === 'unusable') {
        unusable++;
        continue;
      }
      if (examined.kind === 'verifiable' && active) grantable++;
      if (examined.kind === 'not-accepted') shutOut.add(examined.algorithm);
      const flaw = flawOf(examined);
      if (flaw !== undefined) {
        const kind = flaws.has(flaw) || flaws.size < FLAWS_MAX ? flaw : 'another flaw';
        const known = flaws.get(kind) ?? { count: 0, names: [], isShutOut: examined.kind === 'not-accepted' };
        known.count++;
        if (known.names.length < NAMES_MAX) known.names.push(username);
        flaws.set(kind, known);
        continue;
      }
      const cost = hasherOf(encoded)?.work(encoded)?.cost as string;
      costs.set(cost, (costs.get(cost) ?? 0) + 1);
    }
  }
  // One line for all of them: a second one would shut out the algorithms of the first.
  const remedy =
    shutOut.size > 0
      ? [`hashers = [${[...policy.hashers, ...shutOut].map((name) => JSON.stringify(name)).join(', ')}]`]
      : [];
  const nobody =
    accounts === 0
      ? 'nobody can log in: the table has no accounts'
      : `nobody can log in: of ${counted(accounts, 'account')} none is active and has a hash that can be verified`;
  return {
    accounts,
    unusable,
    costs: Object.fromEntries([...costs].sort(([, a], [, b]) => b - a)),
    findings: [
      ...(grantable === 0 ? [problem(nobody)] : []),
      ...[...flaws].map(([flaw, { count, names, isShutOut }]) =>
        warning(
          `${counted(count, 'account')} ${count === 1 ? 'has' : 'have'} ${flaw}: ${listed(names, count)}`,
          isShutOut ? remedy : [],
        ),
      ),
    ],
  };
}

/** What is wrong with an encoded hash, to follow "the account has". Quotes no part of it except the name of an algorithm. */
export function flawOf(examined: Exclude<Examined, { kind: 'unusable' }>): string | undefined {
  switch (examined.kind) {
    case 'verifiable':
      return undefined;
    case 'foreign':
      return `a hash of the custom algorithm "${examined.algorithm}": checks answer "error"`;
    case 'unknown':
      return examined.algorithm === undefined
        ? 'a value that is not an encoded hash'
        : `a hash of the unknown algorithm "${examined.algorithm}"`;
    case 'not-accepted':
      return `a hash of "${examined.algorithm}", which the site does not accept`;
    case 'malformed':
      return `a malformed hash of "${examined.algorithm}"`;
    case 'unavailable':
      return `a hash of "${examined.algorithm}", which cannot be computed here: checks answer "error" (${examined.because})`;
    case 'excessive':
      return `a hash that costs too much: checks answer "error" (${examined.excess})`;
  }
}

function listed(names: readonly string[], count: number): string {
  const quoted = names.map((name) => JSON.stringify(name.slice(0, 64))).join(', ');
  return count > names.length ? `${quoted} and ${(count - names.length).toLocaleString('en-US')} more` : quoted;
}
