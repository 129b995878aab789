import { commonKinds, decoysOf, type Kind, kindOf, limitSeconds, paddingOf, secondsOf } from './decoys.ts';
import type { HashPolicy } from './hash-policy.ts';
import { UpperTime } from './upper-time.ts';

/** How many kinds are known at once, and how many that were met in checks wait for the next sample. */
const KINDS_MAX = 64;

/** What a sample counts beside the next one: about twenty of them make up the shares. */
const FADING = 0.95;

/** How long a kind is known that no sample and no check meets any more, in ms: a large table takes days to walk. */
const KEPT_MS = 7 * 86_400_000;

/** What a hash may take beside its own work, in ms: handing it to a worker, and waking that. */
const OVERHEAD_MS = 1;

/** What the estimates are multiplied by before any hash of the site has been timed: a slow core. */
const ASSUMED_PACE = 2;

/** Jobs with less work than this, in seconds, do not tell how fast the machine is. */
const TELLING_SECONDS = 0.001;

interface KnownKind extends Kind {
  seenAt: number;
  /** How long jobs of accounts with such a hash took. */
  readonly times: UpperTime;
}

/**
 * What the encoded hashes of a site cost: which kinds there are, which of them are common, and how long a question that
 * is hashed takes at most.
 *
 * Only samples decide what is hashed for every question: nobody can make it dearer by asking about certain accounts. What a
 * check meets becomes known with the next sample, so that the question which met it does not change the very next one.
 */
export class HashCosts {
  readonly #policy: HashPolicy;
  readonly #kinds = new Map<string, KnownKind>();
  /** Encoded hashes of unknown kinds that were met in checks, by cost. */
  readonly #met = new Map<string, string>();
  /** Jobs that consisted of decoys alone. */
  readonly #ofDecoys = new UpperTime();
  #decoys: readonly string[] = decoysOf([]);
  #common = '';

  constructor(policy: HashPolicy) {
    this.#policy = policy;
  }

  /** Decoys that make up the work of every question. The same array for as long as the common kinds stay the same. */
  get decoys(): readonly string[] {
    return this.#decoys;
  }

  /** How many kinds are known. */
  get kinds(): number {
    return this.#kinds.size;
  }

  /** Encoded hashes from all over the table. */
  sampled(encoded: readonly string[], now: number): void {
    for (const kind of this.#kinds.values()) {
      kind.weight *= FADING;
      if (now - kind.seenAt > KEPT_MS) this.#kinds.delete(kind.cost);
    }
    for (const each of encoded) {
      const known = this.#know(each, now);
      if (known) known.weight++;
    }
    for (const each of this.#met.values()) this.#know(each, now);
    this.#met.clear();

    const common = commonKinds([...this.#kinds.values()]);
    const names = common.map(({ cost }) => cost).join(' ');
    if (names === this.#common) return;
    this.#common = names;
    this.#decoys = decoysOf(common);
  }

  /** An account's encoded hash, read for a check. */
  met(encoded: string): void {
    const kind = kindOf(encoded, this.#policy);
    if (kind !== undefined && !this.#kinds.has(kind.cost) && this.#met.size < KINDS_MAX)
      this.#met.set(kind.cost, encoded);
  }

  /** How long the job of an account took, in ms; undefined: of one without a hash that can be verified. */
  timed(encoded: string | undefined, ms: number): void {
    const kind = encoded === undefined ? undefined : kindOf(encoded, this.#policy);
    if (kind === undefined) this.#ofDecoys.add(ms);
    else this.#kinds.get(kind.cost)?.times.add(ms);
  }

  /** The time that a job of this site takes at most, in ms, for any account whose cost may be hidden. */
  upperMs(): number {
    const kinds = [...this.#kinds.values()];
    const limit = limitSeconds(kinds);
    const ofDecoys = this.#decoys.reduce((sum, decoy) => sum + secondsOf(decoy), 0);
    const jobs = [
      { seconds: ofDecoys, times: this.#ofDecoys },
      ...kinds
        .filter(({ seconds }) => seconds <= limit)
        .map((kind) => ({ seconds: this.#secondsFor(kind), times: kind.times })),
    ];
    const paces = jobs
      .filter(({ seconds, times }) => seconds >= TELLING_SECONDS && times.known)
      .map(({ seconds, times }) => times.ms / 1000 / seconds);
    const pace = paces.length === 0 ? ASSUMED_PACE : Math.max(...paces);
    return Math.max(
      ...jobs.map(({ seconds, times }) => (times.known ? times.ms : OVERHEAD_MS + seconds * 1000 * pace)),
    );
  }

  #know(encoded: string, now: number): KnownKind | undefined {
    const kind = kindOf(encoded, this.#policy);
    if (kind === undefined) return undefined;
    let known = this.#kinds.get(kind.cost);
    if (known === undefined) {
      if (this.#kinds.size >= KINDS_MAX) return undefined;
      known = { ...kind, seenAt: now, times: new UpperTime() };
      this.#kinds.set(kind.cost, known);
    }
    known.seenAt = now;
    return known;
  }

  /** The work of an account with such a hash, in seconds. */
  #secondsFor({ encoded, seconds }: Kind): number {
    return paddingOf(encoded, this.#decoys).reduce((sum, each) => sum + secondsOf(each), seconds);
  }
}
