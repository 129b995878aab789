import { pino } from 'pino';

/** Where lines are written: accepts them at once and writes them when it can. */
export interface Sink {
  write(lines: string): unknown;
  flushSync(): void;
}

/** How long a line may wait for others, in ms. Lines that wait are lost if the process is killed by SIGKILL. */
const WAIT_MS = 20;

/** A batch of so many characters is passed on without waiting. */
const BATCH = 32 * 1024;

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
  #waiting = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  write(line: string): void {
    this.#waiting += line;
    if (this.lastLevel >= URGENT || this.#waiting.length >= BATCH) this.#passOn();
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
    const lines = this.#waiting;
    this.#waiting = '';
    if (lines !== '') this.#sink.write(lines);
  }
}
