import { pino } from 'pino';

/** Where lines are written: accepts them at once and writes them when it can. The octets are its own from then on. */
export interface Sink {
  write(lines: Buffer): unknown;
  flushSync(): void;
}

/** How long a line may wait for others, in ms. Lines that wait are lost if the process is killed by SIGKILL. */
const WAIT_MS = 20;

/** A batch of so many octets is passed on without waiting; and the space for one, with a long line at its end. */
const BATCH = 32 * 1024;
const SPACE = 2 * BATCH;

/** Lines of this level (pino's "warn") and above do not wait. */
const URGENT = 40;

/**
 * Passes lines on in batches. One system call per line, on another thread, costs more than the verdict that the line is
 * about. A timer runs only while a line waits.
 */
export class LineBatch {
  /** Makes pino set `lastLevel` before each line. */
  readonly [pino.symbols.needsMetadataGsym] = true;
  lastLevel = 0;
  readonly #sink: Sink;
  /** The lines that wait. As a text of many parts they would be more work for the garbage collector than all else in a check. */
  readonly #waiting = Buffer.allocUnsafeSlow(SPACE);
  #end = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  write(line: string): void {
    const most = 3 * line.length; // in UTF-8
    if (most > SPACE - this.#end) this.#passOn();
    if (most > SPACE) {
      this.#sink.write(Buffer.from(line));
      return;
    }
    this.#end += this.#waiting.write(line, this.#end);
    if (this.lastLevel >= URGENT || this.#end >= BATCH) this.#passOn();
    else this.#timer ??= setTimeout(() => this.#passOn(), WAIT_MS).unref();
  }

  /** Passes on all lines before it returns, as pino's own destinations do on "fatal". */
  flushSync(): void {
    this.#passOn();
    this.#sink.flushSync();
  }

  #passOn(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#end === 0) return;
    const lines = Buffer.from(this.#waiting.subarray(0, this.#end));
    this.#end = 0;
    this.#sink.write(lines);
  }
}
