/** What has happened since the start, by name: the one table that statistics are drawn from. */
export class Counters {
  readonly granted = { count: 0 };
  readonly denied = { count: 0 };
  readonly busy = { count: 0 };
  readonly error = { count: 0 };
  readonly cached = { count: 0 };
  readonly bad_requests = { count: 0 };

  /** All of them, as plain numbers. */
  snapshot(): Record<string, number> {
    return Object.fromEntries(Object.entries(this).map(([name, { count }]) => [name, count]));
  }
}
