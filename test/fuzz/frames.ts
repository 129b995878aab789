import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { Connection } from '../../daemon/socket/connection.ts';
import { Limits } from '../../daemon/socket/limits.ts';
import { FrameError, FrameReader } from '../../protocol/frame.ts';
import { FRAME_MAX } from '../../protocol/limits.ts';
import { decodeReply, type Reply } from '../../protocol/reply.ts';
import { BadRequest, decodeRequest, type Request } from '../../protocol/request.ts';

/** Pseudo-random numbers that a seed repeats: xorshift32. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 1;
  }

  /** From 0 to `limit` - 1. */
  below(limit: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % limit;
  }
}

const [good = [], refused = []] = ['requests', 'refused'].map((file) => {
  const text = readFileSync(new URL(`../../protocol/vectors/${file}.json`, import.meta.url), 'utf8');
  return (JSON.parse(text).vectors as { hex: string }[])
    .map(({ hex }) => Buffer.from(hex, 'hex').subarray(4))
    .filter(({ length }) => length > 0 && length < 2_000);
});
const golden = [...good, ...refused];

/** The first octets of every kind of MessagePack value. */
const HEADS = Buffer.from('0090a080c0c2c3c4c5c6cccdcecfd0d1d2d3d9dadbdcdddedfcacbc1e0d4ff7f8f9fbf94a5c405', 'hex');

/** A body: a golden one with some octets changed, cut, doubled or put into another, or random octets. */
function body(random: Random): Buffer {
  // Most are as they should be: a connection reads nothing after a bad one.
  if (random.below(8) > 0) return good[random.below(good.length)] as Buffer;
  const from = golden[random.below(golden.length)] as Buffer;
  const kind = random.below(16);
  if (kind === 0) return octets(random, 1 + random.below(80));
  let result = Buffer.from(from);
  if (kind === 2) result = Buffer.from(from.subarray(0, 1 + random.below(from.length)));
  if (kind === 3) {
    const other = golden[random.below(golden.length)] as Buffer;
    result = Buffer.concat([
      from.subarray(0, 1 + random.below(from.length)),
      other.subarray(random.below(other.length)),
    ]);
  }
  if (kind === 4) result = Buffer.concat([from, octets(random, 1 + random.below(4))]);
  for (let changes = random.below(4); changes > 0; changes--) {
    const at = random.below(result.length);
    const which = random.below(4);
    if (which === 0) result[at] = HEADS[random.below(HEADS.length)] as number;
    else if (which === 1) result[at] = (result[at] as number) ^ (1 << random.below(8));
    else result[at] = random.below(256);
  }
  return result;
}

function octets(random: Random, length: number): Buffer {
  const result = Buffer.alloc(length);
  for (let at = 0; at < length; at++) result[at] = random.below(256);
  return result;
}

/** A client's end is this program; the daemon's end is the stream itself. Closed when destroyed. */
class FakeSocket extends Duplex {
  readonly written: Buffer[] = [];

  constructor() {
    super({ allowHalfOpen: true, emitClose: true });
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.written.push(Buffer.from(chunk));
    done();
  }
}

/** What must come of a piece of a stream: the ids of the requests that are answered, and whether it is closed then. */
interface Expected {
  readonly answered: number[];
  /** The id in the reply to the bad request; undefined: there is none. */
  readonly refused: number | undefined;
  readonly misused: boolean;
}

/** Decodes the bodies one by one, as a connection does, until one cannot be. @throws whatever decoding must not throw */
function expect(bodies: readonly Buffer[]): Expected {
  const answered: number[] = [];
  for (const each of bodies) {
    if (each.length === 0 || each.length > FRAME_MAX) return { answered, refused: undefined, misused: true };
    try {
      answered.push(decodeRequest(Buffer.from(each)).id);
    } catch (error) {
      if (!(error instanceof BadRequest)) throw error;
      return { answered, refused: error.id, misused: true };
    }
  }
  return { answered, refused: undefined, misused: false };
}

export interface FrameCounts {
  frames: number;
  connections: number;
  valid: number;
  bad: number;
}

/** Those of one daemon: every connection of a run shares them. */
const limits = new Limits();

const PONG: Reply = { status: 0, content: {} };

/**
 * One connection: some frames, cut into pieces at random places, some answered at once and some later.
 *
 * @throws Error if a request is not answered exactly once, if anything is answered after a bad one, or if the connection
 * stays open after it
 */
export async function fuzzConnection(random: Random, counts: FrameCounts): Promise<void> {
  const bodies = Array.from({ length: 1 + random.below(12) }, () => body(random));
  const expected = expect(bodies);
  counts.frames += bodies.length;
  counts.connections++;
  counts.valid += expected.answered.length;
  counts.bad += expected.misused ? 1 : 0;

  const socket = new FakeSocket();
  let misuses = 0;
  const seen: number[] = [];
  const answer = (request: Request): Promise<Reply> | Reply => {
    seen.push(request.id);
    return random.below(2) ? PONG : Promise.resolve(PONG);
  };
  new Connection(socket as unknown as Socket, { limits, answer, onMisuse: () => misuses++ });

  const stream = Buffer.concat(
    bodies.flatMap((each) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(each.length);
      return [length, each];
    }),
  );
  for (let at = 0; at < stream.length; ) {
    // A copy: the daemon wipes what it has read.
    const end = random.below(3) === 0 ? Math.min(stream.length, at + 1 + random.below(40)) : stream.length;
    socket.push(Buffer.from(stream.subarray(at, end)));
    at = end;
    if (random.below(4) === 0) await turn();
  }
  socket.push(null);
  for (let turns = 0; turns < 50 && !socket.writableFinished; turns++) await turn();

  const replies = new FrameReader();
  const granted: number[] = [];
  const closing: number[] = [];
  replies.push(Buffer.concat(socket.written), (each) => {
    const { id, status } = decodeReply(each);
    if (status === 0) granted.push(id);
    else if (status === 5) closing.push(id);
    else throw new Error(`a reply of status ${status}`);
  });
  const sorted = (ids: number[]) => [...ids].sort((a, b) => a - b).join();
  const check = (holds: boolean, what: string) => {
    if (!holds) throw new Error(`${what}: ${stream.toString('hex')}`);
  };
  check(socket.writableFinished, 'the connection stays open');
  check(sorted(seen) === sorted(expected.answered), 'other requests were read');
  check(sorted(granted) === sorted(expected.answered), 'not every request was answered once');
  check(closing.join() === [expected.refused].filter((id) => id !== undefined).join(), 'another refusal');
  check(misuses === (expected.misused ? 1 : 0), 'misuse was not told once');
  socket.destroy();
}

/** The codec alone: a stream that is cut anywhere gives the same bodies, or the same end. */
export function fuzzReader(random: Random, counts: FrameCounts): void {
  const count = 1 + random.below(6);
  const stream = Buffer.concat(
    Array.from({ length: count }, () => {
      const length = Buffer.alloc(4);
      const each = body(random);
      const wrong = random.below(40);
      length.writeUInt32BE(wrong === 0 ? 0 : wrong === 1 ? FRAME_MAX + 1 + random.below(1e6) : each.length);
      return Buffer.concat([length, each]);
    }),
  );
  counts.frames += count;
  const read = (pieces: readonly Buffer[]): string => {
    const reader = new FrameReader();
    const found: string[] = [];
    try {
      for (const piece of pieces) reader.push(piece, (each) => found.push(each.toString('latin1')));
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      found.push('an end');
    }
    return found.join('|');
  };
  const pieces: Buffer[] = [];
  for (let at = 0; at < stream.length; ) {
    const end = Math.min(stream.length, at + 1 + random.below(60));
    pieces.push(Buffer.from(stream.subarray(at, end)));
    at = end;
  }
  if (read([Buffer.from(stream)]) !== read(pieces)) throw new Error(`split otherwise: ${stream.toString('hex')}`);
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
