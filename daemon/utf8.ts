import { isUtf8 } from 'node:buffer';

/** Up to this size octets are looked at here first. */
const SHORT = 64;

/** Whether octets are well-formed UTF-8. Of short ASCII, which most names and passwords are, it is told without a call of C++. */
export function isWellFormed(octets: Uint8Array): boolean {
  if (octets.length > SHORT) return isUtf8(octets);
  for (let at = 0; at < octets.length; at++) if ((octets[at] as number) > 0x7f) return isUtf8(octets);
  return true;
}
