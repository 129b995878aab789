/** How long lines are counted before a summary says how many were left out, in ms. */
const WINDOW_MS = 1_000;

interface Window {
  written: number;
  omitted: number;
}

/**
 * Bounds the lines of each kind to so many a second: a client that is refused thousands of times a second must not fill
 * the disk, nor hide other lines. What is left out is counted and said once a second.
 */
export class LineRate {
  /** 0: no bound. */
  perSecond = 0;
  readonly #onOmitted: (kind: string, count: number) => void;
  readonly #windows = new Map<string, Window>();
  #timer: NodeJS.Timeout | undefined;

  /** @param onOmitted called at the end of a second with a kind of which lines were left out, and how many */
  constructor(onOmitted: (kind: string, count: number) => void) {
    this.#onOmitted = onOmitted;
  }

  /** Whether a line may be written now. Kinds are words of the daemon, never of a client. */
  admits(kind: string): boolean {
    if (this.perSecond === 0) return true;
    let window = this.#windows.get(kind);
    if (window === undefined) {
      window = { written: 0, omitted: 0 };
      this.#windows.set(kind, window);
    }
    this.#timer ??= setTimeout(() => this.end(), WINDOW_MS).unref();
    if (window.written < this.perSecond) {
      window.written++;
      return true;
    }
    window.omitted++;
    return false;
  }

  /** Ends the second. */
  end(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const windows = [...this.#windows];
    this.#windows.clear();
    for (const [kind, { omitted }] of windows) if (omitted > 0) this.#onOmitted(kind, omitted);
  }
}
