import type { Work } from '../hasher/hasher.ts';
import { hasherOf } from '../hasher/hashers.ts';
import type { HashPolicy } from './hash-policy.ts';

/** What a site is assumed to hash with while none of its hashes has been seen: Django 4.2's default. */
const ASSUMED = 'pbkdf2_sha256$600000$0123456789abcdef012345$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=';

/** The share of a site's hashes that a cost must have for its work to be done for every question. */
const COMMON = 0.01;

/** The most that a cost may be to be hidden, as a multiple of the prevailing cost and in seconds; the greater counts. */
const LIMIT_MULTIPLE = 10;
const LIMIT_SECONDS = 0.5;

/** Of how many different kinds of work a question may consist. */
const KINDS_MAX = 8;

/** Encoded hashes of one cost. */
export interface Kind extends Work {
  /** One of them. */
  readonly encoded: string;
  /** How many have been sampled, the recent ones counting more. 0 for a cost that was only met in a check. */
  weight: number;
}

/** The kind of an encoded hash that can be verified; undefined for any other. */
export function kindOf(encoded: string, policy: HashPolicy): Kind | undefined {
  const work = policy.examine(encoded).kind === 'verifiable' ? hasherOf(encoded)?.work(encoded) : undefined;
  return work && { ...work, encoded, weight: 0 };
}

/** The kinds of some encoded hashes, by cost. */
function tally(sampled: readonly string[], policy: HashPolicy): Map<string, Kind> {
  const kinds = new Map<string, Kind>();
  for (const encoded of sampled) {
    const kind = kindOf(encoded, policy);
    if (kind === undefined) continue;
    const known = kinds.get(kind.cost) ?? kind;
    known.weight++;
    kinds.set(kind.cost, known);
  }
  return kinds;
}

export function decoysLike(sampled: readonly string[], policy: HashPolicy): readonly string[] {
  return decoysOf(commonKinds([...tally(sampled, policy).values()]));
}

/** The most that a cost may be to be hidden, in seconds. */
export function limitSeconds(kinds: readonly Kind[]): number {
  return Math.max(LIMIT_MULTIPLE * (prevailing(kinds)?.seconds ?? 0), LIMIT_SECONDS);
}

/**
 * The kinds whose work makes up every question of a site that has no proof.
 *
 * If all hashes of a site cost the same, there is one of that cost. If iterations differ, it is the most expensive one;
 * if algorithms differ, one of each, because the work of one algorithm cannot imitate the time of another. A cost that
 * hardly any account has is ignored: one odd hash must not keep the hash workers busy for all users. All together may not
 * cost more than one may: of many algorithms those count that most accounts have.
 */
export function commonKinds(kinds: readonly Kind[]): readonly Kind[] {
  const first = prevailing(kinds);
  if (first === undefined) return [];
  const total = kinds.reduce((sum, { weight }) => sum + weight, 0);
  const limit = limitSeconds(kinds);
  const candidates = kinds
    .filter((kind) => kind === first || (kind.weight >= COMMON * total && kind.seconds <= limit))
    .sort((a, b) => b.seconds - a.seconds);
  const dearest: Kind[] = [];
  for (const kind of candidates) {
    if (!dearest.some(({ encoded }) => missing(kind.encoded, encoded))) dearest.push(kind);
  }
  let seconds = 0;
  const chosen = [...dearest]
    .sort((a, b) => b.weight - a.weight)
    .filter((kind, at) => {
      if (at > 0 && seconds + kind.seconds > limit) return false;
      seconds += kind.seconds;
      return true;
    })
    .slice(0, KINDS_MAX);
  return dearest.filter((kind) => chosen.includes(kind));
}

/**
 * Decoys: encoded hashes that no password matches, one of each of these kinds; of an assumed one if there are none.
 */
export function decoysOf(kinds: readonly Kind[]): readonly string[] {
  if (kinds.length === 0) return [ASSUMED];
  return kinds.map(({ encoded }) => hasherOf(encoded)?.decoy(encoded) ?? ASSUMED);
}

function prevailing(kinds: readonly Kind[]): Kind | undefined {
  return kinds.reduce<Kind | undefined>((most, kind) => (most && most.weight >= kind.weight ? most : kind), undefined);
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
  if (own >= 0) return decoys.flatMap((decoy, at) => (at === own ? (missing(encoded, decoy) ?? []) : decoy));
  // A hash of a kind that is not common stands for about as much work of the others.
  let spare = secondsOf(encoded);
  return decoys.filter((decoy) => {
    const seconds = secondsOf(decoy);
    if (seconds > spare) return true;
    spare -= seconds;
    return false;
  });
}

/** What verifying an encoded hash takes, in seconds, as estimated for an ordinary core. */
export function secondsOf(encoded: string): number {
  return hasherOf(encoded)?.work(encoded)?.seconds ?? 0;
}

function missing(encoded: string, wanted: string): readonly string[] | undefined {
  const hasher = hasherOf(wanted);
  if (hasher?.missing) return hasher.missing(encoded, wanted);
  return hasher?.work(wanted)?.cost === hasherOf(encoded)?.work(encoded)?.cost ? [] : undefined;
}
