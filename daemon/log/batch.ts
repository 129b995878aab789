import { pino } from 'pino';

/** Where lines go in the end: takes them at once and writes them when it can. */
export interface Sink {
  write(lines: string): unknown;
  flushSync(): void;
}

/** How long a line may wait for others, in ms. A process that is killed outright takes those lines with it. */
const WAIT_MS = 20;

/** How much is handed on without waiting, in characters. */
const BATCH = 32 * 1024;

/** Lines of this level and above, pino's "warn", wait for nothing. */
const URGENT = 40;

/**
 * Hands lines on by the batch. One system call for each line, on another thread, costs more than the verdict that the
 * line is about. There is a timer only while a line waits.
 */
export class LineBatch {
  /** Has pino set `lastLevel` before each line. */
  readonly [pino.symbols.needsMetadataGsym] = true;
  lastLevel = 0;
  readonly #sink: Sink;
  #waiting = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  write(line: string): void {
    this.#waiting += line;
    if (this.lastLevel >= URGENT || this.#waiting.length >= BATCH) this.#handOn();
    else this.#timer ??= setTimeout(() => this.#handOn(), WAIT_MS).unref();
  }

  /** Writes out all there is before it returns. pino does so for its own on "fatal". */
  flushSync(): void {
    this.#handOn();
    this.#sink.flushSync();
  }

  #handOn(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const lines = this.#waiting;
    this.#waiting = '';
    if (lines !== '') this.#sink.write(lines);
  }
}
