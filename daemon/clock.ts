/** The time in milliseconds since an arbitrary moment; it never steps back. Tests use their own. */
export interface Clock {
  now(): number;
}

export const monotonic: Clock = { now: () => performance.now() };
