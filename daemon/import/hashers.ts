import { hashers as known } from '../hasher/hashers.ts';
import { ImportError } from './import-error.ts';
import type { Facts } from './introspection.ts';
import type { Note } from './note.ts';

/** The keys of a site's configuration that PASSWORD_HASHERS makes. */
export interface HasherKeys {
  readonly hashers: readonly string[];
  readonly foreign_hashers?: readonly string[];
  readonly bcrypt_long?: 'refuse';
}

/** The bcrypt library refuses passwords that are longer than it takes since this version. */
const BCRYPT_REFUSES = 5;

/** @throws ImportError where no account could be verified */
export function hasherKeys({ hashers, bcrypt }: Facts): { keys: HasherKeys; notes: Note[] } {
  const notes: Note[] = [];
  const accepted: string[] = [];
  const foreign: string[] = [];
  // Of two classes for one algorithm Django takes the last.
  const byAlgorithm = new Map(hashers.map((hasher) => [hasher.algorithm, hasher]));
  for (const { path, algorithm, usual, missing } of byAlgorithm.values()) {
    if (missing !== null) {
      notes.push({ text: `${path} lacks its library (${missing}): its accounts are denied, as Django lets none in` });
    } else if (usual && known.some((hasher) => hasher.algorithm === algorithm)) {
      accepted.push(algorithm);
    } else {
      foreign.push(algorithm);
      notes.push({
        text: `${path} computes "${algorithm}" in a way of its own, which cannot be verified here: its accounts answer "error"`,
      });
    }
  }
  if (accepted.length === 0) {
    throw new ImportError('djauthd: no algorithm of PASSWORD_HASHERS can be verified here, so nobody could get in');
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
