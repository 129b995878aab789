import { constants, fstatSync, openSync, write, writeSync } from 'node:fs';
import type { Sink } from './batch.ts';

/** How much may wait for a slow reader, in octets; past it lines are dropped, not memory filled. */
const BACKLOG_MAX = 4 * 1024 * 1024;

/** How soon a write is tried again, in ms: at first, for a reader that is just slow, and at most. */
const RETRY_MIN_MS = 1;
const RETRY_MAX_MS = 250;

/** How long the end of the process may be put off for what waits, in ms. */
const END_MS = 1000;

/** How long another thread, which writes to a file, is waited for at the end, in ms. */
const SETTLE_MS = 20;

const LINE_FEED = 0x0a;

/**
 * Writes whole lines to standard error, whatever becomes of its reader: neither blocks nor ends the daemon, nor fills its
 * memory. What cannot be written is tried again, from where it stopped: no line is cut in two.
 *
 * Pipes and sockets, which may be full, are written to without blocking. A file or a terminal cannot be, and is written
 * to on another thread.
 */
export class LogWriter implements Sink {
  readonly #fd: number;
  readonly #blocking: boolean;
  readonly #onLost: (lines: number) => void;
  readonly #queue: Buffer[] = [];
  #octets = 0;
  #lost = 0;
  /** Whether another thread is writing the first of the queue. */
  #writing = false;
  #timer: NodeJS.Timeout | undefined;
  #retryMs = RETRY_MIN_MS;

  /** @param onLost hears how many lines were dropped, as soon as others are taken again */
  constructor(fd: number, onLost: (lines: number) => void) {
    const unblocked = unblock(fd);
    this.#fd = unblocked ?? fd;
    this.#blocking = unblocked === undefined;
    this.#onLost = onLost;
  }

  write(lines: string): void {
    const octets = Buffer.from(lines);
    if (this.#octets + octets.length > BACKLOG_MAX) {
      this.#lost += countOf(octets);
      return;
    }
    this.#queue.push(octets);
    this.#octets += octets.length;
    if (this.#timer === undefined) this.#go();
  }

  /** Nothing to be done: what can be written without waiting is under way. */
  flushSync(): void {}

  /** At the very end: writes what waits, if that is soon done. */
  end(): void {
    clearTimeout(this.#timer);
    if (this.#writing) {
      sleep(SETTLE_MS); // Node waits for that thread, but there is no hearing of it any more
      this.#take(this.#queue[0]?.length ?? 0);
    }
    for (const until = performance.now() + END_MS; this.#queue.length > 0; ) {
      try {
        this.#take(writeSync(this.#fd, this.#queue[0] as Buffer));
      } catch (error) {
        if (!isFull(error) || performance.now() > until) return;
        sleep(RETRY_MIN_MS);
      }
    }
  }

  #go(): void {
    while (this.#queue.length > 0 && !this.#writing) {
      const head = this.#queue[0] as Buffer;
      if (this.#blocking) {
        this.#writing = true;
        write(this.#fd, head, (error, octets) => {
          this.#writing = false;
          if (error) this.#later();
          else this.#took(octets);
          if (this.#timer === undefined) this.#go();
        });
        return;
      }
      try {
        this.#took(writeSync(this.#fd, head));
      } catch {
        this.#later();
        return;
      }
    }
  }

  #took(octets: number): void {
    this.#retryMs = RETRY_MIN_MS;
    this.#take(octets);
    if (this.#queue.length > 0 || this.#lost === 0) return;
    const lost = this.#lost;
    this.#lost = 0;
    this.#onLost(lost);
  }

  /** The first of the queue, or so much of it, is done with. */
  #take(octets: number): void {
    const head = this.#queue[0] as Buffer;
    this.#octets -= octets;
    if (octets < head.length) this.#queue[0] = head.subarray(octets);
    else this.#queue.shift();
  }

  /** Whatever it was: who reads a pipe next gets what is in it, and it goes on where it stopped. */
  #later(): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#go();
    }, this.#retryMs).unref();
    this.#retryMs = Math.min(2 * this.#retryMs, RETRY_MAX_MS);
  }
}

/** The descriptor to write to without blocking; undefined where that cannot be. */
function unblock(fd: number): number | undefined {
  try {
    const place = fstatSync(fd);
    // Opened anew, it is ours alone: others who write to the same pipe may count on its blocking.
    if (place.isFIFO()) return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK);
    // There is no opening a socket anew. Node makes it so for itself, and as it was when the process ends.
    return place.isSocket() && process.stderr.fd === fd ? fd : undefined;
  } catch {
    return undefined;
  }
}

function isFull(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EAGAIN';
}

function countOf(octets: Buffer): number {
  let count = 0;
  for (let at = octets.indexOf(LINE_FEED); at >= 0; at = octets.indexOf(LINE_FEED, at + 1)) count++;
  return count;
}

function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
