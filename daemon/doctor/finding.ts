/** A sentence that the administrator should know. */
export interface Finding {
  /** A problem keeps users from logging in or makes accounts ambiguous; a warning does not. */
  readonly level: 'problem' | 'warning';
  /** A sentence that contains no hash and no password. */
  readonly message: string;
  /** Lines to run, such as GRANT statements. */
  readonly remedy: readonly string[];
}

export function problem(message: string, remedy: readonly string[] = []): Finding {
  return { level: 'problem', message, remedy };
}

export function warning(message: string, remedy: readonly string[] = []): Finding {
  return { level: 'warning', message, remedy };
}

/** "one account", "2 accounts", "1,204 accounts". */
export function counted(count: number, noun: string): string {
  return count === 1 ? `one ${noun}` : `${count.toLocaleString('en-US')} ${noun}s`;
}
