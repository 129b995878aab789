import { Packr } from 'msgpackr';
import { FRAME_MAX, LENGTH_OCTETS } from './limits.ts';

// Records and structured cloning are msgpackr's own extensions; variableMapSize gives the shortest encoding.
const packr = new Packr({ useRecords: false, variableMapSize: true });

/** A whole frame, length and body, of one message. */
export function encodeFrame(message: unknown[]): Buffer {
  const body = packr.pack(message);
  if (body.length > FRAME_MAX) throw new RangeError(`a message of ${body.length} octets does not fit a frame`);
  const frame = Buffer.allocUnsafe(LENGTH_OCTETS + body.length);
  frame.writeUInt32BE(body.length, 0);
  frame.set(body, LENGTH_OCTETS);
  return frame;
}
