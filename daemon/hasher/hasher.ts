/** What verifying against an encoded hash takes, estimated for an ordinary core of today. */
export interface Work {
  /** Algorithm and parameters, the same for all hashes that cost the same: `pbkdf2_sha256$600000`. */
  readonly cost: string;
  readonly seconds: number;
  /** Octets. */
  readonly memory: number;
}

/**
 * One of Django's password algorithms. One is added by writing its file and listing it in `hashers.ts`.
 *
 * Django verifies by encoding the typed password anew with the stored parameters and comparing the *whole* encoded
 * strings, so `+1000` iterations or an unpadded base64 are no match though they could be read. `verify` does likewise.
 */
export interface Hasher {
  /** Django's name of it, which its encoded hashes begin with. */
  readonly algorithm: string;
  /** What verifying takes; undefined where the encoding is malformed and nobody can be let in by it. */
  work(encoded: string): Work | undefined;
  /** Whether the password (octets as Django hashes them) is the one of this well-formed encoding. Takes its time. */
  verify(password: Buffer, encoded: string): boolean;
  /** An encoding that costs as much as this well-formed one, of a password that nobody has. */
  decoy(encoded: string): string;
  /**
   * Encodings that, verified besides the first one, make up the work of the second, which is of this algorithm; none
   * where the first costs as much or more. undefined where the work of the one is no part of the work of the other.
   * Without this, only what has the same `cost` compares.
   */
  missing?(encoded: string, wanted: string): readonly string[] | undefined;
}

/** A number as Django's encodings spell it: decimal, no sign, no leading zero, at least 1. undefined otherwise. */
export function plainNumber(text: string | undefined): number | undefined {
  if (text === undefined || !/^[1-9][0-9]{0,9}$/.test(text)) return undefined;
  const number = Number(text);
  return number <= 0x7fff_ffff ? number : undefined;
}
