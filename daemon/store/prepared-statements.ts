/**
 * Whether queries to one database are prepared. A pooler that gives each transaction another connection does not allow
 * it, and a server may have reached its limit of prepared statements: then queries are sent unprepared from now on.
 */
export class PreparedStatements {
  readonly #onTrouble: (message: string) => void;
  #enabled: boolean;

  constructor(enabled: boolean, onTrouble: (message: string) => void) {
    this.#enabled = enabled;
    this.#onTrouble = onTrouble;
  }

  get enabled(): boolean {
    return this.#enabled;
  }

  /** Logged once. */
  disable(reason: string): void {
    if (this.#enabled) this.#onTrouble(`${reason}: prepared statements are disabled from now on`);
    this.#enabled = false;
  }
}
