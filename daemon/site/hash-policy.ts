import { BCRYPT_OCTETS, bcrypt } from '../hasher/bcrypt.ts';
import { algorithmOf, hasherOf, isUnusable } from '../hasher/hashers.ts';
import { Memo } from '../memo.ts';

export interface HashPolicyOptions {
  /** The algorithms that the site accepts. */
  readonly hashers: readonly string[];
  /** Custom algorithms that the site accepts and that cannot be computed here. */
  readonly foreignHashers: readonly string[];
  /** What happens to a password with more octets than bcrypt takes: it is cut off, or denied. */
  readonly bcryptLong: 'truncate' | 'refuse';
  /** The longest that verifying one hash may take, in seconds, as estimated for an ordinary core. */
  readonly maxSeconds: number;
  /** The most memory that verifying one hash may take, in octets. */
  readonly maxMemory: number;
}

/** What an encoded hash is to a site. Only a `verifiable` one can grant anybody. */
export type Examined =
  | { readonly kind: 'verifiable' }
  /** It is empty or begins with "!": Django never accepts a password for it. */
  | { readonly kind: 'unusable' }
  /** Only the site itself can tell whether a password matches. */
  | { readonly kind: 'foreign'; readonly algorithm: string }
  /** The algorithm is not known; undefined if the text does not look like an encoded hash: it may be a password. */
  | { readonly kind: 'unknown'; readonly algorithm: string | undefined }
  | { readonly kind: 'not-accepted'; readonly algorithm: string }
  | { readonly kind: 'malformed'; readonly algorithm: string }
  /** Django could compute it, but this machine cannot: it cannot be told whether a password matches. */
  | { readonly kind: 'unavailable'; readonly algorithm: string; readonly because: string }
  /** A sentence. A user who can write the database must not be able to stop the daemon. */
  | { readonly kind: 'excessive'; readonly excess: string };

/** How many encoded hashes are remembered as examined: each is read once and not at each check. */
const EXAMINED_MAX = 4_096;

const VERIFIABLE: Examined = { kind: 'verifiable' };
const UNUSABLE: Examined = { kind: 'unusable' };

/** What a site accepts as an encoded hash, and the most that verifying one may cost. */
export class HashPolicy {
  readonly #options: HashPolicyOptions;
  readonly #accepted: ReadonlySet<string>;
  readonly #foreign: ReadonlySet<string>;
  readonly #examined = new Memo<string, Examined>(EXAMINED_MAX);

  constructor(options: HashPolicyOptions) {
    this.#options = options;
    this.#accepted = new Set(options.hashers);
    this.#foreign = new Set(options.foreignHashers);
  }

  /** The algorithms that the site accepts. */
  get hashers(): readonly string[] {
    return this.#options.hashers;
  }

  examine(encoded: string | null): Examined {
    if (encoded === null) return UNUSABLE;
    let examined = this.#examined.get(encoded);
    if (examined === undefined) {
      examined = this.#examine(encoded);
      this.#examined.set(encoded, examined);
    }
    return examined;
  }

  #examine(encoded: string): Examined {
    if (isUnusable(encoded)) return UNUSABLE;
    const algorithm = algorithmOf(encoded);
    if (this.#foreign.has(algorithm)) return { kind: 'foreign', algorithm };
    const hasher = hasherOf(encoded);
    if (hasher === undefined) return { kind: 'unknown', algorithm: nameLike(encoded) };
    if (!this.#accepted.has(algorithm)) return { kind: 'not-accepted', algorithm };
    const work = hasher.work(encoded);
    if (work === undefined) return { kind: 'malformed', algorithm };
    const because = hasher.unavailable?.();
    if (because !== undefined) return { kind: 'unavailable', algorithm, because };
    if (work.seconds > this.#options.maxSeconds) {
      return {
        kind: 'excessive',
        excess: `the stored hash (${work.cost}) would take longer than hash.max_time allows`,
      };
    }
    if (work.memory > this.#options.maxMemory) {
      const excess = `the stored hash (${work.cost}) would take more memory than hash.max_memory allows`;
      return { kind: 'excessive', excess };
    }
    return VERIFIABLE;
  }

  /** Whether the site's bcrypt library denies a password of that many octets for this encoded hash. */
  refuses(encoded: string, octets: number): boolean {
    return this.#options.bcryptLong === 'refuse' && octets > BCRYPT_OCTETS && hasherOf(encoded) === bcrypt;
  }
}

/** The keys of the configuration that a policy is made of: of a site, and of `[hash]`. */
interface SiteKeys {
  readonly hashers: readonly string[];
  readonly foreign_hashers: readonly string[];
  readonly bcrypt_long: 'truncate' | 'refuse';
}
interface HashKeys {
  /** In ms. */
  readonly max_time: number;
  /** In octets. */
  readonly max_memory: number;
}

export function hashPolicyOf(site: SiteKeys, hash: HashKeys): HashPolicy {
  return new HashPolicy({
    hashers: site.hashers,
    foreignHashers: site.foreign_hashers,
    bcryptLong: site.bcrypt_long,
    maxSeconds: hash.max_time / 1000,
    maxMemory: hash.max_memory,
  });
}

/** What stands before the first "$" if it looks like the name of an algorithm. */
function nameLike(encoded: string): string | undefined {
  return /^[a-z][a-z0-9_]{0,39}(?=\$.*\$)/s.exec(encoded)?.[0];
}
