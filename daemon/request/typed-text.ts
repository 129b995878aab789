import { isUtf8 } from 'node:buffer';

/**
 * What a person typed, as text: UTF-8 where the octets are well-formed UTF-8, else Latin-1, for browsers send either
 * and do not say which. Nothing is replaced and nothing normalised, as Django does not either.
 */
export function decodeTyped(octets: Buffer): string {
  return octets.toString(isUtf8(octets) ? 'utf8' : 'latin1');
}
