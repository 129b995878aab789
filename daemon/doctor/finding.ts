/** Something that an administrator should know. */
export interface Finding {
  /** A problem keeps people from getting in or being told from each other; a warning does not. */
  readonly level: 'problem' | 'warning';
  /** A sentence, without a hash or a password in it. */
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
