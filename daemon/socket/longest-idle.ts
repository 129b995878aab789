/** How many are remembered when all are looked through; and how many each call pays for. */
const REMEMBERED = 256;

interface MayBeIdle {
  /** undefined if it is not. */
  readonly idleSince: number | undefined;
}

/** Connections that may be idle. */
interface Candidates<Connection> {
  readonly size: number;
  has(connection: Connection): boolean;
  all(): Iterable<Connection>;
}

/**
 * The longest idle of some connections. There may be many thousands, and each that is opened asks: so all are looked through
 * only once for each 256 calls or for as many calls as their number pays for, and the longest idle are remembered. Of
 * these, one that has not been used since is still the longest idle: whatever is idle since later comes after it.
 */
export class LongestIdle<Connection extends MayBeIdle> {
  /** The longest idle one last. */
  #remembered: { readonly connection: Connection; readonly since: number }[] = [];
  #paid = Number.POSITIVE_INFINITY;

  /** undefined if none is idle, or was when they were last looked through. */
  of(candidates: Candidates<Connection>): Connection | undefined {
    this.#paid += REMEMBERED;
    return this.#first(candidates) ?? (this.#look(candidates) ? this.#first(candidates) : undefined);
  }

  #first({ has }: Candidates<Connection>): Connection | undefined {
    for (let last = this.#remembered.at(-1); last !== undefined; last = this.#remembered.at(-1)) {
      if (has(last.connection) && last.connection.idleSince === last.since) return last.connection;
      this.#remembered.pop();
    }
    return undefined;
  }

  #look({ size, all }: Candidates<Connection>): boolean {
    if (this.#paid < size) return false;
    this.#paid = 0;
    const idle: { connection: Connection; since: number }[] = [];
    for (const connection of all()) {
      const since = connection.idleSince;
      if (since !== undefined) idle.push({ connection, since });
    }
    this.#remembered = idle.sort((a, b) => b.since - a.since).slice(-REMEMBERED);
    return true;
  }
}
