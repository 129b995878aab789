/** Django's row for a person and the rights that go with it, all of one moment. */
export interface Account {
  /** The primary key, as text. */
  readonly id: string;
  /** As the database spells it. */
  readonly username: string;
  /** The password column: Django's encoded hash. null where the column is NULL. */
  readonly encoded: string | null;
  readonly active: boolean;
  readonly staff: boolean;
  readonly superuser: boolean;
  readonly email: string;
  readonly firstName: string;
  readonly lastName: string;
  /** Names, sorted. */
  readonly groups: readonly string[];
  /** `app_label.codename` held directly or through a group; what is_superuser adds is not listed. */
  readonly permissions: ReadonlySet<string>;
}

/** The order of octets in UTF-8, which is also that of code points: the protocol's order for lists. */
export function byOctets(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
