/** Under which typed usernames an account's snapshots are kept, by its primary key. */
export class Roster {
  /** Almost every account is asked for under one name. */
  readonly #names = new Map<string, string | Set<string>>();

  add(id: string, username: string): void {
    const known = this.#names.get(id);
    if (known === undefined) this.#names.set(id, username);
    else if (known instanceof Set) known.add(username);
    else if (known !== username) this.#names.set(id, new Set([known, username]));
  }

  remove(id: string, username: string): void {
    const known = this.#names.get(id);
    if (known === username) this.#names.delete(id);
    else if (known instanceof Set && known.delete(username) && known.size === 0) this.#names.delete(id);
  }

  of(id: string): readonly string[] {
    const known = this.#names.get(id);
    if (known === undefined) return [];
    return known instanceof Set ? [...known] : [known];
  }
}
