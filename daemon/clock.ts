/** What time it is, in milliseconds from an arbitrary start; never steps back. Tests bring one of their own. */
export interface Clock {
  now(): number;
}

export const monotonic: Clock = { now: () => performance.now() };
