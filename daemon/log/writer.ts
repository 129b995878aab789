import { constants, fstatSync, openSync, write, writeSync } from 'node:fs';
import type { Sink } from './batch.ts';

/** How much may wait for a slow reader, in octets; further lines are dropped. */
const BACKLOG_MAX = 4 * 1024 * 1024;

/** How soon a write is retried, in ms: at first, if the reader is only slow, and at most. */
const RETRY_MIN_MS = 1;
const RETRY_MAX_MS = 250;

/** How long the lines that wait may delay the end of the process, in ms. */
const END_MS = 1000;

/** How long the end waits for another thread that writes to a file, in ms. */
const SETTLE_MS = 20;

const LINE_FEED = 0x0a;

/**
 * Writes whole lines to standard error. Whatever its reader does, the daemon is neither blocked nor ended and its memory
 * is not filled. A write that fails is retried from where it stopped: no line is cut in two.
 *
 * Pipes and sockets, which may be full, are written to without blocking. That is not possible for a file or a terminal,
 * which is written to on another thread.
 */
export class LogWriter implements Sink {
  readonly #fd: number;
  readonly #blocking: boolean;
  readonly #onLost: (lines: number) => void;
  readonly #queue: Buffer[] = [];
  #octets = 0;
  #lost = 0;
  /** Whether another thread is writing the first entry of the queue. */
  #writing = false;
  #timer: NodeJS.Timeout | undefined;
  #retryMs = RETRY_MIN_MS;

  /** @param onLost called with the number of dropped lines, as soon as others can be written again */
  constructor(fd: number, onLost: (lines: number) => void) {
    const unblocked = unblock(fd);
    this.#fd = unblocked ?? fd;
    this.#blocking = unblocked === undefined;
    this.#onLost = onLost;
  }

  write(octets: Buffer): void {
    if (this.#octets + octets.length > BACKLOG_MAX) {
      this.#lost += countOf(octets);
      return;
    }
    this.#queue.push(octets);
    this.#octets += octets.length;
    if (this.#timer === undefined) this.#drain();
  }

  /** Nothing to do: what can be written without waiting has been. */
  flushSync(): void {}

  /** At exit: writes the lines that wait, for at most END_MS. */
  end(): void {
    clearTimeout(this.#timer);
    if (this.#writing) {
      sleep(SETTLE_MS); // Node waits for that thread, but calls back no more
      this.#consume(this.#queue[0]?.length ?? 0);
    }
    for (const until = performance.now() + END_MS; this.#queue.length > 0; ) {
      try {
        this.#consume(writeSync(this.#fd, this.#queue[0] as Buffer));
      } catch (error) {
        if (!isFull(error) || performance.now() > until) return;
        sleep(RETRY_MIN_MS);
      }
    }
  }

  #drain(): void {
    while (this.#queue.length > 0 && !this.#writing) {
      const head = this.#queue[0] as Buffer;
      if (this.#blocking) {
        this.#writing = true;
        write(this.#fd, head, (error, octets) => {
          this.#writing = false;
          if (error) this.#retry();
          else this.#written(octets);
          if (this.#timer === undefined) this.#drain();
        });
        return;
      }
      try {
        this.#written(writeSync(this.#fd, head));
      } catch {
        this.#retry();
        return;
      }
    }
  }

  #written(octets: number): void {
    this.#retryMs = RETRY_MIN_MS;
    this.#consume(octets);
    if (this.#queue.length > 0 || this.#lost === 0) return;
    const lost = this.#lost;
    this.#lost = 0;
    this.#onLost(lost);
  }

  /** Removes so many octets from the first entry of the queue. */
  #consume(octets: number): void {
    const head = this.#queue[0] as Buffer;
    this.#octets -= octets;
    if (octets < head.length) this.#queue[0] = head.subarray(octets);
    else this.#queue.shift();
  }

  /** Whatever the error was: the next reader of a pipe gets what is in it, and writing continues where it stopped. */
  #retry(): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#drain();
    }, this.#retryMs).unref();
    this.#retryMs = Math.min(2 * this.#retryMs, RETRY_MAX_MS);
  }
}

/** The descriptor to write to without blocking; undefined if that is not possible. */
function unblock(fd: number): number | undefined {
  try {
    const stat = fstatSync(fd);
    // Opened again, the description is the daemon's alone: other writers of the pipe may rely on its blocking.
    if (stat.isFIFO()) return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK);
    // A socket cannot be opened again. Node makes it non-blocking itself, and restores that at exit.
    return stat.isSocket() && process.stderr.fd === fd ? fd : undefined;
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
