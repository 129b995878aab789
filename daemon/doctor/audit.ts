import type { SiteConfig } from '../config/schema.ts';
import { USERNAME_OCTETS_MAX } from '../policy/limits.ts';
import type { HashPolicy } from '../site/hash-policy.ts';
import type { Row } from './catalog.ts';
import { openCatalog } from './catalogs.ts';
import { flawOf } from './census.ts';

/** An active account that no password lets in, or none that a client can send. */
export interface Barred {
  readonly site: string;
  /** As the database spells it. */
  readonly username: string;
  /** Each completes "the account has" or "the name has". Quotes nothing of the encoded hash but an algorithm's name. */
  readonly reasons: readonly string[];
}

/** The accounts of a site that can never be granted. Rejects with the database's own error. */
export async function* barredOf(site: string, config: SiteConfig, policy: HashPolicy): AsyncIterable<Barred> {
  const catalog = await openCatalog(config.database, config.schema);
  try {
    for await (const batch of catalog.accounts()) {
      for (const row of batch) {
        const reasons = row.active ? [...ofName(row.username), ...ofHash(row, policy)] : [];
        if (reasons.length > 0) yield { site, username: row.username, reasons };
      }
    }
  } finally {
    await catalog.close().catch(() => {});
  }
}

function ofName(username: string): string[] {
  const reasons: string[] = [];
  if (username.includes(':')) reasons.push('a colon in the username, which HTTP Basic cannot carry');
  if (username.includes('\0')) reasons.push('a NUL in the username');
  if (username === '') reasons.push('an empty username');
  if (Buffer.byteLength(username) > USERNAME_OCTETS_MAX) {
    reasons.push(`a username over ${USERNAME_OCTETS_MAX.toLocaleString('en-US')} octets`);
  }
  return reasons;
}

function ofHash({ encoded }: Row, policy: HashPolicy): string[] {
  const examined = policy.examine(encoded);
  if (examined.kind === 'unusable') return ['no usable password'];
  const flaw = flawOf(examined);
  return flaw === undefined ? [] : [flaw];
}
