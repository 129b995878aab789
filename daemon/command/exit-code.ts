/** The exit codes of `djauthd`, and what each means in djauthd(8); those of `explain` are its own. */
export const EXIT_CODES = {
  done: { code: 0, about: 'Success.' },
  failed: {
    code: 1,
    about:
      '`doctor` found a problem or `audit` an account, `explain` a denial, the daemon cannot be reached, or the command failed; standard error says why.',
  },
  misused: { code: 2, about: 'The command line, the configuration or a socket cannot be used; `explain` cannot tell.' },
} as const;

/** The exit codes of `djauthd explain`. */
export const EXPLAIN_CODES = { granted: { code: 0 }, denied: { code: 1 }, neither: { code: 2 } } as const;
