import type { Work } from '../hasher/hasher.ts';
import { hasherOf } from '../hasher/hashers.ts';
import type { HashPolicy } from './hash-policy.ts';

/** What a site is taken to hash with while none of its hashes has been seen: Django 4.2's default. */
const ASSUMED = 'pbkdf2_sha256$600000$0123456789abcdef012345$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=';

/** The share of a site's hashes that a cost must have to be hidden. */
const COMMON = 0.01;

/** How dear one that is not the prevailing one may be, as a multiple of that and in seconds; the greater one counts. */
const DEARER = 10;
const DEARER_SECONDS = 0.5;

/** How many different kinds of work a question may be made of. */
const KINDS_MAX = 4;

/**
 * Encoded hashes, of passwords that nobody has, that make up the work of any cold question of a site.
 *
 * Where all hashes of a site cost the same, this is one of them. Where iterations differ, it is the dearest; where
 * algorithms do, one of each, for the time of one cannot be filled with the work of another so that nobody could tell.
 * A cost that hardly anybody's hash has is left out: one odd hash must not slow down everybody.
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

  const most = Math.max(DEARER * prevailing.seconds, DEARER_SECONDS);
  const common = [...costs.values()]
    .filter((entry) => entry === prevailing || (entry.count >= COMMON * total && entry.seconds <= most))
    .sort((a, b) => b.seconds - a.seconds);
  const kinds: string[] = [];
  for (const { encoded } of common) {
    if (!kinds.some((kind) => missing(encoded, kind))) kinds.push(encoded);
  }
  return kinds.slice(0, KINDS_MAX).map((encoded) => hasherOf(encoded)?.decoy(encoded) ?? ASSUMED);
}

/** By a site's decoys and a hash's cost. To make them for each question would take time that one about nobody does not. */
const paddings = new WeakMap<readonly string[], Map<string, readonly string[]>>();

/** What is left of a site's decoys when the given encoding has been verified in the place of its own kind. */
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
