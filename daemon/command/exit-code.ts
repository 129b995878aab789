/** The exit codes of `djauthd`, and what each means in djauthd(8). */
export const EXIT_CODES = {
  done: { code: 0, about: 'Success.' },
  failed: {
    code: 1,
    about:
      '`doctor` found a problem or `audit` an account, the daemon cannot be reached, or the command failed; standard error says why.',
  },
  misused: { code: 2, about: 'The command line, the configuration or a socket of it cannot be used.' },
} as const;
