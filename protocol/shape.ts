import { isUtf8 } from 'node:buffer';
import { DEPTH_MAX } from './limits.ts';

/** The octets are not one value as PROTOCOL.md section 2 allows it. The message is a sentence for the peer. */
export class ShapeError extends Error {}

/**
 * Walks over one MessagePack value and makes sure that decoding it is harmless: depth, claimed counts against the
 * octets that are there, no extension, float, negative number, broken UTF-8 or repeated key, nothing left over.
 * msgpackr allows all of these, and makes room for an array's claimed count before it has seen one element.
 *
 * @throws ShapeError
 */
export function checkShape(octets: Buffer): void {
  const end = value(octets, 0, 0);
  if (end !== octets.length) throw new ShapeError(`${octets.length - end} octets are left over after the value`);
}

function value(octets: Buffer, at: number, depth: number): number {
  const head = need(octets, at, 1);
  at += 1;
  if (head <= 0x7f) return at;
  if (head <= 0x8f) return map(octets, at, head & 0x0f, depth);
  if (head <= 0x9f) return array(octets, at, head & 0x0f, depth);
  if (head <= 0xbf) return text(octets, at, head & 0x1f);
  switch (head) {
    case 0xc0: // nil
    case 0xc2: // false
    case 0xc3: // true
      return at;
    case 0xc4:
      return skip(octets, at + 1, need(octets, at, 1));
    case 0xc5:
      return skip(octets, at + 2, need(octets, at, 2));
    case 0xc6:
      return skip(octets, at + 4, need(octets, at, 4));
    case 0xcc:
      return skip(octets, at, 1);
    case 0xcd:
      return skip(octets, at, 2);
    case 0xce:
      return skip(octets, at, 4);
    case 0xcf:
      if (need(octets, at, 4) > 0x1f_ffff) throw new ShapeError('a number is over 2^53-1');
      return skip(octets, at, 8);
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3:
      return signed(octets, at, 1 << (head - 0xd0));
    case 0xd9:
      return text(octets, at + 1, need(octets, at, 1));
    case 0xda:
      return text(octets, at + 2, need(octets, at, 2));
    case 0xdb:
      return text(octets, at + 4, need(octets, at, 4));
    case 0xdc:
      return array(octets, at + 2, need(octets, at, 2), depth);
    case 0xdd:
      return array(octets, at + 4, need(octets, at, 4), depth);
    case 0xde:
      return map(octets, at + 2, need(octets, at, 2), depth);
    case 0xdf:
      return map(octets, at + 4, need(octets, at, 4), depth);
    case 0xca:
    case 0xcb:
      throw new ShapeError('floating-point numbers are not allowed');
    case 0xc1:
      throw new ShapeError('the octet 0xc1 is never used');
    default:
      throw new ShapeError(head >= 0xe0 ? 'numbers below 0 are not allowed' : 'extension types are not allowed');
  }
}

/** The big-endian number of `size` octets (1, 2 or 4) at `at`. */
function need(octets: Buffer, at: number, size: 1 | 2 | 4): number {
  if (at + size > octets.length) throw new ShapeError('the frame ends inside a value');
  return octets.readUIntBE(at, size);
}

function skip(octets: Buffer, at: number, size: number): number {
  if (size > octets.length - at) throw new ShapeError('the frame ends inside a value');
  return at + size;
}

function signed(octets: Buffer, at: number, size: number): number {
  const end = skip(octets, at, size);
  if ((octets[at] as number) & 0x80) throw new ShapeError('numbers below 0 are not allowed');
  if (size === 8 && octets.readUInt32BE(at) > 0x1f_ffff) throw new ShapeError('a number is over 2^53-1');
  return end;
}

function text(octets: Buffer, at: number, size: number): number {
  const end = skip(octets, at, size);
  if (!isUtf8(octets.subarray(at, end))) throw new ShapeError('a str is not well-formed UTF-8');
  return end;
}

function array(octets: Buffer, at: number, count: number, depth: number): number {
  room(octets, at, count, depth);
  for (let i = 0; i < count; i++) at = value(octets, at, depth + 1);
  return at;
}

function map(octets: Buffer, at: number, count: number, depth: number): number {
  room(octets, at, count * 2, depth);
  const keys = new Set<string>();
  for (let i = 0; i < count; i++) {
    const head = need(octets, at, 1);
    if (!((head >= 0xa0 && head <= 0xbf) || (head >= 0xd9 && head <= 0xdb))) {
      throw new ShapeError('a map has a key that is not a str');
    }
    const end = value(octets, at, depth + 1);
    const start = at + (head <= 0xbf ? 1 : head === 0xd9 ? 2 : head === 0xda ? 3 : 5);
    keys.add(octets.toString('latin1', start, end));
    at = value(octets, end, depth + 1);
  }
  if (keys.size !== count) throw new ShapeError('a key stands twice in a map');
  return at;
}

/** Each element takes an octet at least, so a count that the rest of the frame cannot hold is refused at once. */
function room(octets: Buffer, at: number, count: number, depth: number): void {
  if (depth >= DEPTH_MAX) throw new ShapeError(`arrays and maps are more than ${DEPTH_MAX} deep`);
  if (count > octets.length - at) throw new ShapeError('an array or map claims more than the frame holds');
}
