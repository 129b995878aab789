/** What verifying one encoded hash costs, as estimated for an ordinary core of today. */
export interface Work {
  /** Algorithm and parameters, equal for all hashes that cost the same: `pbkdf2_sha256$600000`. */
  readonly cost: string;
  readonly seconds: number;
  /** Octets. */
  readonly memory: number;
}

/** What is computed for one question. */
export interface HashWork {
  readonly encoded: string;
  /** Encoded hashes that are computed as well, whatever comes of them, so that all jobs of a site take as long. */
  readonly padding?: readonly string[];
  /**
   * The work of the site's question about an unknown user. Whether and when a job is admitted is estimated by it, so that
   * it does not depend on whose encoded hash is computed; without it by the job's own.
   */
  readonly decoys?: readonly string[];
}

/** A password (octets as Django hashes them), and an encoded hash that it may be the password of. */
export interface Shown {
  readonly password: Buffer;
  readonly encoded: string;
}

/**
 * One of Django's password algorithms. A hasher is added by writing its file and listing it in `hashers.ts`.
 *
 * Django verifies a password by encoding it with the stored parameters and comparing the *whole* encoded strings, so
 * `+1000` iterations or an unpadded base64 never match although they could be read. `verify` does the same.
 */
export interface Hasher {
  /** Django's name of the algorithm, with which its encoded hashes begin. */
  readonly algorithm: string;
  /** What verifying costs; undefined if the encoded hash is malformed and no password can match. */
  work(encoded: string): Work | undefined;
  /** Whether the password (octets as Django hashes them) matches this well-formed encoded hash. Blocks the thread. */
  verify(password: Buffer, encoded: string): boolean;
  /** Why this algorithm cannot be computed on this machine, if it may be so; undefined if it can. */
  unavailable?(): string | undefined;
  /** The same for two at once, where that takes less time than one after the other. */
  verifyTwo?(first: Shown, second: Shown): readonly [boolean, boolean];
  /** An encoded hash that costs as much as this well-formed one and that no password matches. */
  decoy(encoded: string): string;
  /**
   * Encoded hashes that, verified in addition to the first one, make up the work of the second, which is of this
   * algorithm; none if the first costs as much or more. undefined if the work of one is not part of the work of the
   * other. Without this method, only hashes of the same `cost` compare.
   */
  missing?(encoded: string, wanted: string): readonly string[] | undefined;
}

/** A number as Django writes it: decimal, without a sign or leading zeros, at least 1. undefined otherwise. */
export function plainNumber(text: string | undefined): number | undefined {
  if (text === undefined || !/^[1-9][0-9]{0,9}$/.test(text)) return undefined;
  const number = Number(text);
  return number <= 0x7fff_ffff ? number : undefined;
}
