/** The time in milliseconds since an arbitrary moment; it never steps back. Tests use their own. */
export interface Clock {
  now(): number;
}

/** What CLOCK_MONOTONIC of the machine showed when `performance.now()` was 0. */
const START = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/** CLOCK_MONOTONIC: all processes of the machine read the same, so a time means the same after a restart. */
export const monotonic: Clock = { now: () => START + performance.now() };
