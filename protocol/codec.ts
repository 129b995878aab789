import { Packr, RESERVE_START_SPACE } from 'msgpackr/pack';
import { FRAME_MAX, LENGTH_OCTETS } from './limits.ts';

// Records and structured cloning are msgpackr's own extensions; variableMapSize gives the shortest encoding.
const packr = new Packr({ useRecords: false, variableMapSize: true });

/** How msgpackr is told to leave room at the start of what it writes. */
const ROOM_FOR_LENGTH = RESERVE_START_SPACE + LENGTH_OCTETS;

/** A whole frame, length and body, of one message. @throws RangeError where it fits none */
export function encodeFrame(message: unknown[]): Buffer {
  const frame = packr.pack(message, ROOM_FOR_LENGTH);
  frame.writeUInt32BE(fitting(frame.length - LENGTH_OCTETS), 0);
  return frame;
}

/** A value that many messages end with, written once. */
export class Encoded {
  readonly octets: Buffer;

  constructor(value: unknown) {
    this.octets = Buffer.from(packr.pack(value)); // not a view of msgpackr's much larger buffer
  }
}

/** The most octets that an array of four takes besides its last element: a head, two uints of 32 bits, one of 7. */
const HEAD_MAX = 1 + 1 + 5 + 1;

/** The same frame as `encodeFrame([version, id, status, last])`, for small `version` and `status`. @throws likewise */
export function encodeFrameOf(version: number, id: number, status: number, last: Encoded): Buffer {
  const frame = Buffer.allocUnsafe(LENGTH_OCTETS + HEAD_MAX + last.octets.length);
  let at = LENGTH_OCTETS;
  frame[at++] = 0x94;
  frame[at++] = version;
  if (id <= 0x7f) frame[at++] = id;
  else if (id <= 0xff) at = frame.writeUInt8(id, frame.writeUInt8(0xcc, at));
  else if (id <= 0xffff) at = frame.writeUInt16BE(id, frame.writeUInt8(0xcd, at));
  else at = frame.writeUInt32BE(id, frame.writeUInt8(0xce, at));
  frame[at++] = status;
  frame.set(last.octets, at);
  at += last.octets.length;
  frame.writeUInt32BE(fitting(at - LENGTH_OCTETS), 0);
  return frame.subarray(0, at);
}

function fitting(octets: number): number {
  if (octets > FRAME_MAX) throw new RangeError(`a message of ${octets} octets does not fit a frame`);
  return octets;
}
