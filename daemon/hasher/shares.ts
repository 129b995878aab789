/** Something that may have work, and its share of the workers while all have. */
export interface Sharer {
  readonly length: number;
}

interface Share<Sharing extends Sharer> {
  readonly sharer: Sharing;
  readonly weight: number;
  /** The work that it was given, in seconds divided by its weight, or what it missed while it had none. */
  pass: number;
}

/**
 * Divides work by weights, as stride scheduling does: the sharer goes next that has had the least of its share. One that
 * had no work for a while has saved nothing and owes nothing. On a tie the first one goes.
 */
export class Shares<Sharing extends Sharer> {
  readonly #shares: readonly Share<Sharing>[];
  #pass = 0;

  constructor(sharers: readonly (readonly [sharer: Sharing, weight: number])[]) {
    this.#shares = sharers.map(([sharer, weight]) => ({ sharer, weight, pass: 0 }));
  }

  get length(): number {
    return this.#shares.reduce((sum, { sharer }) => sum + sharer.length, 0);
  }

  /** Called before work is added. */
  adding(sharer: Sharing): void {
    const share = this.#of(sharer);
    if (sharer.length === 0) share.pass = Math.max(share.pass, this.#pass);
  }

  /** Who goes next; undefined if none has work. */
  next(): Sharing | undefined {
    let first: Share<Sharing> | undefined;
    for (const share of this.#shares) {
      if (share.sharer.length > 0 && (first === undefined || share.pass < first.pass)) first = share;
    }
    if (first !== undefined) this.#pass = Math.max(this.#pass, first.pass);
    return first?.sharer;
  }

  /** Called when work is begun, in seconds. */
  charge(sharer: Sharing, seconds: number): void {
    const share = this.#of(sharer);
    share.pass += seconds / share.weight;
  }

  #of(sharer: Sharing): Share<Sharing> {
    return this.#shares.find((share) => share.sharer === sharer) as Share<Sharing>;
  }
}
