import type { Work } from '../hasher/hasher.ts';
import { hasherOf } from '../hasher/hashers.ts';
import type { HashPolicy } from './hash-policy.ts';

/** What a site is assumed to hash with while none of its hashes has been seen: Django 4.2's default. */
const ASSUMED = 'pbkdf2_sha256$600000$0123456789abcdef012345$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=';

/** The share of a site's hashes that a cost must have to be hidden. */
const COMMON = 0.01;

/** The most that a cost may be to be hidden, as a multiple of the prevailing cost and in seconds; the greater counts. */
const LIMIT_MULTIPLE = 10;
const LIMIT_SECONDS = 0.5;

/** How many different kinds of work a question may consist of. */
const KINDS_MAX = 4;

/**
 * Decoys: encoded hashes that no password matches and that make up the work of any question of a site that has no proof.
 *
 * If all hashes of a site cost the same, there is one of that cost. If iterations differ, it is the most expensive one;
 * if algorithms differ, one of each, because the work of one algorithm cannot imitate the time of another. A cost that
 * hardly any account has is ignored: one odd hash must not slow down all users.
 */
export function decoysLike(sampled: readonly string[], policy: HashPolicy): readonly string[] {
  const costs = new Map<string, Work & { readonly encoded: string; count: number }>();
  let total = 0;
  for (const encoded of sampled) {
    const work = policy.examine(encoded).kind === 'verifiable' ? hasherOf(encoded)?.work(encoded) : undefined;
    if (work === undefined) continue;
    const entry = costs.get(work.cost);
    if (entry) entry.count++;
    else costs.set(work.cost, { ...work, encoded, count: 1 });
    total++;
  }
  const [prevailing] = [...costs.values()].sort((a, b) => b.count - a.count);
  if (prevailing === undefined) return [ASSUMED];

  const limit = Math.max(LIMIT_MULTIPLE * prevailing.seconds, LIMIT_SECONDS);
  const common = [...costs.values()]
    .filter((entry) => entry === prevailing || (entry.count >= COMMON * total && entry.seconds <= limit))
    .sort((a, b) => b.seconds - a.seconds);
  const kinds: string[] = [];
  for (const { encoded } of common) {
    if (!kinds.some((kind) => missing(encoded, kind))) kinds.push(encoded);
  }
  return kinds.slice(0, KINDS_MAX).map((encoded) => hasherOf(encoded)?.decoy(encoded) ?? ASSUMED);
}

/**
 * Paddings by a site's decoys and a hash's cost. Making one takes time that a question about an unknown user does not
 * need, so each is made once.
 */
const paddings = new WeakMap<readonly string[], Map<string, readonly string[]>>();

/** What remains of a site's decoys when the given encoded hash has been verified in place of its own kind. */
export function paddingOf(encoded: string, decoys: readonly string[]): readonly string[] {
  const cost = hasherOf(encoded)?.work(encoded)?.cost ?? '';
  const known = paddings.get(decoys)?.get(cost);
  if (known !== undefined) return known;
  const padding = makePadding(encoded, decoys);
  const ofSite = paddings.get(decoys) ?? new Map<string, readonly string[]>();
  paddings.set(decoys, ofSite.set(cost, padding));
  return padding;
}

function makePadding(encoded: string, decoys: readonly string[]): readonly string[] {
  const own = decoys.findIndex((decoy) => missing(encoded, decoy));
  return decoys.flatMap((decoy, at) => (at === own ? (missing(encoded, decoy) ?? []) : decoy));
}

function missing(encoded: string, wanted: string): readonly string[] | undefined {
  const hasher = hasherOf(wanted);
  if (hasher?.missing) return hasher.missing(encoded, wanted);
  return hasher?.work(wanted)?.cost === hasherOf(encoded)?.work(encoded)?.cost ? [] : undefined;
}
