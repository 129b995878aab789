import { Packr, Unpackr } from 'msgpackr';
import { FRAME_MAX, LENGTH_OCTETS } from './limits.ts';
import { checkShape } from './shape.ts';

/** What a message is made of. Maps arrive as Map, so that no key of a peer's can be a property of ours. */
export type Value = null | boolean | number | string | Uint8Array | Value[] | Map<string, Value>;

// Records and structured cloning are msgpackr's own extensions; variableMapSize gives the shortest encoding.
const packr = new Packr({ useRecords: false, variableMapSize: true });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: false, int64AsType: 'number' });

/** A whole frame, length and body, of one message. */
export function encodeFrame(message: unknown[]): Buffer {
  const body = packr.pack(message);
  if (body.length > FRAME_MAX) throw new RangeError(`a message of ${body.length} octets does not fit a frame`);
  const frame = Buffer.allocUnsafe(LENGTH_OCTETS + body.length);
  frame.writeUInt32BE(body.length, 0);
  frame.set(body, LENGTH_OCTETS);
  return frame;
}

/**
 * The value of a body. Octet strings are views of `body`: copy what must outlive it.
 *
 * @throws ShapeError where the octets are not one allowed value.
 */
export function decodeBody(body: Buffer): Value {
  checkShape(body);
  return unpackr.unpack(body) as Value;
}
