/** A row of Django's user model with its groups and permissions, all read at one moment. */
export interface Account {
  /** The primary key, as text. */
  readonly id: string;
  /** As the database spells it. */
  readonly username: string;
  /** The password column: Django's encoded hash. null if the column is NULL. */
  readonly encoded: string | null;
  readonly active: boolean;
  readonly staff: boolean;
  readonly superuser: boolean;
  readonly email: string;
  readonly firstName: string;
  readonly lastName: string;
  /** Names, sorted. */
  readonly groups: readonly string[];
  /** `app_label.codename`, held directly or through a group; those that is_superuser adds are not listed. */
  readonly permissions: ReadonlySet<string>;
}

/** The order of octets in UTF-8, which is also that of code points: the protocol's order of lists. */
export function byOctets(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
