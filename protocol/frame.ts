import { FRAME_MAX, LENGTH_OCTETS } from './limits.ts';

/** The stream cannot be read any further: a length of 0 or over the limit. The connection must be closed. */
export class FrameError extends Error {}

/**
 * Cuts a stream of octets into bodies, however it is split. Nothing is kept but the one frame that is under way,
 * and its length is checked before room is made for it.
 */
export class FrameReader {
  #length = Buffer.alloc(LENGTH_OCTETS);
  #lengthHas = 0;
  #body: Buffer | undefined;
  #bodyHas = 0;

  /** Whether a frame has begun and is not complete. */
  get partial(): boolean {
    return this.#lengthHas > 0;
  }

  /**
   * Takes the next octets and hands every body that they complete to `onBody`, in order. A body may be a view of
   * `chunk`: it is the receiver's until `onBody` returns.
   *
   * @throws FrameError on a length that is not allowed; the reader is of no use afterwards.
   */
  push(chunk: Buffer, onBody: (body: Buffer) => void): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#body === undefined) {
        if (this.#lengthHas === 0 && chunk.length - at >= LENGTH_OCTETS) {
          // The common case, a whole frame in one chunk, is cut out without copying.
          const length = readLength(chunk, at);
          if (chunk.length - at - LENGTH_OCTETS >= length) {
            const start = at + LENGTH_OCTETS;
            at = start + length;
            onBody(chunk.subarray(start, at));
            continue;
          }
        }
        this.#length[this.#lengthHas++] = chunk[at++] as number;
        if (this.#lengthHas < LENGTH_OCTETS) continue;
        // Memory that JavaScript's garbage collector does not move about, leaving copies: it may hold a password.
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
          onBody(body);
        } finally {
          body.fill(0); // it may have held a password
        }
      }
    }
  }

  /** Forgets a frame that will not be completed. */
  clear(): void {
    this.#body?.fill(0);
    this.#body = undefined;
    this.#lengthHas = 0;
  }
}

function readLength(octets: Buffer, at: number): number {
  const length = octets.readUInt32BE(at);
  if (length === 0 || length > FRAME_MAX) {
    throw new FrameError(`a frame of ${length} octets is not allowed: 1 to ${FRAME_MAX} are`);
  }
  return length;
}
