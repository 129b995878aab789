import { Encoded } from '../../protocol/codec.ts';
import type { StatusFormat } from '../../protocol/request.ts';
import type { Clock } from '../clock.ts';
import type { Report } from '../metrics/report.ts';
import { withRefresh } from './html.ts';
import { type StatusPage, statusPage } from './page.ts';

/** How long a page is shown before it is drawn anew, in ms. */
const FRESH_MS = 1_000;

interface Drawn {
  readonly page: StatusPage;
  readonly encoded: Encoded;
  /** The same with the refresh that was asked for last: a browser asks for the same each time. */
  refreshing?: { readonly seconds: number; readonly encoded: Encoded };
}

/**
 * The status pages, each format drawn at most once a second and shared by all clients: drawing costs up to some
 * milliseconds, and whoever may open the auth socket may ask for it as fast as it likes.
 */
export class StatusPages {
  readonly #report: () => Report;
  readonly #clock: Clock;
  readonly #freshMs: number;
  readonly #drawn = new Map<StatusFormat, Drawn>();
  #drawnAt = Number.NEGATIVE_INFINITY;

  /** @param freshMs 0 where only those ask who may stop the daemon too, and who want to see what is */
  constructor(report: () => Report, clock: Clock, freshMs = FRESH_MS) {
    this.#report = report;
    this.#clock = clock;
    this.#freshMs = freshMs;
  }

  /** The content of a reply: a StatusPage. @param refresh after how many seconds an HTML page reloads itself */
  page(format: StatusFormat, refresh?: number): Encoded {
    const now = this.#clock.now();
    if (now - this.#drawnAt >= this.#freshMs) {
      this.#drawn.clear();
      this.#drawnAt = now;
    }
    let drawn = this.#drawn.get(format);
    if (drawn === undefined) {
      const page = statusPage(this.#report(), format);
      drawn = { page, encoded: new Encoded(page) };
      this.#drawn.set(format, drawn);
    }
    if (refresh === undefined || format !== 'html') return drawn.encoded;
    if (drawn.refreshing?.seconds !== refresh) {
      const { type, body } = drawn.page;
      drawn.refreshing = { seconds: refresh, encoded: new Encoded({ type, body: withRefresh(body, refresh) }) };
    }
    return drawn.refreshing.encoded;
  }
}
