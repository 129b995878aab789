/** A sentence that the administrator should know about an imported site. */
export interface Note {
  readonly text: string;
  /**
   * Set if it is a deviation: the daemon might grant a user whom Django would deny. The site is then imported only if this
   * word is accepted.
   */
  readonly accept?: Acceptable;
}

/** The kinds of deviations that can be accepted: the words of `--accept`. */
export const ACCEPTABLE = [
  'manager',
  'check_password',
  'has_perm',
  'backends',
  'routers',
  'is_active',
  'fields',
  'loading',
  'second-factor',
] as const;
export type Acceptable = (typeof ACCEPTABLE)[number];
