import { Packr, RESERVE_START_SPACE } from 'msgpackr/pack';
import { LEASE_OCTETS_MAX, LEASE_PAIRS, type Lease, writeLease } from './lease.ts';
import { FRAME_MAX, LENGTH_OCTETS } from './limits.ts';

// Records and structured cloning are msgpackr's own extensions; variableMapSize gives the shortest encoding.
const packr = new Packr({ useRecords: false, variableMapSize: true });

/** Tells msgpackr to leave space for the length at the start of its output. */
const SPACE_FOR_LENGTH = RESERVE_START_SPACE + LENGTH_OCTETS;

/** A whole frame, length and body, of one message. @throws FrameTooLong */
export function encodeFrame(message: unknown[]): Buffer {
  const frame = packr.pack(message, SPACE_FOR_LENGTH);
  frame.writeUInt32BE(fitting(frame.length - LENGTH_OCTETS), 0);
  return frame;
}

/** A value at the end of many messages, encoded once. */
export class Encoded {
  readonly octets: Buffer;

  constructor(value: unknown) {
    this.octets = Buffer.from(packr.pack(value)); // a copy: msgpackr's own buffer is much larger
  }

  /** Whether every reply that ends with it fits a frame. */
  get fits(): boolean {
    return HEAD_MAX + this.octets.length <= FRAME_MAX;
  }
}

/** The most octets of an array of four before its last element: a head, a uint of 32 bits, two of 7. */
const HEAD_MAX = 1 + 1 + 5 + 1;

/**
 * The same frame as `encodeFrame([version, id, status, last])`, for a `version` and `status` up to 127. A lease is added to
 * `last`, which is a map of less than 14 pairs then; where that would not fit a frame it is left out. @throws FrameTooLong
 */
export function encodeFrameOf(version: number, id: number, status: number, last: Encoded, lease?: Lease): Buffer {
  const wide = id <= 0x7f ? 0 : id <= 0xff ? 1 : id <= 0xffff ? 2 : 4;
  const size = LENGTH_OCTETS + HEAD_MAX - 4 + wide + last.octets.length;
  const leased = lease !== undefined && HEAD_MAX + last.octets.length + LEASE_OCTETS_MAX <= FRAME_MAX;
  const frame = Buffer.allocUnsafe(leased ? size + LEASE_OCTETS_MAX : size);
  let at = LENGTH_OCTETS;
  frame[at++] = 0x94;
  frame[at++] = version;
  if (wide === 0) frame[at++] = id;
  else {
    frame[at++] = wide === 1 ? 0xcc : wide === 2 ? 0xcd : 0xce;
    at = frame.writeUIntBE(id, at, wide);
  }
  frame[at++] = status;
  frame.set(last.octets, at);
  const head = at;
  at += last.octets.length;
  if (leased) {
    frame[head] = (frame[head] as number) + LEASE_PAIRS;
    at = writeLease(frame, at, lease);
  }
  frame.writeUInt32BE(fitting(at - LENGTH_OCTETS), 0);
  return at === frame.length ? frame : frame.subarray(0, at);
}

/** The message does not fit a frame. */
export class FrameTooLong extends Error {
  constructor(octets: number) {
    super(`the message has ${octets} octets and a frame holds at most ${FRAME_MAX}`);
  }
}

function fitting(octets: number): number {
  if (octets > FRAME_MAX) throw new FrameTooLong(octets);
  return octets;
}
