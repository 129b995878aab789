/** Something to be known of an imported site: a sentence. */
export interface Note {
  readonly text: string;
  /**
   * Set where the daemon might let in whom Django would not: then the site is only imported when this word has been
   * accepted.
   */
  readonly accept?: Acceptable;
}

/** What may be accepted, and so the words of `--accept`. */
export const ACCEPTABLE = ['manager', 'check_password', 'has_perm', 'backends', 'routers', 'is_active'] as const;
export type Acceptable = (typeof ACCEPTABLE)[number];
