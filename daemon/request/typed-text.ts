import { isWellFormed } from '../utf8.ts';

/**
 * What a user typed, as text: UTF-8 if the octets are well-formed UTF-8, otherwise Latin-1, because browsers send
 * either and do not say which. Nothing is replaced and nothing is normalised, as in Django.
 */
export function decodeTyped(octets: Buffer): string {
  return octets.toString(isWellFormed(octets) ? 'utf8' : 'latin1');
}
