import { uptime } from 'node:os';

/** The time in milliseconds since an arbitrary moment; it never steps back. Tests use their own. */
export interface Clock {
  now(): number;
}

/** What CLOCK_MONOTONIC of the machine showed when `performance.now()` was 0. */
const START = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/** CLOCK_MONOTONIC: all processes of the machine read the same, so a time means the same after a restart. */
export const monotonic: Clock = { now: () => START + performance.now() };

/** How far the wall clock must step against the monotonic one until somebody asks why, and what counts as sleep, in ms. */
const STEP_MS = 50;
const SLEEP_MS = 30;

/** What a `BootClock` reads; all in ms. */
export interface BootSources {
  monotonic(): number;
  wall(): number;
  /** The time since the machine was booted, sleep included. Reading it may take some microseconds. */
  uptime(): number;
}

/**
 * The monotonic time and the time that the machine has slept: CLOCK_BOOTTIME, which Node.js does not read. While this machine
 * sleeps a database on another one goes on, so the age of what was read must count that. Whenever the wall clock has stepped,
 * which it also does when somebody sets it, the uptime says whether the machine slept.
 */
export class BootClock implements Clock {
  readonly #sources: BootSources;
  /** The wall clock less the monotonic one, and the uptime less it. */
  #offset: number;
  readonly #bootOffset: number;
  #slept = 0;

  constructor(sources: BootSources) {
    this.#sources = sources;
    const now = sources.monotonic();
    this.#offset = sources.wall() - now;
    this.#bootOffset = sources.uptime() - now;
  }

  now(): number {
    const now = this.#sources.monotonic();
    const offset = this.#sources.wall() - now;
    if (Math.abs(offset - this.#offset) > STEP_MS) {
      this.#offset = offset;
      const slept = this.#sources.uptime() - now - this.#bootOffset;
      if (slept > this.#slept + SLEEP_MS) this.#slept = slept;
    }
    return now + this.#slept;
  }
}

/** The age of what was read from a database counts by this one. */
export const boottime: Clock = new BootClock({
  monotonic: monotonic.now,
  wall: Date.now,
  uptime: () => uptime() * 1_000,
});
