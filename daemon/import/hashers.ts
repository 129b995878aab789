import { hashers as known } from '../hasher/hashers.ts';
import { ImportError } from './import-error.ts';
import type { Introspection } from './introspection.ts';
import type { Note } from './note.ts';

/** The keys of a site's configuration that come from PASSWORD_HASHERS. */
export interface HasherKeys {
  readonly hashers: readonly string[];
  readonly foreign_hashers?: readonly string[];
  readonly bcrypt_long?: 'refuse';
}

/** Since this major version the bcrypt library refuses passwords of more than 72 octets. */
const BCRYPT_REFUSES = 5;

/** @throws ImportError if djauthd can verify no algorithm of the site */
export function hasherKeys({ hashers, bcrypt }: Introspection): { keys: HasherKeys; notes: Note[] } {
  const notes: Note[] = [];
  const accepted: string[] = [];
  const foreign: string[] = [];
  // Of two classes for one algorithm Django uses the last.
  const byAlgorithm = new Map(hashers.map((hasher) => [hasher.algorithm, hasher]));
  for (const { path, algorithm, stock, missing } of byAlgorithm.values()) {
    // Django cannot verify these either. Its default list names algorithms whose libraries few sites install; doctor
    // reports the accounts that have such a hash.
    if (missing !== null) continue;
    if (stock && known.some((hasher) => hasher.algorithm === algorithm)) {
      accepted.push(algorithm);
    } else {
      foreign.push(algorithm);
      notes.push({
        text: `${path} has a custom implementation of "${algorithm}", which djauthd cannot verify: checks of accounts with such a hash, if there are any, answer "error"`,
      });
    }
  }
  if (accepted.length === 0) {
    throw new ImportError('djauthd: cannot verify any algorithm in PASSWORD_HASHERS: every user would be denied');
  }
  const refuses = (bcrypt ?? 0) >= BCRYPT_REFUSES && accepted.includes('bcrypt');
  return {
    keys: {
      hashers: accepted,
      ...(foreign.length > 0 ? { foreign_hashers: foreign } : {}),
      ...(refuses ? { bcrypt_long: 'refuse' } : {}),
    },
    notes,
  };
}
