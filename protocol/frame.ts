import { FRAME_MAX, LENGTH_OCTETS } from './limits.ts';

/** A length is 0 or over the limit: the stream cannot be read any further and the connection must be closed. */
export class FrameError extends Error {}

/**
 * Cuts a stream of octets into bodies, however it is split. Only one incomplete frame is kept, and its length is checked
 * before memory is allocated for it.
 */
export class FrameReader {
  #length = Buffer.alloc(LENGTH_OCTETS);
  #lengthHas = 0;
  #body: Buffer | undefined;
  #bodyHas = 0;

  /** Whether a frame has begun and is incomplete. */
  get partial(): boolean {
    return this.#lengthHas > 0;
  }

  /** The octets of memory that the incomplete frame has. */
  get held(): number {
    return this.#body?.length ?? 0;
  }

  /**
   * Takes the octets of `chunk` from the offset `from` on and calls `onBody` with every body that they complete, in order. A body is
   * valid until `onBody` returns: it may be a view of `chunk`. Returns the offset of the first octet that was not taken:
   * the chunk's length, unless `onBody` returned false, after whose body nothing more is taken.
   *
   * @throws FrameError on a length that is not allowed. The reader must not be used afterwards.
   */
  push(chunk: Buffer, onBody: (body: Buffer) => unknown, from = 0): number {
    let at = from;
    while (at < chunk.length) {
      if (this.#body === undefined) {
        if (this.#lengthHas === 0 && chunk.length - at >= LENGTH_OCTETS) {
          // The usual case, a whole frame in one chunk, needs no copy.
          const length = readLength(chunk, at);
          if (chunk.length - at - LENGTH_OCTETS >= length) {
            const start = at + LENGTH_OCTETS;
            at = start + length;
            if (onBody(chunk.subarray(start, at)) === false) return at;
            continue;
          }
        }
        this.#length[this.#lengthHas++] = chunk[at++] as number;
        if (this.#lengthHas < LENGTH_OCTETS) continue;
        // Memory that the garbage collector does not move: it may hold a password, and a move leaves a copy.
        this.#body = Buffer.from(new ArrayBuffer(readLength(this.#length, 0)));
        this.#bodyHas = 0;
      } else {
        const taken = Math.min(this.#body.length - this.#bodyHas, chunk.length - at);
        chunk.copy(this.#body, this.#bodyHas, at, at + taken);
        this.#bodyHas += taken;
        at += taken;
        if (this.#bodyHas < this.#body.length) continue;
        const body = this.#body;
        this.#body = undefined;
        this.#lengthHas = 0;
        try {
          if (onBody(body) === false) return at;
        } finally {
          body.fill(0); // it may contain a password
        }
      }
    }
    return at;
  }

  /** Wipes a frame that will not be completed. */
  clear(): void {
    this.#body?.fill(0);
    this.#body = undefined;
    this.#lengthHas = 0;
  }
}

function readLength(octets: Buffer, at: number): number {
  const length = octets.readUInt32BE(at);
  if (length === 0 || length > FRAME_MAX) {
    throw new FrameError(`invalid frame length ${length}: a frame has 1 to ${FRAME_MAX} octets`);
  }
  return length;
}
