import { hasherOf } from './hashers.ts';

/** What a site is taken to hash with while none of its hashes has been seen: Django 4.2's default. */
const ASSUMED = 'pbkdf2_sha256$600000$0123456789abcdef012345$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=';

/**
 * An encoded hash that costs what most of the sampled ones cost, of a password that nobody has. Unknown people and
 * unusable passwords are "verified" against it, so that time tells nothing about them.
 */
export function decoyLike(sampled: readonly string[]): string {
  const counts = new Map<string, { count: number; encoded: string }>();
  for (const encoded of sampled) {
    const cost = hasherOf(encoded)?.work(encoded)?.cost;
    if (cost === undefined) continue;
    const entry = counts.get(cost);
    if (entry) entry.count++;
    else counts.set(cost, { count: 1, encoded });
  }
  let model = { count: 0, encoded: ASSUMED };
  for (const entry of counts.values()) if (entry.count > model.count) model = entry;
  return hasherOf(model.encoded)?.decoy(model.encoded) ?? ASSUMED;
}
