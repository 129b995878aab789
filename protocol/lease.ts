/** For how long a client may use a grant again without asking, as PROTOCOL.md section 4.1 says. */
export interface Lease {
  /** Counted from before the client sent its question; 1 to 2^32-1. */
  readonly ms: number;
  /** What the file beside the socket must contain for as long as the grant is used. */
  readonly epoch: bigint;
}

const MS_KEY = Buffer.from('\xa8lease_ms', 'latin1');
const EPOCH_KEY = Buffer.from('\xablease_epoch', 'latin1');

/** How many pairs of a map a lease is, and the most octets that they take. */
export const LEASE_PAIRS = 2;
export const LEASE_OCTETS_MAX = MS_KEY.length + 5 + EPOCH_KEY.length + 9;

/** Writes the pairs of a map. Returns where they end. */
export function writeLease(frame: Buffer, at: number, { ms, epoch }: Lease): number {
  at += MS_KEY.copy(frame, at);
  if (ms <= 0x7f) at = frame.writeUInt8(ms, at);
  else if (ms <= 0xff) at = frame.writeUInt8(ms, frame.writeUInt8(0xcc, at));
  else if (ms <= 0xffff) at = frame.writeUInt16BE(ms, frame.writeUInt8(0xcd, at));
  else at = frame.writeUInt32BE(ms, frame.writeUInt8(0xce, at));
  at += EPOCH_KEY.copy(frame, at);
  return frame.writeBigUInt64BE(epoch, frame.writeUInt8(0xcf, at));
}
