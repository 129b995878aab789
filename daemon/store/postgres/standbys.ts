import type pg from 'pg';

/** How long it is taken for granted that a standby still is one, in ms. */
const STANDBY_MS = 10_000;

/**
 * Which of a pool's connections lead to a standby. It answers with what it has replayed, so a change may be told before
 * it can be read: an account that is read again then would be the former one.
 */
export class Standbys {
  readonly #standbys = new Map<pg.Client, number>();
  #seen = 0;

  /** How many are open now. */
  get open(): number {
    return this.#standbys.size;
  }

  /** How often one was seen: if that has not changed meanwhile, no account was read from one meanwhile. */
  get seen(): number {
    return this.#seen;
  }

  /** Looks at a new connection. */
  async add(client: pg.Client): Promise<void> {
    client.once('end', () => this.#standbys.delete(client));
    await this.#look(client);
  }

  /** Looks again at one that led to a standby, which may have been promoted. Called before each query. */
  async check(client: pg.Client): Promise<void> {
    const lookedAt = this.#standbys.get(client);
    if (lookedAt !== undefined && performance.now() - lookedAt > STANDBY_MS) await this.#look(client);
  }

  async #look(client: pg.Client): Promise<void> {
    const { rows } = await client.query<{ standby: boolean }>('select pg_catalog.pg_is_in_recovery() as standby');
    if (rows[0]?.standby === false) {
      this.#standbys.delete(client);
      return;
    }
    this.#seen++;
    this.#standbys.set(client, performance.now());
  }
}
